"""How alike two heads are once one was laid over the other.

A window found by the index is right to a few pixels only, and a shift of one pixel costs more correlation than a
neighbouring slice does. So shift and scale are refined by Gauss-Newton on the normalised difference (inverse
compositional: Baker & Matthews, IJCV 2004), first on small frames, then on larger ones. Only what both pictures show is
compared: what a crop took away says nothing against it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.training.audit.descriptors import FRAME, Heads, Vectors, normalise, shrink

#: Least correlation in the quick look for the exact one to be worth its time.
PROMISING = 0.90
#: Largest step in one go, and the scales that are tried: shares of the frame.
MAX_STEP = 0.05
SCALES = (0.7, 1.1)
#: Least share of the frame that both pictures have to show.
LEAST_OVERLAP = 0.5


class _Look(NamedTuple):
    """How closely to look: pixels to read from, fewer pixels to compare (or reading between them blurs), steps."""

    detail: int
    side: int
    steps: int


QUICK = _Look(detail=24, side=20, steps=5)
EXACT = _Look(detail=FRAME, side=40, steps=2)


def similarity(first: Heads, second: Heads, placed: NDArray[np.float32], mirrored: NDArray[np.bool_]) -> Vectors:
    """Return the best correlation of each pair.

    Parameters
    ----------
    first, second
        As many heads each; a window of the first is laid over the whole second.
    placed
        ``(n, 3)`` left, top and side of that window to start from.
    mirrored
        ``(n,)`` whether the window is mirrored.

    Returns
    -------
    ndarray
        ``(n,)`` float32, -1 to 1.
    """
    turned = first.turned(mirrored)
    start = placed.copy()
    start[:, 0] = np.where(mirrored, 1 - placed[:, 0] - placed[:, 2], placed[:, 0])
    best, window = _align(turned, second, start, QUICK)
    promising = np.flatnonzero(best > PROMISING)
    if len(promising):
        best[promising], _ = _align(turned.take(promising), second.take(promising), window[promising], EXACT)
    return best


def _align(
    first: Heads, second: Heads, placed: NDArray[np.float32], look: _Look
) -> tuple[Vectors, NDArray[np.float32]]:
    """Return the best correlation along the steps, and the window that it was found with."""
    side = look.side
    images, template = shrink(first.pixels, look.detail), shrink(second.pixels, side)
    grid = ((np.arange(side) + 0.5) / side).astype(np.float32)
    across, down = np.tile(grid, side), np.repeat(grid, side)
    slopes = _slopes(template, across, down)
    # The small diagonal keeps frames without structure solvable.
    inverse = np.linalg.inv(slopes @ slopes.transpose(0, 2, 1) + 1e-3 * np.eye(3, dtype=np.float32))
    flat = template.reshape(len(template), -1)
    shown = _within(second.inside, across[None], down[None])
    window, found = placed.copy(), placed.copy()
    best = np.full(len(placed), -1, np.float32)
    for step in range(look.steps + 1):
        x, y = window[:, :1] + window[:, 2:] * across, window[:, 1:2] + window[:, 2:] * down
        both = shown & _within(first.inside, x, y)
        values, target = normalise(_sample(images, x, y), both), normalise(flat, both)
        correlation = np.where(both.mean(axis=1) < LEAST_OVERLAP, -1, np.einsum("nm,nm->n", values, target))
        better = correlation > best
        best, found = np.where(better, correlation, best), np.where(better[:, None], window, found)
        if step < look.steps:
            downhill = slopes @ (values - target)[..., None]
            window = _compose(window, np.asarray((inverse @ downhill)[..., 0], np.float32))
    return best, found


def _slopes(template: NDArray[np.float32], across: Vectors, down: Vectors) -> NDArray[np.float32]:
    """Return ``(n, 3, side * side)``: how the normalised template changes with left, top and side."""
    count, side, _ = template.shape
    unit = normalise(template.reshape(count, -1))
    by_y, by_x = (slope.reshape(count, -1) * side for slope in np.gradient(unit.reshape(template.shape), axis=(1, 2)))
    slopes = np.stack([by_x, by_y, by_x * across + by_y * down], axis=1)
    slopes -= slopes.mean(axis=2, keepdims=True)
    return np.asarray(slopes - (slopes @ unit[..., None]) * unit[:, None], np.float32)


def _compose(window: NDArray[np.float32], change: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo a change of the template on the window."""
    change = np.clip(change, -MAX_STEP, MAX_STEP)
    side = window[:, 2:] / (1 + change[:, 2:])
    corner = window[:, :2] - side * change[:, :2]
    return np.concatenate([corner, np.clip(side, *SCALES)], axis=1)


def _within(inside: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    left, top, right, foot = (edge[:, None] for edge in inside.T)
    return np.asarray((x > left) & (x < right) & (y > top) & (y < foot))


def _sample(images: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> Vectors:
    """Read the images between their pixels; ``x`` and ``y`` in shares of the side, the border repeated."""
    side = images.shape[1]
    last = np.float32(side - 1.001)
    x, y = np.clip(x * side - np.float32(0.5), 0, last), np.clip(y * side - np.float32(0.5), 0, last)
    column, row = x.astype(np.int32), y.astype(np.int32)
    right, below = x - column, y - row
    at = row * side + column + (np.arange(len(images), dtype=np.int32) * (side * side))[:, None]
    flat = images.ravel()
    top, foot = flat[at], flat[at + side]
    top += (flat[at + 1] - top) * right
    foot += (flat[at + side + 1] - foot) * right
    return np.asarray(top + (foot - top) * below, np.float32)
