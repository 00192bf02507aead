"""Multiplanar reformatting (MPR): how the other two planes of a volume lie in its slices; the viewer cuts them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage.domain import Plane, Series, Slice
from triage.scans.formats.geometry import DISPLAY, PLANES, Orientation, displayed, edges, orientation_of

#: Largest relative difference of a step from the median; a missing slice doubles a step.
MAX_UNEVENNESS = 0.1
#: A row between slices is at most so much taller than a pixel of a slice is wide.
MAX_TALLER = 1.25
#: Rows between slices for each slice: more would only cost memory.
MAX_FINER = 31
NO_PLACES = "The files do not say where the slices lie"
SINGLE = "The series has one slice"
MANY_SIZES = "The slices are not of one size"
PLACE_TWICE = "Several slices lie at one place"
UNEVEN = "The gaps between the slices are unequal"
SHIFTED = "The slices are shifted against each other"


def why_no_volume(series: Series) -> str:
    """Return why other planes cannot be cut from a series; "" if its slices are parallel and evenly spaced."""
    header, slices = series.header, series.slices
    if len(slices) < 2:
        return SINGLE
    heights = [one.height for one in slices if one.height is not None]
    if header.plane is None or header.spacing is None or len(heights) < len(slices):
        return NO_PLACES
    if len({(one.pixels.shape, one.spacing) for one in slices}) > 1:
        return MANY_SIZES
    steps = np.diff(heights)
    step = float(np.median(steps))
    if not steps.all():
        return PLACE_TWICE
    if np.any(np.abs(steps - step) > MAX_UNEVENNESS * abs(step)):
        return UNEVEN
    return SHIFTED if _shift(slices) > min(header.spacing[:2]) else ""


def _shift(slices: Sequence[Slice]) -> float:
    """Return by how many millimetres the slices lie beside each other, where the files say so."""
    origins = [one.origin for one in slices if one.origin is not None]
    orientation = orientation_of(origins[0].orientation) if origins and origins[0].orientation else None
    places = np.array([one.position for one in origins if one.position is not None])
    if orientation is None or not len(places):
        return 0.0
    return float(np.ptp(places @ np.array([orientation.row, orientation.column]).T, axis=0).max())


@dataclass(frozen=True, slots=True)
class Cut:
    """How the slices of a plane lie in a volume, whose axes are 0 (slices), 1 (rows) and 2 (columns).

    Attributes
    ----------
    across, down, along
        Axis across the plane, down its columns and along its rows, and whether it runs backwards. Slices are counted
        to the left, the back or the top of the head; in the acquired plane as they are stored.
    count, rows, columns
        Size of the volume along these axes.
    spacing
        Millimetres between rows and between columns.
    finer
        How many rows (or columns, whichever run across the slices) are drawn for each slice, so that pixels are about
        as high as wide: the values between slices are interpolated. It is odd, so that the middle one of them is as
        it was acquired.
    edges
        What lies beyond the left, right, upper and lower edge.
    first, step
        Millimetres of the first slice, towards the left, the back or the top of the head, and from one to the next.
        Where no file says where the volume lies, the first slice is at 0, as `Slice.height` is.
    """

    across: tuple[int, bool]
    down: tuple[int, bool]
    along: tuple[int, bool]
    count: int
    rows: int
    columns: int
    spacing: tuple[float, float]
    finer: int
    edges: tuple[str, str, str, str]
    first: float
    step: float


def cuts(series: Series) -> dict[Plane, Cut]:
    """Return how to cut each of the three planes from a volume, in radiological orientation.

    Parameters
    ----------
    series
        A series for which `why_no_volume` has no reason; for an oblique one, the planes are the nearest of its own.
    """
    return {plane: _cut(series, plane) for plane in Plane}


def _cut(series: Series, plane: Plane) -> Cut:
    axes, distances = _axes(series), series.header.spacing
    assert distances is not None
    sizes, shape = (distances[2], *distances[:2]), (len(series.slices), *series.slices[0].pixels.shape)
    # The rows and columns of the acquired plane follow its display convention, which may run backwards.
    places = [next(at for at, (axis, _) in enumerate(axes) if axis == wanted) for wanted, _ in _directions(plane)]
    signs = [axes[at][1] == sign for at, (_, sign) in zip(places, _directions(plane), strict=True)]
    across, down, along = ((at, not same) for at, same in zip(places, signs, strict=True))
    return Cut(
        across if across[0] else (0, False),
        down,
        along,
        shape[across[0]],
        shape[down[0]],
        shape[along[0]],
        (sizes[down[0]], sizes[along[0]]),
        _finer(sizes, {down[0], along[0]}),
        edges(Orientation(*DISPLAY[plane])),
        round(_first(series, across, shape[across[0]], sizes[across[0]]), 3),
        sizes[across[0]],
    )


def _finer(sizes: tuple[float, float, float], axes: set[int]) -> int:
    if 0 not in axes:
        return 1
    (within,) = axes - {0}
    taller = sizes[0] / (sizes[within] * MAX_TALLER)
    return min(2 * max(math.ceil((taller - 1) / 2), 0) + 1, MAX_FINER)


def _first(series: Series, across: tuple[int, bool], count: int, step: float) -> float:
    """Return where the first slice across an axis of the volume lies."""
    axis, backwards = across
    one = series.slices[0]
    if axis == 0:
        return one.height or 0.0
    origin = one.origin
    orientation = orientation_of(origin.orientation) if origin and origin.orientation else None
    if origin is None or orientation is None or origin.position is None:
        return 0.0
    direction, flipped = displayed(orientation)[0 if axis == 2 else 1]
    length = (count - 1) * step
    start = float(np.dot(origin.position, direction)) - (length if flipped else 0)
    return -(start + length) if backwards else start


def _directions(plane: Plane) -> list[tuple[int, int]]:
    """Return patient axis (left, back, top) and sign: across a displayed slice, down its columns, along its rows."""
    along_rows, down_columns = DISPLAY[plane]
    vectors = (np.eye(3)[PLANES.index(plane)], down_columns, along_rows)
    return [(int(np.abs(vector).argmax()), int(vector.sum())) for vector in vectors]


def _axes(series: Series) -> list[tuple[int, int]]:
    """Return `_directions` of the acquired slices; the sign across them follows their order."""
    assert series.header.plane is not None
    (axis, _), *within = _directions(series.header.plane)
    first, last = series.slices[0].height, series.slices[-1].height
    assert first is not None
    assert last is not None
    return [(axis, 1 if last > first else -1), *within]
