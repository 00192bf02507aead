"""The outline of the foreground of a slice, and the brightness of its rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Gray = NDArray[np.float32]
#: Upper end of the gray values of air, in parts of the range.
DARK = 0.15
#: Side of a corner, in parts of the picture.
CORNER = 0.08
#: Share of a dark corner that is dark.
DARK_SHARE = 0.5
#: Number of rays from the middle outwards.
RAYS = 64
#: Depth below the outline that a ray covers, in parts of the radius of the head.
DEPTH = 0.45
#: Bone on CT is at least so bright.
BONE_ON_CT = 0.95
#: Gray values of the brain.
BRAIN = (0.1, 0.75)
#: Bone on MRI is dark, next to bright scalp: below this part of the gray value of the brain.
DARK_BONE = 0.75
_ANGLES = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
#: One pixel outwards along each ray: rows and columns, ``(2, 1, RAYS)``.
_OUTWARDS = np.array([np.sin(_ANGLES), np.cos(_ANGLES)])[:, None, :]


@dataclass(frozen=True, slots=True)
class Outline:
    """The largest piece of the foreground.

    Attributes
    ----------
    inside
        Its pixels, including dark holes that do not reach the edge of the picture.
    corners
        Number of dark corners of the picture, 0 to 4.
    share
        Its share of the foreground.
    fill
        Its share of its bounding box: 0.79 for an ellipse.
    width
        Width by height of the bounding box, in pixels.
    offset
        Horizontal distance of its middle from that of the picture, in parts of the width.
    cut
        How much of it an edge of the picture cuts off: the longest stretch along one edge, in parts of its height or
        width; 0 for an object that lies within the picture.
    similar
        Number of pieces that are at least half as large as it, with itself.
    """

    inside: NDArray[np.bool_]
    corners: int
    share: float
    fill: float
    width: float
    offset: float
    cut: float
    similar: int


def outline(gray: Gray) -> Outline | None:
    """Return the outline in a picture of gray values 0 to 1, or None if there is no foreground."""
    dark = gray < DARK
    side = max(round(CORNER * min(gray.shape)), 1)
    ends = (slice(None, side), slice(-side, None))
    corners = sum(bool(dark[rows, columns].mean() > DARK_SHARE) for rows in ends for columns in ends)
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
        offset=float(abs(_middle(across) / (gray.shape[1] - 1) - 0.5)),
        cut=float(max(max(across[0], across[-1]) / height, max(down[0], down[-1]) / width)),
        similar=int(np.count_nonzero(2 * sizes >= sizes.max())),
    )


def white_bone(gray: Gray, inside: NDArray[np.bool_]) -> float:
    """Return the share of the circumference, 0 to 1, where bright bone lies directly on gray brain, as on CT.

    On MRI, bone is dark, and the bright rim around it is the fat of the scalp.
    """
    down, across = inside.sum(axis=1), inside.sum(axis=0)
    middle = np.array([_middle(down), _middle(across)])[:, None, None]
    # As far as the furthest corner of the bounding box.
    reach = np.hypot(*(np.abs(np.flatnonzero(counts) - _middle(counts)).max() for counts in (down, across)))
    steps = np.arange(0, float(reach) + 1, 0.5)[:, None]
    last = np.where(_nearest(inside, middle + steps * _OUTWARDS), steps, 0).max(axis=0)
    depths = np.linspace(0, DEPTH, round(100 * DEPTH) + 1)[:, None] * np.sqrt(down.sum() / np.pi)
    smooth = ndimage.gaussian_filter(gray, 0.5)
    below = ndimage.map_coordinates(smooth, middle + np.maximum(last - depths, 0) * _OUTWARDS, order=1)
    brain = np.median(below[2 * len(below) // 3 :], axis=0)
    rim = below[: len(below) // 2]
    after_the_brightest = np.arange(len(below))[:, None] >= rim.argmax(axis=0)
    darkest = np.where(after_the_brightest, below, 1)[: 4 * len(below) // 5].min(axis=0)
    bony = (rim.max(axis=0) > BONE_ON_CT) & (darkest > DARK_BONE * brain) & (brain > BRAIN[0]) & (brain < BRAIN[1])
    return float(bony.mean())


def _nearest(inside: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the nearest pixel of each place, ``(2, ...)`` rows and columns; False beyond the picture."""
    rows, columns = places
    limits = np.array(inside.shape) - 1
    there = (rows >= 0) & (rows <= limits[0]) & (columns >= 0) & (columns <= limits[1])
    nearest = (rows + 0.5).astype(np.intp), (columns + 0.5).astype(np.intp)
    return np.asarray(there & inside.take(nearest[0] * inside.shape[1] + nearest[1], mode="clip"))


def _middle(counts: NDArray[np.intp]) -> float:
    """Return the mean row, or column, of the pixels."""
    return float(counts @ np.arange(len(counts)) / counts.sum())
