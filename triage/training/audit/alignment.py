"""How alike two frames are once one was laid over the other.

A window found by the index is right to a few pixels only, and at 32 pixels a shift of one costs more correlation than
a neighbouring slice does. So shift and scale are refined by Gauss-Newton on the normalised difference, first on small
frames, then on larger ones (Lucas & Kanade 1981; for the correlation, Evangelidis & Psarakis 2008).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.training.audit.descriptors import Frames, Vectors, normalise, shrink

#: Side and number of steps of the quick look, and of the last word.
QUICK, QUICK_STEPS = 16, 3
EXACT, EXACT_STEPS = 40, 3
#: Below this in the quick look, the last word was never a copy's.
PROMISING = 0.94
#: Largest step in one go, and the scales that are tried: shares of the frame.
MAX_STEP = 0.04
SCALES = (0.7, 1.1)


def similarity(first: Frames, second: Frames, placed: NDArray[np.float32], mirrored: NDArray[np.bool_]) -> Vectors:
    """Return the best correlation of each pair.

    Parameters
    ----------
    first, second
        ``(n, FRAME, FRAME)``; a window of the first is laid over the whole second.
    placed
        ``(n, 3)`` left, top and side of that window to start from.
    mirrored
        ``(n,)`` whether the window is mirrored.

    Returns
    -------
    ndarray
        ``(n,)`` float32, -1 to 1.
    """
    turned = np.where(mirrored[:, None, None], first[:, :, ::-1], first)
    start = placed.copy()
    start[:, 0] = np.where(mirrored, 1 - placed[:, 0] - placed[:, 2], placed[:, 0])
    best, refined = _align(turned, second, start, QUICK, QUICK_STEPS)
    promising = np.flatnonzero(best > PROMISING)
    if len(promising):
        best[promising], _ = _align(turned[promising], second[promising], refined[promising], EXACT, EXACT_STEPS)
    return best


def _align(
    first: Frames, second: Frames, placed: NDArray[np.float32], side: int, steps: int
) -> tuple[Vectors, NDArray[np.float32]]:
    """Return the best correlation along the steps, and the window after the last of them."""
    images = shrink(first, side)
    target = normalise(shrink(second, side).reshape(len(second), -1))
    grid = ((np.arange(side) + 0.5) / side).astype(np.float32)
    across, down = np.tile(grid, side), np.repeat(grid, side)
    best = np.full(len(first), -1, np.float32)
    window = placed.copy()
    for step in range(steps + 1):
        x = (window[:, :1] + window[:, 2:] * across) * side - 0.5
        y = (window[:, 1:2] + window[:, 2:] * down) * side - 0.5
        values, by_x, by_y = _sample(images, x, y)
        values -= values.mean(axis=1, keepdims=True)
        length = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1.0)
        values /= length
        correlation = np.einsum("nm,nm->n", values, target)
        best = np.maximum(best, correlation)
        if step < steps:
            slopes = np.stack([by_x, by_y, by_x * across + by_y * down], axis=2) * (side / length[..., None])
            window += np.clip(_step(values, target, correlation, slopes), -MAX_STEP, MAX_STEP)
            window[:, 2] = np.clip(window[:, 2], *SCALES)
    return best, window


def _step(values: Vectors, target: Vectors, correlation: Vectors, slopes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Solve for the change of left, top and side that brings the values nearest to the target."""
    slopes = slopes - slopes.mean(axis=1, keepdims=True)
    slopes -= values[..., None] * np.einsum("nm,nmk->nk", values, slopes)[:, None]
    difference = target / np.maximum(correlation, 0.3)[:, None] - values
    # The small diagonal keeps frames without structure solvable.
    normal = np.einsum("nmi,nmj->nij", slopes, slopes) + 1e-3 * np.eye(3, dtype=np.float32)
    downhill = np.einsum("nmi,nm->ni", slopes, difference)
    return np.asarray(np.linalg.solve(normal, downhill[..., None])[..., 0], np.float32)


def _sample(
    images: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[Vectors, Vectors, Vectors]:
    """Read the images between their pixels, repeating the border, with the slopes along x and y."""
    side = images.shape[1]
    x, y = np.clip(x, 0, side - 1.001), np.clip(y, 0, side - 1.001)
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, below = x - column, y - row
    flat, at = images.reshape(len(images), -1), row * side + column
    a, b, c, d = (np.take_along_axis(flat, at + offset, axis=1) for offset in (0, 1, side, side + 1))
    top, foot = a + (b - a) * right, c + (d - c) * right
    return top + (foot - top) * below, (b - a) * (1 - below) + (d - c) * below, foot - top
