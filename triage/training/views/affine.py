"""Affine geometry of training views: matrices from view to frame pixels, and views drawn by them.

Tested in tests/training/views/test_two_look_views.py.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from triage.inference.views import MIN_SPAN
from triage.training.views.augment import Frame

#: Side of a second look over the extent of the lesion; the one that serves is within this range.
LESION_SPAN = (1.5, 5.0)


def whole_slice_matrix(side: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the matrix ``(2, 3)`` from view to frame pixels for the whole slice, randomly moved, rotated, scaled."""
    span = side * np.exp(rng.uniform(-0.22, 0.22))
    angle = rng.normal(0, 12) if rng.random() < 0.85 else rng.uniform(-180, 180)
    centre = np.full(2, side / 2) + span * rng.uniform(-0.07, 0.07, 2)
    upside_down = -1 if rng.random() < 0.1 else 1
    return affine(centre, span, angle, np.array([rng.choice([-1, 1]), upside_down]), size, rng)


def lesion_matrix(
    box: tuple[float, float, float], side: int, size: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the matrix ``(2, 3)`` from view to frame pixels for a crop around a lesion (x, y, extent), rotated."""
    x, y, length = box
    span = max(length * np.exp(rng.uniform(*np.log(LESION_SPAN))), MIN_SPAN * side)
    centre = np.array([x, y]) + span * rng.uniform(-0.12, 0.12, 2)
    return affine(centre, span, rng.uniform(-180, 180), rng.choice([-1, 1], 2), size, rng)


def affine(
    centre: NDArray[np.float64],
    span: float,
    angle: float,
    mirror: NDArray[np.int64],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the matrix ``(2, 3)`` from view to frame pixels.

    Parameters
    ----------
    centre
        x, y of the middle of the view, in frame pixels.
    span
        Side of the view in frame pixels.
    angle
        Rotation in degrees.
    mirror
        1 or -1 for each axis.
    size
        Side of the view in its own pixels.
    rng
        Random number generator for a slight stretch.
    """
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    linear = rotation @ np.diag(mirror * span / size * np.array([stretch, 1 / stretch]))
    return np.column_stack([linear, centre - linear @ np.array([size / 2, size / 2])])


def warp(frame: Frame, matrix: NDArray[np.float64], size: int) -> Frame:
    """Return the view ``(size, size)`` of a frame given by a matrix from view to frame pixels; smoothed if reduced."""
    scale = float(np.hypot(*matrix[:, 0]))
    if scale > 1.5:
        frame = cv2.GaussianBlur(frame, (0, 0), 0.45 * scale)
    drawn = cv2.warpAffine(frame, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.asarray(drawn, np.float32)
