"""The other two planes of a volume, cut from its slices: what a radiologist scrolls through to see how far it goes."""

from __future__ import annotations

import numpy as np

from triage.domain import Plane, Series, Slice
from triage.scans.formats.geometry import DISPLAY, PLANES

#: Fewer slices, or slices further apart (millimetres), show stripes instead of anatomy.
MIN_SLICES, MAX_STEP = 16, 3.0
#: Steps between neighbours may differ by this share; a slice that is missing makes one twice as long.
UNEVEN = 0.1


def is_volume(series: Series) -> bool:
    """Whether the slices lie evenly on one another, so that other planes can be cut from them."""
    header, slices = series.header, series.slices
    if header.plane is None or header.spacing is None or len(slices) < MIN_SLICES:
        return False
    if len({(one.pixels.shape, one.spacing) for one in slices}) > 1:
        return False
    heights = [one.height for one in slices if one.height is not None]
    if len(heights) < len(slices):
        return False
    steps = np.diff(heights)
    step = float(np.median(steps))
    return 0 < abs(step) <= MAX_STEP and bool(np.all(np.abs(steps - step) <= UNEVEN * abs(step)))


def count(series: Series, plane: Plane) -> int:
    """Return how many slices of a plane a volume gives."""
    return _shape(series)[_place(series, plane)]


def cut(series: Series, plane: Plane, at: int) -> Slice:
    """Return one slice of a volume in any of the three planes, as a radiologist sees it.

    Nothing is interpolated: the slice has as many rows or columns as the volume has slices, and their spacing.

    Parameters
    ----------
    series
        For which `is_volume` holds.
    plane
        Of the slice; oblique volumes have the planes that are nearest.
    at
        From 0, counted to the left, the back or the top of the head; in the plane of acquisition as the slices are.
    """
    axes, spacing = _axes(series), series.header.spacing
    assert spacing is not None
    place = _place(series, plane)
    if place == 0:
        return series.slices[at]
    # Rows and columns of the acquired slices run by display; which way that is, their plane says.
    at = at if axes[place][1] > 0 else _shape(series)[place] - 1 - at
    pixels = np.stack([one.pixels[at] if place == 1 else one.pixels[:, at] for one in series.slices])
    sizes = spacing[2], spacing[0], spacing[1]
    rows, columns = (number for number in range(3) if number != place)
    wanted = _directions(plane)
    if axes[rows][0] != wanted[1][0]:
        pixels, rows, columns = pixels.T, columns, rows
    if axes[rows][1] != wanted[1][1]:
        pixels = pixels[::-1]
    if axes[columns][1] != wanted[2][1]:
        pixels = pixels[:, ::-1]
    return Slice(np.ascontiguousarray(pixels), spacing=(sizes[rows], sizes[columns]))


def _directions(plane: Plane) -> list[tuple[int, int]]:
    """Patient axis (left, back, top) and sign across a displayed slice, down its columns and along its rows."""
    along_rows, down_columns = DISPLAY[plane]
    vectors = (np.eye(3)[PLANES.index(plane)], down_columns, along_rows)
    return [(int(np.abs(vector).argmax()), int(vector.sum())) for vector in vectors]


def _axes(series: Series) -> list[tuple[int, int]]:
    """Return `_directions` of the acquired slices, across them in the order in which they come."""
    assert series.header.plane is not None
    (axis, _), *within = _directions(series.header.plane)
    first, last = series.slices[0].height, series.slices[-1].height
    assert first is not None
    assert last is not None
    return [(axis, 1 if last > first else -1), *within]


def _place(series: Series, plane: Plane) -> int:
    """Return which axis of the stack (slices, rows, columns) runs across a plane."""
    across = PLANES.index(plane)
    return next(number for number, (axis, _) in enumerate(_axes(series)) if axis == across)


def _shape(series: Series) -> tuple[int, int, int]:
    rows, columns = series.slices[0].pixels.shape
    return len(series.slices), rows, columns
