"""What cannot be judged is said, not guessed: the reasons for which a slice is not analysable.

These are checks of gray values alone. They know no anatomy: another organ on MRI passes them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Slice

#: Smallest side that shows a lesion of a few millimetres: pixels.
MIN_SIDE = 64
#: Real slices, with coloured marks drawn on some, stay below 0.05; photographs lie above 0.1.
MAX_COLOURFULNESS = 0.10
#: Number of gray levels that even a heavily compressed slice exceeds.
MIN_LEVELS = 16
#: Part of the range between the 1st and the 99th percentile, relative to the depth of the file.
MIN_CONTRAST = 0.02
#: Side of the small picture that the following are measured on: pixels.
SMALL = 128
#: Correlation of neighbouring pixels there: 0 in noise, above 0.44 in every slice of the training data.
MIN_CORRELATION = 0.40
#: Air: the share of pixels in the lowest tenth of the range; above 0.06 in all but 0.1 % of the training data.
AIR, MIN_AIR = 0.1, 0.05


def not_analysable(picture: Slice) -> str | None:
    """Return why the slice cannot be judged, or None.

    Parameters
    ----------
    picture
        A decoded slice.
    """
    height, width = picture.pixels.shape
    if min(height, width) < MIN_SIDE:
        return f"Too small: {width} x {height} pixels, at least {MIN_SIDE} x {MIN_SIDE} are needed"
    if max(height, width) > 4 * min(height, width):
        return f"Not a slice: {width} x {height} pixels is a strip"
    if picture.colourfulness > MAX_COLOURFULNESS:
        return "A colour picture, not a gray MRI slice"
    counts = np.bincount(picture.pixels.ravel())
    low, high = np.searchsorted(np.cumsum(counts), np.array([0.01, 0.99]) * picture.pixels.size)
    if high - low < MIN_CONTRAST * np.iinfo(picture.pixels.dtype).max and picture.pixels.dtype == np.uint8:
        return "Blank: hardly any contrast in the picture"
    if np.count_nonzero(counts) < MIN_LEVELS or low == high:
        return "Blank or a drawing: too few gray levels for an MRI slice"
    small = _small(picture.pixels, int(low), int(high))
    if _correlation(small) < MIN_CORRELATION:
        return "Noise: neighbouring pixels have nothing to do with each other"
    if (small < AIR).mean() < MIN_AIR:
        return "Not a head on MRI: no dark background of air"
    return None


def _small(pixels: NDArray[np.generic], low: int, high: int) -> NDArray[np.float32]:
    """Average down to ``(SMALL, SMALL)``, `low` to 0 and `high` to 1."""
    gray = np.clip((pixels.astype(np.float32) - low) / (high - low), 0, 1)
    return np.asarray(Image.fromarray(gray).resize((SMALL, SMALL), Image.Resampling.BOX))


def _correlation(small: NDArray[np.float32]) -> float:
    """Correlation of each pixel with the next one, across or down, whichever is less."""
    pairs = ((small[:, 1:], small[:, :-1]), (small[1:], small[:-1]))
    return float(min(np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs))
