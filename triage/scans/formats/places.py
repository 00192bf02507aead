"""Places of slices along their normal: which slices lie at one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

#: Slices that all lie within so many millimetres are at one place, and nearer ones always.
ONE_PLACE = 0.1
EXACT = 0.01
#: The gap to the next place is at least so many times that within a place: slices are at one place if they are nearer
#: than about a third of the usual distance, whatever that is (the table moves a little between two passes).
JUMP = 2.2
#: Slices of one place overlap by at least half their thickness; that of slices that do not state it is at least this.
SHARED = 0.5
THICKNESS = 2.0
#: Slices nearer than this part of their thickness overlap, so that they show the same tissue twice.
OVERLAP = 0.75


def same_place(heights: Sequence[float], thickness: float | None = None) -> float:
    """Return up to which distance neighbours along the normal are at one place.

    Distances within a place and between places differ clearly, and a place is narrower than what separates it from the
    next. Regular slices are all at places of their own, however thin they are.

    Parameters
    ----------
    heights
        Millimetres, in any order.
    thickness
        Of the slices: millimetres.
    """
    along = np.sort(np.asarray(heights, np.float64))
    if not along.size or along[-1] - along[0] <= ONE_PLACE:
        return ONE_PLACE
    gaps = np.diff(along)
    known = np.unique(gaps[gaps > EXACT])
    widest = SHARED * (thickness or THICKNESS)
    for at in np.flatnonzero(known[1:] >= JUMP * known[:-1])[::-1]:
        ends = np.flatnonzero(gaps > known[at])
        widths = along[[*ends, -1]] - along[[0, *(ends + 1)]]
        if widths.max() <= min(widest, known[at + 1]):
            return float(known[at])
    return EXACT


def places(heights: Sequence[float], thickness: float | None = None) -> list[int]:
    """Number the places from 0 upwards; see `same_place`."""
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(np.asarray(heights, np.float64)[order])
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum([0, *(gaps > same_place(heights, thickness) + 1e-9)])
    return [int(number) for number in numbers]


def line_through(numbers: Sequence[float], heights: Sequence[float]) -> Callable[[float], float] | None:
    """Return the height as a linear function of what numbers the slices, or None if it is none."""
    if len(set(numbers)) < 3:
        return None
    slope, start = np.polyfit(numbers, heights, 1)
    distance = abs(slope) * np.median(np.diff(np.unique(numbers)))
    if np.abs(np.polyval([slope, start], numbers) - heights).max() * JUMP > distance:
        return None
    return lambda number: float(slope * number + start)
