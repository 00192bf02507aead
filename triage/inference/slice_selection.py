"""Select the slices of a series to score: all, or every n-th one if they are thin.

Neighbouring thin slices show the same tissue, while the decision rule for studies expects neighbours several
millimetres apart, as in the data on which it was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.domain import Series, SliceScores

#: Largest distance between scored slices, in millimetres: a lesion of 5 mm is on two of them.
MAX_DISTANCE = 2.5
#: At least so many slices of a series are scored, since the stated distance may be wrong: a volume without one counts
#: as 1 mm. A head is at most 260 mm long, so that they are at most 4 mm apart.
MIN_SCORED = 64
#: Smallest over largest distance from which on slices count as evenly spaced.
MIN_EVENNESS = 0.8


def step(heights: Sequence[float | None]) -> int:
    """Return n where every n-th slice of a series is scored: 1 for all, more for thin slices.

    Parameters
    ----------
    heights
        Position of each slice along the normal in millimetres; None if unknown. Slices that are not evenly spaced, for
        example two echoes of each position, are all scored.
    """
    known = [height for height in heights if height is not None]
    if len(known) < len(heights) or len(heights) < 2 * MIN_SCORED:
        return 1
    gaps = np.abs(np.diff(known))
    if gaps.min() < MIN_EVENNESS * gaps.max() or not gaps.max():
        return 1
    return max(min(int(MAX_DISTANCE / gaps.max()), len(heights) // MIN_SCORED), 1)


def selected(count: int, every: int) -> range:
    """Return the indices of the scored slices: of every `every` slices, the middle one."""
    return range((every - 1) // 2, count, every)


def scored_slices(scores: SliceScores, series: int) -> range:
    """Return the indices of the slices of a series that were selected, with or without a result."""
    return selected(len(scores.table[series]), scores.steps[series] if scores.steps else 1)


def fits(scores: SliceScores, series: Sequence[Series]) -> bool:
    """Tell whether scores are of slices as they are decoded now; an earlier release may have stacked them otherwise.

    That release may also have left out the last series.
    """
    counts = [len(one.slices) for one in series]
    if [len(rows) for rows in scores.table] != counts[: len(scores.table)] or scores.series >= len(scores.table):
        return False
    return series[scores.series].slices[scores.slice].instance == scores.instance
