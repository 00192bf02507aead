"""Quality gate: the reasons why a slice is not analysable, each with its remedy.

The checks use gray values and the outline only. Any bright round object on a dark background passes, a head or not:
`triage.inference.brain_gate` tells these apart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Slice
from triage.scans.quality.outline import Gray, Outline, outline, white_bone
from triage.scans.quality.white_air import with_dark_air

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
#: A slice through the base or the top of the head may be wider: so much, of an uneven outline that trunks do not have.
MAX_UNEVEN_WIDTH = 1.7
MAX_UNEVEN_FILL = 0.76
#: Width of a head that may lie off to one side: pictures of the spine have less.
MIN_ASIDE_WIDTH = 0.7
#: A head that is unusual in one of these ways is hardly cut off; the spine and the heart have more than 0.6.
MAX_CUT = 0.5
#: Largest share of bone there: heads on CT often lie off to one side.
MAX_ASIDE_BONE = 0.10
#: Smallest share of the foreground that such an unusual head has.
MIN_UNUSUAL_SHARE = 0.95
#: A white corner is at least so bright, in parts of the range.
WHITE = 0.9
#: Noise in the corners of the reduced picture has at least this standard deviation, in parts of the range.
MIN_NOISE = 0.03
#: Share of the rim that is white bone, from which on a slice is taken for CT; up to 0.70 in MRI of the training data.
MIN_CT_BONE = 0.72


ONE_SLICE = "Export the slice from the PACS as DICOM"
MONTAGE = "Several slices in one picture. Crop it to one slice, or export the series from the PACS as DICOM"
WHITE_BACKGROUND = f"White background: inverted, or cut out. {ONE_SLICE}, or invert it so that air is black"
NOISY_AIR = (
    "Noise all around the head, as in the UNI pictures of MP2RAGE. "
    "Send the denoised series (UNI-DEN), or another sequence"
)


def not_analysable(picture: Slice) -> str | None:
    """Return why a slice cannot be analysed whatever it shows, with the remedy, or None.

    Parameters
    ----------
    picture
        A decoded slice.
    """
    height, width = picture.pixels.shape
    if min(height, width) < MIN_SIDE:
        return (
            f"Too small: {width} x {height} pixels, at least {MIN_SIDE} x {MIN_SIDE} are needed. "
            "Export it at its own matrix size"
        )
    if max(height, width) > 4 * min(height, width):
        return f"Not a slice: {width} x {height} pixels is a strip. Crop it to one slice"
    if picture.colourfulness > MAX_COLOURFULNESS:
        return f"A colour picture, not a gray MRI slice. {ONE_SLICE}, without colours or photographs of it"
    if read := with_dark_air(picture.pixels):
        reason = not_analysable(replace(picture, pixels=read.pixels))
        return reason if reason in (None, MONTAGE) else WHITE_BACKGROUND
    counts = np.bincount(picture.pixels.ravel())
    low, high = _range(counts, picture.pixels.size)
    if high - low < MIN_CONTRAST * np.iinfo(picture.pixels.dtype).max and picture.pixels.dtype == np.uint8:
        return f"Blank: almost no contrast in the picture. {ONE_SLICE}, or with another window"
    if np.count_nonzero(counts) < MIN_LEVELS or low == high:
        return f"Blank or a drawing: too few gray levels for an MRI slice. {ONE_SLICE}"
    small = _small(picture.pixels, low, high)
    if _correlation(small) < MIN_CORRELATION:
        return None  # the outlines of noise mean nothing
    found = outline(_inner(small))
    return MONTAGE if found and found.similar > 1 and _is_montage(found, _inner(small), _stretch(picture)) else None


def unlike_a_head(picture: Slice) -> str | None:
    """Return what speaks against a head on MRI in an analysable slice, with the remedy, or None.

    One of these checks alone refuses too many heads. They say why, where the network's features tell the same
    (`triage.inference.brain_gate`).

    Parameters
    ----------
    picture
        A decoded slice for which `not_analysable` returns None.
    """
    if read := with_dark_air(picture.pixels):
        return WHITE_BACKGROUND if unlike_a_head(replace(picture, pixels=read.pixels)) else None
    small = _small(picture.pixels, *_range(np.bincount(picture.pixels.ravel()), picture.pixels.size))
    if _correlation(small) < MIN_CORRELATION:
        quarter = REDUCED_SIDE // 4
        if _correlation(small[quarter:-quarter, quarter:-quarter]) >= MIN_CORRELATION:
            return NOISY_AIR
        return f"Noise: neighbouring pixels are not correlated. {ONE_SLICE}"
    return _not_a_head(_inner(small), _stretch(picture))


def _not_a_head(gray: Gray, stretch: float) -> str | None:
    """Return why the outline is not that of a head on MRI, or None; `stretch` is width by height of the picture."""
    found = outline(gray)
    if found is None or found.corners < MIN_DARK_CORNERS or found.fill > MAX_FILL:
        return _without_air(gray)
    if found.share < MIN_SHARE:
        return f"Not a head on MRI: many pieces instead of one. Crop it to one slice. {ONE_SLICE} if it is a head"
    bone = white_bone(gray, found.inside)
    if _is_too_wide(found, found.width * stretch):
        return f"Not a head on MRI: wider than high, like the trunk. {ONE_SLICE} if it is a head"
    if found.offset > MAX_OFFSET and not _lies_aside(found, found.width * stretch, bone):
        return "Not a head on MRI: the object lies off to one side. Crop it so that a whole head is in the middle"
    if bone > MIN_CT_BONE:
        return "Not MRI: bone is bright all around, as on CT. Send an MRI series"
    return None


def _is_montage(found: Outline, gray: Gray, stretch: float) -> bool:
    """Return whether one of several similar pieces is no head with its surroundings; `stretch` as in `_not_a_head`."""
    if found.share < MIN_SHARE:
        return True
    if found.corners < MIN_DARK_CORNERS or found.fill > MAX_FILL or _is_too_wide(found, found.width * stretch):
        return False
    bone = white_bone(gray, found.inside)
    return found.offset > MAX_OFFSET and not _lies_aside(found, found.width * stretch, bone)


def _range(counts: NDArray[np.intp], pixels: int) -> tuple[int, int]:
    """Return the 1st and the 99th percentile of so many pixels from the counts of their values."""
    low, high = np.searchsorted(np.cumsum(counts), np.array([0.01, 0.99]) * pixels)
    return int(low), int(high)


def _inner(small: Gray) -> Gray:
    return small[BORDER:-BORDER, BORDER:-BORDER]


def _stretch(picture: Slice) -> float:
    """Return width by height of a picture in millimetres, since pixels need not be square."""
    height, width = picture.pixels.shape
    down, across = picture.spacing or (1.0, 1.0)
    return float(width * across / (height * down))


def _without_air(gray: Gray) -> str:
    """Return what is seen in the corners instead of dark air."""
    corners = [corner for rows in np.split(_ends(gray), 2) for corner in np.split(rows, 2, axis=1)]
    if sum(np.median(corner) > WHITE for corner in corners) >= MIN_DARK_CORNERS:
        return WHITE_BACKGROUND
    # The grid of a photographed screen has a strong negative correlation.
    noisy = [corner.std() > MIN_NOISE and abs(_correlation(corner)) < MIN_CORRELATION for corner in corners]
    if sum(noisy) >= MIN_DARK_CORNERS:
        return NOISY_AIR
    return (
        "Not a head on MRI: no dark background of air around it. Send the whole slice, uncropped and not photographed"
    )


def _ends(gray: Gray) -> Gray:
    """Return the four corners, put together to one square."""
    side = len(gray) // 8
    rows = np.concatenate([gray[:side], gray[-side:]])
    return np.concatenate([rows[:, :side], rows[:, -side:]], axis=1)


def _is_too_wide(found: Outline, width: float) -> bool:
    uneven = found.fill <= MAX_UNEVEN_FILL and found.share >= MIN_UNUSUAL_SHARE and found.cut <= MAX_CUT
    return width > (MAX_UNEVEN_WIDTH if uneven else MAX_WIDTH)


def _lies_aside(found: Outline, width: float, bone: float) -> bool:
    """Return whether the object is a whole head, wherever in the picture it lies."""
    return (
        found.cut <= MAX_CUT
        and found.share >= MIN_UNUSUAL_SHARE
        and width >= MIN_ASIDE_WIDTH
        and bone <= MAX_ASIDE_BONE
    )


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
