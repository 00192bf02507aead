"""Preprocessing for training and inference: crop to the head, normalise the intensities, resize.

Sources differ in window, border and scale, and a network would learn these instead of the disease. So the background is
cropped, the 1st and 99th percentile of the head become 0 and 255, and a square around the head fills the frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Placement
from triage.scans.quality.white_air import with_dark_air

#: Changes whenever the output for the same slice changes; a model card names the version of its training.
VERSION = 1
PERCENTILES = (1.0, 99.0)
#: A pixel belongs to the head if it differs from the border by this share of the range of the slice.
HEAD_CONTRAST = 0.10
#: A row or column belongs to the head if this share of its pixels does.
HEAD_SHARE = 0.03
#: Margin around the head, as a share of its larger side.
MARGIN = 0.02


def prepare(pixels: NDArray[np.generic], size: int) -> tuple[NDArray[np.float32], Placement]:
    """Prepare a slice as a frame.

    Parameters
    ----------
    pixels
        ``(height, width)`` gray values of any depth; on white they are read as `with_dark_air` does.
    size
        Side of the frame in pixels.

    Returns
    -------
    frame
        ``(size, size)`` float32, 0 to 255.
    placement
        The square of the slice that the frame covers.
    """
    if read := with_dark_air(pixels):
        pixels = read.pixels
    gray = np.asarray(pixels, dtype=np.float32)
    rows, columns = _head(gray, *_percentiles(pixels))
    low, high = _percentiles(pixels[rows, columns])
    height, width = rows.stop - rows.start, columns.stop - columns.start
    side = round(max(height, width) * (1 + 2 * MARGIN))
    left = (columns.start + columns.stop - side) // 2
    top = (rows.start + rows.stop - side) // 2
    square = np.zeros((side, side), np.float32)
    shown = gray[max(top, 0) : top + side, max(left, 0) : left + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + shown.shape[0], x : x + shown.shape[1]] = _normalise(shown, low, high)
    frame = Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=None)
    return np.asarray(frame, dtype=np.float32), Placement(float(left), float(top), float(side))


def place(values: NDArray[np.float32], placement: Placement, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Map an array over the frame back to the slice.

    Parameters
    ----------
    values
        ``(rows, columns)``, of any resolution.
    placement
        As `prepare` returns it for the slice.
    shape
        ``(height, width)`` of the slice.

    Returns
    -------
    ndarray
        ``(height, width)`` float32, 0 outside the frame.
    """
    side = max(round(placement.side), 1)
    left, top = int(placement.left), int(placement.top)
    grown = Image.fromarray(values.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC)
    canvas = Image.new("F", (shape[1], shape[0]))
    canvas.paste(grown, (left, top))
    return np.asarray(canvas)


def _percentiles(pixels: NDArray[np.generic]) -> tuple[float, float]:
    """Return `PERCENTILES` of gray values; integers are counted, which is much faster than sorting."""
    if not np.issubdtype(pixels.dtype, np.unsignedinteger) or pixels.dtype.itemsize > 2:
        low, high = np.percentile(np.asarray(pixels, np.float32), PERCENTILES)
        return float(low), float(high)
    places = np.array(PERCENTILES) / 100 * (pixels.size - 1)
    below = np.floor(places)
    ends = np.searchsorted(np.cumsum(np.bincount(pixels.ravel())), np.array([below, np.ceil(places)]), side="right")
    low, high = ends[0] + (ends[1] - ends[0]) * (places - below)
    return float(low), float(high)


def _head(gray: NDArray[np.float32], low: float, high: float) -> tuple[slice, slice]:
    """Return rows and columns of the head; the whole slice if nothing stands out."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    distance = gray - np.median(border)
    stands_out = (np.abs(distance, out=distance) > HEAD_CONTRAST * max(high - low, 1e-6)).astype(np.float32)
    height, width = gray.shape
    # Products with ones are exact here, and much faster than sums.
    rows = np.flatnonzero(stands_out @ np.ones(width, np.float32) / width > HEAD_SHARE)
    columns = np.flatnonzero(np.ones(height, np.float32) @ stands_out / height > HEAD_SHARE)
    if len(rows) < 16 or len(columns) < 16:
        return slice(0, gray.shape[0]), slice(0, gray.shape[1])
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _normalise(gray: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    scaled = gray - np.float32(low)
    scaled *= np.float32(255.0 / max(high - low, 1e-6))
    return np.clip(scaled, 0, 255, out=scaled)
