"""Correlation of two heads after alignment.

A window found by the index is accurate to a few pixels only, and a shift of one pixel lowers the correlation more than
a neighbouring slice does. Gauss-Newton steps on the normalised difference refine shift and scale (inverse compositional
alignment: Baker & Matthews, IJCV 2004), first on small frames, then on larger ones. Only the area that both pictures
show is compared, so a crop does not count as a difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.copies.descriptors import FRAME, Heads, Vectors, normalise, shrink

#: Least correlation after the coarse alignment for which the fine one is tried.
PROMISING = 0.90
#: Largest change in one step: share of the frame.
MAX_STEP = 0.05
#: Smallest and largest scale that is tried.
SCALES = (0.7, 1.1)
#: Least share of the frame that both pictures must show.
MIN_OVERLAP = 0.5


class _Resolution(NamedTuple):
    """Resolution of an alignment.

    Attributes
    ----------
    detail
        Side of the frame that is sampled: pixels.
    side
        Side of the grid that is compared: pixels. It is coarser than `detail`, because interpolation blurs.
    steps
        Number of Gauss-Newton steps.
    """

    detail: int
    side: int
    steps: int


COARSE = _Resolution(detail=24, side=20, steps=5)
FINE = _Resolution(detail=FRAME, side=40, steps=2)


def similarity(first: Heads, second: Heads, placed: NDArray[np.float32], mirrored: NDArray[np.bool_]) -> Vectors:
    """Return the best correlation of each pair.

    Parameters
    ----------
    first, second
        The same number of heads; a window of each first one is aligned with the whole second one.
    placed
        ``(n, 3)`` left, top and side of that window at the start.
    mirrored
        ``(n,)`` whether the window is mirrored.

    Returns
    -------
    ndarray
        ``(n,)`` float32, -1 to 1.
    """
    flipped = first.flipped(mirrored)
    start = placed.copy()
    start[:, 0] = np.where(mirrored, 1 - placed[:, 0] - placed[:, 2], placed[:, 0])
    best, window = _align(flipped, second, start, COARSE)
    promising = np.flatnonzero(best > PROMISING)
    if len(promising):
        best[promising], _ = _align(flipped.take(promising), second.take(promising), window[promising], FINE)
    return best


def _align(
    first: Heads, second: Heads, placed: NDArray[np.float32], resolution: _Resolution
) -> tuple[Vectors, NDArray[np.float32]]:
    """Return the best correlation of all steps, and its window."""
    side = resolution.side
    images, template = shrink(first.pixels, resolution.detail), shrink(second.pixels, side)
    grid = ((np.arange(side) + 0.5) / side).astype(np.float32)
    across = np.tile(grid, side)
    down = np.repeat(grid, side)
    slopes = _slopes(template, across, down)
    # Without the small diagonal, a frame without structure makes the matrix singular.
    inverse = np.linalg.inv(slopes @ slopes.transpose(0, 2, 1) + 1e-3 * np.eye(3, dtype=np.float32))
    flat = template.reshape(len(template), -1)
    shown = _within(second.inside, across[None], down[None])
    window, found = placed.copy(), placed.copy()
    best = np.full(len(placed), -1, np.float32)
    for step in range(resolution.steps + 1):
        x, y = window[:, :1] + window[:, 2:] * across, window[:, 1:2] + window[:, 2:] * down
        both = shown & _within(first.inside, x, y)
        values, target = normalise(_sample(images, x, y), both), normalise(flat, both)
        correlation = np.where(both.mean(axis=1) < MIN_OVERLAP, -1, np.einsum("nm,nm->n", values, target))
        better = correlation > best
        best, found = np.where(better, correlation, best), np.where(better[:, None], window, found)
        if step < resolution.steps:
            downhill = slopes @ (values - target)[..., None]
            window = _compose(window, np.asarray((inverse @ downhill)[..., 0], np.float32))
    return best, found


def _slopes(template: NDArray[np.float32], across: Vectors, down: Vectors) -> NDArray[np.float32]:
    """Return the derivatives of the normalised template by left, top and side, ``(n, 3, side * side)``."""
    count, side, _ = template.shape
    unit = normalise(template.reshape(count, -1))
    by_y, by_x = (slope.reshape(count, -1) * side for slope in np.gradient(unit.reshape(template.shape), axis=(1, 2)))
    slopes = np.stack([by_x, by_y, by_x * across + by_y * down], axis=1)
    slopes -= slopes.mean(axis=2, keepdims=True)
    return np.asarray(slopes - (slopes @ unit[..., None]) * unit[:, None], np.float32)


def _compose(window: NDArray[np.float32], change: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply the inverse of a change of the template to the window."""
    change = np.clip(change, -MAX_STEP, MAX_STEP)
    side = window[:, 2:] / (1 + change[:, 2:])
    corner = window[:, :2] - side * change[:, :2]
    return np.concatenate([corner, np.clip(side, *SCALES)], axis=1)


def _within(inside: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    left, top, right, bottom = (edge[:, None] for edge in inside.T)
    return np.asarray((x > left) & (x < right) & (y > top) & (y < bottom))


def _sample(images: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> Vectors:
    """Interpolate the images bilinearly; ``x`` and ``y`` are shares of the side, and the border is repeated."""
    side = images.shape[1]
    last = np.float32(side - 1.001)
    x, y = np.clip(x * side - np.float32(0.5), 0, last), np.clip(y * side - np.float32(0.5), 0, last)
    column, row = x.astype(np.int32), y.astype(np.int32)
    right, below = x - column, y - row
    at = row * side + column + (np.arange(len(images), dtype=np.int32) * (side * side))[:, None]
    flat = images.ravel()
    top, bottom = flat[at], flat[at + side]
    top += (flat[at + 1] - top) * right
    bottom += (flat[at + side + 1] - bottom) * right
    return np.asarray(top + (bottom - top) * below, np.float32)
