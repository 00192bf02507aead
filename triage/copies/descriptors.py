"""Pictures as small frames of the head, and as vectors for a nearest-neighbour index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.inference.preprocess import prepare

#: Side of the frame that represents a picture: pixels. 100,000 frames take 230 MB.
FRAME = 48
#: Side of the frame that becomes a vector of the index: pixels. Coarse vectors find crops as well as finer ones do
#: (tried: 12, 16, 32), because a shift of the head changes them less; the alignment rejects wrong candidates.
SIDE = 12
#: Pictures are first reduced to about this size: the head is found as reliably, four times faster.
WORKING_SIZE = 192

Frames = NDArray[np.uint8]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a frame, in shares of its side, as a crop of the picture would leave it."""

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


#: The views that each picture is searched with, besides their mirror images; the whole frame comes first.
WINDOWS = _windows()


class Heads(NamedTuple):
    """The heads of many pictures.

    Attributes
    ----------
    pixels
        ``(n, FRAME, FRAME)`` uint8, in the network's normalisation; smaller frames where only these were kept.
    inside
        ``(n, 4)`` left, top, right and bottom of the picture in the frame, in shares of its side; the rest is padding.
    """

    pixels: Frames
    inside: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic] | slice) -> Heads:
        """Return some of the heads."""
        return Heads(self.pixels[chosen], self.inside[chosen])

    def enlarged(self) -> Heads:
        """Return the heads as frames of full size, which the alignment needs."""
        if self.pixels.shape[-1] == FRAME:
            return self
        size = (FRAME, FRAME)
        large = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)) for one in self.pixels]
        return Heads(np.stack(large) if large else np.empty((0, FRAME, FRAME), np.uint8), self.inside)

    def flipped(self, mirrored: NDArray[np.bool_]) -> Heads:
        """Return the heads, with left and right swapped where `mirrored` is true."""
        swapped = np.stack([1 - self.inside[:, 2], self.inside[:, 1], 1 - self.inside[:, 0], self.inside[:, 3]], axis=1)
        pixels = np.where(mirrored[:, None, None], self.pixels[:, :, ::-1], self.pixels)
        return Heads(pixels, np.where(mirrored[:, None], swapped, self.inside))


def head_of(pixels: NDArray[np.generic]) -> Heads:
    """Return the head of a picture ``(height, width)``, as a set of one."""
    image = Image.fromarray(np.asarray(pixels, np.float32))
    factor = max(image.size) // WORKING_SIZE
    small = image.reduce(factor) if factor > 1 and min(image.size) >= factor else image
    frame, placement = prepare(np.asarray(small), FRAME)
    edges = np.array([0, 0, *small.size]) - np.tile([placement.left, placement.top], 2)
    inside = np.clip(edges / placement.side, 0, 1).astype(np.float32)
    return Heads(np.rint(frame).astype(np.uint8)[None], inside[None])


def gather(heads: Sequence[Heads]) -> Heads:
    """Join sets of heads."""
    none = Heads(np.empty((0, FRAME, FRAME), np.uint8), np.empty((0, 4), np.float32))
    return Heads(*map(np.concatenate, zip(none, *heads, strict=True)))


def describe(heads: Heads, window: Window = WINDOWS[0], mirrored: bool = False) -> Vectors:
    """Return the window of every head as a vector of zero mean and unit length.

    Parameters
    ----------
    heads
        The heads of n pictures.
    window
        The part of each frame that is used.
    mirrored
        Whether left and right are swapped after the window is cut.

    Returns
    -------
    ndarray
        ``(n, SIDE * SIDE)`` float32; zero for a frame without contrast.
    """
    frame = heads.pixels.shape[-1]
    rows, columns = (_averaging(start, window.side, SIDE, frame) for start in (window.top, window.left))
    views = rows @ heads.pixels.astype(np.float32) @ columns.T
    return normalise((views[:, :, ::-1] if mirrored else views).reshape(len(views), -1))


def shrink(frames: Frames, side: int) -> NDArray[np.float32]:
    """Average the frames down to ``(n, side, side)``."""
    matrix = _averaging(0.0, 1.0, side, frames.shape[-1])
    return np.asarray(matrix @ frames.astype(np.float32) @ matrix.T, np.float32)


def normalise(values: NDArray[np.float32], where: NDArray[np.bool_] | None = None) -> Vectors:
    """Scale each row to zero mean and unit length within `where`; the rest, and rows without contrast, become zero."""
    if where is None:
        centred = values - values.mean(axis=1, keepdims=True)
    else:
        count = np.maximum(where.sum(axis=1, keepdims=True), 1)
        centred = (values - np.einsum("nm,nm->n", values, where)[:, None] / count) * where
    length = np.sqrt(np.einsum("nm,nm->n", centred, centred))[:, None]
    return np.where(length > 1.0, centred / np.maximum(length, 1.0), 0).astype(np.float32)


def _averaging(start: float, length: float, side: int, frame: int) -> NDArray[np.float32]:
    """Return the ``(side, frame)`` matrix that averages an interval of a frame into `side` pixels."""
    edges = (start + length * np.arange(side + 1) / side) * frame
    low = np.maximum(edges[:-1, None], np.arange(frame))
    high = np.minimum(edges[1:, None], np.arange(1, frame + 1))
    return np.asarray(np.clip(high - low, 0, None) * (side / (length * frame)), np.float32)
