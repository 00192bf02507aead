"""Quality gate: the reasons why a slice is not analysable.

The checks use gray values and the outline only. Any bright round object on a dark background passes, a head or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Slice
from triage.scans.quality.outline import Gray, outline, white_bone

#: Smallest side on which a lesion of a few millimetres is visible: pixels.
MIN_SIDE = 64
#: Slices, some with coloured marks, have less than 0.05; photographs have more than 0.1.
MAX_COLOURFULNESS = 0.10
#: Even a heavily compressed slice has more gray levels.
MIN_LEVELS = 16
#: Range between the 1st and the 99th percentile, relative to the depth of the file.
MIN_CONTRAST = 0.02
#: Side of the reduced picture that the following are measured on: pixels.
REDUCED_SIDE = 128
#: Correlation of neighbouring pixels there: 0 in noise, above 0.44 in every slice of the training data.
MIN_CORRELATION = 0.40
#: Width of the border that is left out, where some pictures have frames and lines: pixels of the reduced picture.
BORDER = 5
#: A head is surrounded by air: at least so many corners are dark.
MIN_DARK_CORNERS = 2
#: Largest part of its bounding box that a head fills.
MAX_FILL = 0.96
#: A head is one piece. Its smallest share of all foreground: above 0.7 in 99.5 % of the training data.
MIN_SHARE = 0.5
#: Width by height: lower in 99.9 % of the training data, in all planes; axial slices of the trunk have 1.3 to 1.6.
MAX_WIDTH = 1.3
#: Distance from the middle in parts of the width: up to 0.11 in 99.9 % of the training data.
MAX_OFFSET = 0.12
#: Share of the rim that is white bone, from which on a slice is taken for CT; up to 0.70 in MRI of the training data.
MIN_CT_BONE = 0.72


def not_analysable(picture: Slice) -> str | None:
    """Return why a slice cannot be analysed, or None.

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
        return "Blank: almost no contrast in the picture"
    if np.count_nonzero(counts) < MIN_LEVELS or low == high:
        return "Blank or a drawing: too few gray levels for an MRI slice"
    small = _small(picture.pixels, int(low), int(high))
    if _correlation(small) < MIN_CORRELATION:
        return "Noise: neighbouring pixels are not correlated"
    # Pixels need not be square.
    down, across = picture.spacing or (1.0, 1.0)
    return _not_a_head(small[BORDER:-BORDER, BORDER:-BORDER], width * across / (height * down))


def _not_a_head(gray: Gray, stretch: float) -> str | None:
    """Return why the outline is not that of a head on MRI, or None; `stretch` is width by height of the picture."""
    found = outline(gray)
    if found is None or found.corners < MIN_DARK_CORNERS or found.fill > MAX_FILL:
        return "Not a head on MRI: no dark background of air around it"
    if found.share < MIN_SHARE:
        return "Not a head on MRI: many pieces instead of one"
    if found.width * stretch > MAX_WIDTH:
        return "Not a head on MRI: wider than high, like the trunk"
    if found.offset > MAX_OFFSET:
        return "Not a head on MRI: the object lies off to one side"
    if white_bone(gray, found.inside) > MIN_CT_BONE:
        return "Not MRI: bone is bright all around, as on CT"
    return None


def _small(pixels: NDArray[np.generic], low: int, high: int) -> Gray:
    """Average down to ``(REDUCED_SIDE, REDUCED_SIDE)``, `low` to 0 and `high` to 1."""
    gray = pixels.astype(np.float32)
    # In place: copying a large picture would take longer than the arithmetic.
    gray -= low
    gray /= high - low
    np.clip(gray, 0, 1, out=gray)
    return np.asarray(Image.fromarray(gray).resize((REDUCED_SIDE, REDUCED_SIDE), Image.Resampling.BOX))


def _correlation(small: Gray) -> float:
    """Return the correlation of each pixel with the next one, across or down, whichever is lower."""
    pairs = ((small[:, 1:], small[:, :-1]), (small[1:], small[:-1]))
    return min(_pearson(one, other) for one, other in pairs)


def _pearson(one: Gray, other: Gray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float(np.vdot(one, other) / max(np.sqrt(np.vdot(one, one) * np.vdot(other, other)), 1e-12))
