"""A head on white: its gray scale is inverted, or white was put in the place of air.

Air touches the skin, and both change little from one pixel to the next. So the outermost pixels of an inverted head are
bright, and dark ones next to white show that something else was there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[Any]
#: Side of a corner, in parts of the picture; so many corners are white, which no slice on black has.
CORNER = 0.08
MIN_WHITE_CORNERS = 3
#: White is at least so bright, and so even (standard deviation), in parts of the range.
WHITE = 0.9
EVEN = 0.05
#: Gray values of the outermost pixels of a head, in parts of the range: where white was filled in, the first ring is
#: darker than this; where the gray scale is inverted, the first two are brighter. Neither is so in a picture that was
#: resized after white was filled in.
FILLED_RIM = 0.45
INVERTED_RIM = 0.5
RINGS = 2
INVERTED = "Read inverted: white background"
FILLED = "White background read as air"


class Reading(NamedTuple):
    """A picture with dark air, and a note on how that was done."""

    pixels: Pixels
    note: str


def with_dark_air(pixels: Pixels) -> Reading | None:
    """Return a picture of a head on white with its air dark; None for any other picture, or if it is in doubt.

    Parameters
    ----------
    pixels
        ``(height, width)`` gray values of any depth.
    """
    side = max(round(CORNER * min(pixels.shape)), 1)
    ends = (slice(None, side), slice(-side, None))
    corners = np.array([np.median(pixels[rows, columns]) for rows in ends for columns in ends], np.float64)
    high = float(pixels.max())
    if np.count_nonzero(corners > WHITE * high) < MIN_WHITE_CORNERS:
        return None  # almost all pictures
    low = float(np.percentile(pixels, 1))
    gray = (pixels.astype(np.float32) - low) / max(float(np.median(corners)) - low, 1e-6)
    pieces, _ = ndimage.label(gray > WHITE)
    outside = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    white = np.isin(pieces, outside[outside > 0])
    if white.all() or not white.any() or gray[white].std() > EVEN:
        return None
    depth = ndimage.distance_transform_edt(~white)
    if depth.max() <= RINGS:
        return None
    first, second = (float(np.median(gray[ring])) for ring in (depth == 1, (depth > 1) & (depth <= RINGS)))
    if min(first, second) > INVERTED_RIM:
        return Reading(pixels.max() - pixels, INVERTED)
    return Reading(np.where(white, pixels.min(), pixels), FILLED) if first < FILLED_RIM else None
