"""Pictures as small frames of the head, and as vectors that a nearest-neighbour index can hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.inference.preprocess import prepare

#: Side of the frame that stands for a picture: pixels. 100,000 of them take 230 MB.
FRAME = 48
#: Side of the searched vectors' picture. Coarser finds crops better: on 500 random crops (up to 12 % off each side,
#: half of them mirrored) the original was among the 20 nearest for 96 % at 12 px and for 97 % at 16 px, at half the cost.
SIDE = 12
#: Pictures are brought near this size first: the head is found as well, four times faster.
WORKING_SIZE = 192

Frames = NDArray[np.uint8]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a frame, in shares of its side: what a crop of the picture would have left."""

    left: float
    top: float
    side: float


def _windows() -> tuple[Window, ...]:
    whole = Window(0.0, 0.0, 1.0)
    parts = [
        Window(left, top, side)
        for side in (0.92, 0.84)
        for left in (0.0, (1 - side) / 2, 1 - side)
        for top in (0.0, (1 - side) / 2, 1 - side)
    ]
    return (whole, *parts)


#: The views that every picture is searched by, besides their mirrors; the whole frame comes first.
WINDOWS = _windows()


def frame_of(pixels: NDArray[np.generic]) -> Frames:
    """Cut the head out of a picture: ``(FRAME, FRAME)`` uint8, in the network's normalisation."""
    image = Image.fromarray(np.asarray(pixels, np.float32))
    factor = max(image.size) // WORKING_SIZE
    small = image.reduce(factor) if factor > 1 and min(image.size) >= factor else image
    return np.rint(prepare(np.asarray(small), FRAME)[0]).astype(np.uint8)


def describe(frames: Frames, window: Window = WINDOWS[0], mirrored: bool = False, side: int = SIDE) -> Vectors:
    """Return the window of every frame as a vector of zero mean and unit length.

    Parameters
    ----------
    frames
        ``(n, FRAME, FRAME)``.
    mirrored
        Swap left and right after the window was cut.

    Returns
    -------
    ndarray
        ``(n, side * side)`` float32; zero for a frame without contrast.
    """
    rows, columns = _averaging(window.top, window.side, side), _averaging(window.left, window.side, side)
    views = rows @ frames.astype(np.float32) @ columns.T
    return normalise((views[:, :, ::-1] if mirrored else views).reshape(len(frames), -1))


def shrink(frames: Frames, side: int) -> NDArray[np.float32]:
    """Average the frames down to ``(n, side, side)``."""
    matrix = _averaging(0.0, 1.0, side)
    return np.asarray(matrix @ frames.astype(np.float32) @ matrix.T, np.float32)


def normalise(values: NDArray[np.float32]) -> Vectors:
    """Bring every row to zero mean and unit length; rows without contrast become zero."""
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(length > 1.0, centred / np.maximum(length, 1.0), 0).astype(np.float32)


def _averaging(start: float, length: float, side: int) -> NDArray[np.float32]:
    """Return the ``(side, FRAME)`` matrix that averages a stretch of a frame into `side` pixels."""
    edges = (start + length * np.arange(side + 1) / side) * FRAME
    low = np.maximum(edges[:-1, None], np.arange(FRAME))
    high = np.minimum(edges[1:, None], np.arange(1, FRAME + 1))
    return np.asarray(np.clip(high - low, 0, None) * (side / (length * FRAME)), np.float32)
