"""The outline of what a slice shows before its dark background, and what lies just within it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Gray = NDArray[np.float32]
#: Air and what looks like it, in parts of the range.
DARK = 0.15
#: Side of the corners that are looked at, in parts of the picture; how much of one has to be dark.
CORNER, MOSTLY = 0.08, 0.5
#: Rays from the middle outwards, and how deep they look below the outline, in parts of the head's radius.
RAYS, DEEP = 64, 0.45
#: Bone on CT is as bright as a picture gets; the brain is darker than this, and brighter than air.
WHITE, BRAIN = 0.95, (0.1, 0.75)
#: Next to bright scalp, MRI has dark bone: darker than this part of the brain's gray.
DARK_BONE = 0.75
_ANGLES = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
#: One pixel outwards along each ray: rows and columns, ``(2, 1, RAYS)``.
_OUTWARDS = np.array([np.sin(_ANGLES), np.cos(_ANGLES)])[:, None, :]


@dataclass(frozen=True, slots=True)
class Outline:
    """The largest piece that stands before the dark background.

    Attributes
    ----------
    inside
        Its pixels, holes filled by what is dark and does not reach the edge of the picture.
    corners
        How many of the picture's four corners are dark.
    share
        Its part of all that is not background.
    fill
        Its part of the box around it: 0.79 for an ellipse.
    width
        Width by height of that box, in pixels.
    aside
        How far its middle is left or right of the picture's, in parts of the picture.
    """

    inside: NDArray[np.bool_]
    corners: int
    share: float
    fill: float
    width: float
    aside: float


def outline(gray: Gray) -> Outline | None:
    """Return the outline in a picture of 0 (darkest) to 1, or None where there is nothing but background."""
    dark = gray < DARK
    side = max(round(CORNER * min(gray.shape)), 1)
    ends = (slice(None, side), slice(-side, None))
    corners = sum(bool(dark[rows, columns].mean() > MOSTLY) for rows in ends for columns in ends)
    pieces, found = ndimage.label(dark)
    outside = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    shown = np.ones(found + 1, bool)
    shown[outside[outside > 0]] = False
    pieces, count = ndimage.label(shown[pieces])
    if not count:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    inside: NDArray[np.bool_] = pieces == sizes.argmax() + 1
    down, across = inside.sum(axis=1), inside.sum(axis=0)
    height, width = np.ptp(np.flatnonzero(down)) + 1, np.ptp(np.flatnonzero(across)) + 1
    return Outline(
        inside,
        corners,
        share=float(sizes.max() / sizes.sum()),
        fill=float(sizes.max() / (height * width)),
        width=float(width / height),
        aside=float(abs(_middle(across) / (gray.shape[1] - 1) - 0.5)),
    )


def white_bone(gray: Gray, inside: NDArray[np.bool_]) -> float:
    """Return on how much of the way around the head white bone lies on gray brain, with nothing dark between.

    MRI has the opposite: bone is dark, and what is bright around it is the fat of the scalp.
    """
    down, across = inside.sum(axis=1), inside.sum(axis=0)
    middle = np.array([_middle(down), _middle(across)])[:, None, None]
    # To the furthest corner of the box around the head.
    reach = np.hypot(*(np.abs(np.flatnonzero(counts) - _middle(counts)).max() for counts in (down, across)))
    steps = np.arange(0, float(reach) + 1, 0.5)[:, None]
    last = np.where(_nearest(inside, middle + steps * _OUTWARDS), steps, 0).max(axis=0)
    depths = np.linspace(0, DEEP, round(100 * DEEP) + 1)[:, None] * np.sqrt(down.sum() / np.pi)
    smooth = ndimage.gaussian_filter(gray, 0.5)
    below = ndimage.map_coordinates(smooth, middle + np.maximum(last - depths, 0) * _OUTWARDS, order=1)
    brain = np.median(below[2 * len(below) // 3 :], axis=0)
    rim = below[: len(below) // 2]
    after_the_brightest = np.arange(len(below))[:, None] >= rim.argmax(axis=0)
    darkest = np.where(after_the_brightest, below, 1)[: 4 * len(below) // 5].min(axis=0)
    bony = (rim.max(axis=0) > WHITE) & (darkest > DARK_BONE * brain) & (brain > BRAIN[0]) & (brain < BRAIN[1])
    return float(bony.mean())


def _nearest(inside: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return what lies nearest to places, ``(2, ...)`` rows and columns; False beyond the picture."""
    rows, columns = places
    limits = np.array(inside.shape) - 1
    there = (rows >= 0) & (rows <= limits[0]) & (columns >= 0) & (columns <= limits[1])
    nearest = (rows + 0.5).astype(np.intp), (columns + 0.5).astype(np.intp)
    return np.asarray(there & inside.take(nearest[0] * inside.shape[1] + nearest[1], mode="clip"))


def _middle(counts: NDArray[np.intp]) -> float:
    """Mean row, or column, of the pixels."""
    return float(counts @ np.arange(len(counts)) / counts.sum())
