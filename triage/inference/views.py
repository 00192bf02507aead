"""Views of a slice: the square of the frame in a look, and masks mapped back to the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

#: Side of the frame from which all looks are cropped, in pixels: the second look needs the detail.
FRAME = 320
#: Side of the second look, relative to the extent of the lesion in the first look.
SPAN = 2.3
#: Smallest side of a second look, as a share of the frame.
MIN_SPAN = 0.22
#: Probability from which on a pixel is inside the tumour outline.
OUTLINED = 0.5


@dataclass(frozen=True, slots=True)
class Box:
    """The square of the frame in a look, in shares of the side of the frame; it may extend beyond the frame."""

    left: float
    top: float
    side: float


WHOLE = Box(0.0, 0.0, 1.0)
#: Three quarters of each side, which shows the head without most of the skull, magnified by a third.
MIDDLE = Box(0.125, 0.125, 0.75)


def crop(frame: NDArray[np.float32], box: Box, size: int) -> NDArray[np.float32]:
    """Return the part of a square frame in a box, ``(size, size)`` float32; 0 beyond the frame."""
    side = frame.shape[0]
    left, top, right = box.left * side, box.top * side, (box.left + box.side) * side
    image = Image.fromarray(frame)
    bottom = top + right - left
    # Crop whole pixels first, since Pillow cannot resize from beyond the edge of an image.
    x0, y0, x1, y1 = int(np.floor(left)), int(np.floor(top)), int(np.ceil(right)), int(np.ceil(bottom))
    inner = image.crop((x0, y0, x1, y1))
    part = (left - x0, top - y0, right - x0, bottom - y0)
    return np.asarray(inner.resize((size, size), Image.Resampling.BILINEAR, box=part), np.float32)


def second_look(mask: NDArray[np.float32], span: float = SPAN) -> Box:
    """Return the box of the second look, around the most probable lesion in the mask of the first look.

    Parameters
    ----------
    mask
        ``(rows, columns)`` probabilities over the whole frame. If none reaches `OUTLINED`, the place of the highest one
        is used: the second look may find what the first one missed.
    span
        Side of the look, relative to the extent of the lesion.
    """
    x, y, length = likeliest_lesion(mask)
    side = max(span * length, MIN_SPAN)
    return Box(x - side / 2, y - side / 2, side)


def likeliest_lesion(mask: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return centre x, y and extent of the most probable lesion in a mask, in shares of its side."""
    rows = mask.shape[0]
    labels, count = ndimage.label(mask >= min(OUTLINED, 0.6 * float(mask.max())))
    masses = ndimage.sum_labels(mask, labels, range(1, count + 1))
    ys, xs = np.nonzero(labels == int(np.argmax(masses)) + 1)
    top, bottom, left, right = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    length = float(max(bottom - top, right - left) / rows)
    return float((left + right) / 2 / rows), float((top + bottom) / 2 / rows), length


def outlined(mask: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which pixels of a mask of probabilities, of any shape, are inside the tumour outline."""
    return mask >= OUTLINED


def with_middle(whole: NDArray[np.float32], middle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mask of the whole, ``(rows, rows)``, averaged with that of the `MIDDLE` where they overlap."""
    rows = len(whole)
    start, side = round(MIDDLE.left * rows), round(MIDDLE.side * rows)
    inner = slice(start, start + side)
    shrunk = np.asarray(Image.fromarray(middle).resize((side, side), Image.Resampling.BOX))
    mean = whole.copy()
    mean[inner, inner] = (whole[inner, inner] + shrunk) / 2
    return mean


def lay_back(mask: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """Return the mask of a look mapped to the frame: ``(FRAME, FRAME)`` float32, 0 outside the look."""
    side = max(round(box.side * FRAME), 1)
    grown = Image.fromarray(mask).resize((side, side), Image.Resampling.BILINEAR)
    canvas = Image.new("F", (FRAME, FRAME))
    canvas.paste(grown, (round(box.left * FRAME), round(box.top * FRAME)))
    return np.asarray(canvas)
