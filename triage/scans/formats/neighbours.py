"""Which reading of the same bytes is right: the one in which neighbouring pixels have more in common.

Tested in tests/scans/formats/test_pixels.py and test_raster.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.integer] | NDArray[np.floating]
#: How much more neighbours have in common before pixels are read unlike their file states.
CLEARLY = 0.25


def likelier(stated: Pixels, other: Pixels, by: float = 0.0) -> Pixels:
    """Return the other reading if neighbours have more in common in it than in the stated one, by so much."""
    return other if likeness(other) > likeness(stated) + by else stated


def likeness(pixels: Pixels) -> float:
    """Return the correlation of each pixel with the next one across; -1 if all are the same."""
    one, other = pixels[:, 1:].ravel(), pixels[:, :-1].ravel()
    return float(np.corrcoef(one, other)[0, 1]) if one.std() and other.std() else -1.0
