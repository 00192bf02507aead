"""What cannot be judged is said, not guessed: the reasons for which a slice is not analysable.

These are checks of gray values and of the outline alone. What is round, bright and in the middle of the dark passes
them, be it a head or not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Slice
from triage.scans.quality.outline import Gray, outline, white_bone

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
#: Frames and lines that are drawn around pictures lie in so much of that on each side: pixels.
FRAME = 5
#: A head stands before air: two corners at least are dark, and its outline fills less than this of the box around it.
DARK_CORNERS, MAX_FILL = 2, 0.96
#: A head is one piece: of all that is not background at least this part; above 0.7 in 99.5 % of the training data.
MIN_SHARE = 0.5
#: Width by height: less in 99.9 % of the training data, in whatever plane; the trunk across has 1.3 to 1.6.
MAX_WIDTH = 1.3
#: Off the middle, in parts of the width: up to 0.11 in 99.9 % of the training data.
MAX_ASIDE = 0.12
#: How much of the rim has to be white bone for a CT; up to 0.70 in the MRI of the training data.
CT_BONE = 0.72


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
    # Pixels need not be square.
    down, across = picture.spacing or (1.0, 1.0)
    return _not_a_head(small[FRAME:-FRAME, FRAME:-FRAME], width * across / (height * down))


def _not_a_head(gray: Gray, stretch: float) -> str | None:
    """Say why the outline is none of a head on MRI; `stretch` is the picture's own width by height."""
    seen = outline(gray)
    if seen is None or seen.corners < DARK_CORNERS or seen.fill > MAX_FILL:
        return "Not a head on MRI: no dark background of air around it"
    if seen.share < MIN_SHARE:
        return "Not a head on MRI: many pieces instead of one"
    if seen.width * stretch > MAX_WIDTH:
        return "Not a head on MRI: wider than high, as the trunk is"
    if seen.aside > MAX_ASIDE:
        return "Not a head on MRI: what is seen lies off to one side"
    if white_bone(gray, seen.inside) > CT_BONE:
        return "Not MRI: bone is white all around, as on CT"
    return None


def _small(pixels: NDArray[np.generic], low: int, high: int) -> Gray:
    """Average down to ``(SMALL, SMALL)``, `low` to 0 and `high` to 1."""
    gray = pixels.astype(np.float32)
    # In place: copies of a large picture cost more than the sums.
    gray -= low
    gray /= high - low
    np.clip(gray, 0, 1, out=gray)
    return np.asarray(Image.fromarray(gray).resize((SMALL, SMALL), Image.Resampling.BOX))


def _correlation(small: Gray) -> float:
    """Correlation of each pixel with the next one, across or down, whichever is less."""
    pairs = ((small[:, 1:], small[:, :-1]), (small[1:], small[:-1]))
    return min(_pearson(one, other) for one, other in pairs)


def _pearson(one: Gray, other: Gray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float(np.vdot(one, other) / max(np.sqrt(np.vdot(one, one) * np.vdot(other, other)), 1e-12))
