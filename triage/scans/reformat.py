"""Multiplanar reformatting (MPR): the other two planes of a volume, cut from its slices without interpolation."""

from __future__ import annotations

import numpy as np

from triage.domain import Plane, Series, Slice
from triage.scans.formats.geometry import DISPLAY, PLANES

#: With fewer slices, other planes show stripes instead of anatomy.
MIN_SLICES = 16
#: The same for a larger distance between slices: millimetres.
MAX_STEP = 3.0
#: Largest relative difference of a step from the median; a missing slice doubles a step.
MAX_UNEVENNESS = 0.1


def is_volume(series: Series) -> bool:
    """Return whether the slices are evenly spaced, so that other planes can be cut from them."""
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
    return 0 < abs(step) <= MAX_STEP and bool(np.all(np.abs(steps - step) <= MAX_UNEVENNESS * abs(step)))


def count(series: Series, plane: Plane) -> int:
    """Return the number of slices of a volume in a plane."""
    return _shape(series)[_place(series, plane)]


def cut(series: Series, plane: Plane, at: int) -> Slice:
    """Return one slice of a volume in any of the three planes, in radiological orientation.

    Nothing is interpolated: the result has one row or column per slice of the volume, and their spacing.

    Parameters
    ----------
    series
        A series for which `is_volume` is true.
    plane
        Plane of the result; for an oblique volume, the nearest of its own planes.
    at
        Index from 0, increasing to the left, the back or the top of the head; in the acquired plane, the slice index.
    """
    axes, spacing = _axes(series), series.header.spacing
    assert spacing is not None
    place = _place(series, plane)
    if place == 0:
        return series.slices[at]
    # Rows and columns follow the display convention of the acquired plane, which may run backwards.
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


def _place(series: Series, plane: Plane) -> int:
    """Return the axis of the stack (0 slices, 1 rows, 2 columns) that is normal to a plane."""
    across = PLANES.index(plane)
    return next(number for number, (axis, _) in enumerate(_axes(series)) if axis == across)


def _shape(series: Series) -> tuple[int, int, int]:
    rows, columns = series.slices[0].pixels.shape
    return len(series.slices), rows, columns
