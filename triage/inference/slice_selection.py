"""Which slices of a series are scored: all of them, or of thin ones every second or third.

Thin slices show the same tissue again and again: three of 1 mm are one place, and not the three places that the rule
for studies and the data that it was tried on mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from triage.domain import SliceScores

#: Slices are scored that lie at most so far apart, in millimetres: a lesion of 5 mm is still on two of them.
APART = 2.5
#: So many slices of a series are scored whatever its file says of their distance: a volume that says nothing counts as
#: 1 mm. A head is 260 mm long at most, so that no more than 4 mm can lie between them.
LEAST = 64
#: The smallest distance over the largest, in slices that lie evenly.
EVEN = 0.8


def step(heights: Sequence[float | None]) -> int:
    """Return every how many slices of a series one is scored: 1 for all, more for thin ones.

    Parameters
    ----------
    heights
        Millimetres across the slices, of each of them; None where that is not known. Slices that do not lie evenly on
        one another, two echoes of each place for example, are all scored.
    """
    known = [height for height in heights if height is not None]
    if len(known) < len(heights) or len(heights) < 2 * LEAST:
        return 1
    gaps = np.abs(np.diff(known))
    if gaps.min() < EVEN * gaps.max() or not gaps.max():
        return 1
    return max(min(int(APART / gaps.max()), len(heights) // LEAST), 1)


def selected(count: int, every: int) -> range:
    """Return the slices of a series of so many that are scored, one of every so many: the middle one."""
    return range((every - 1) // 2, count, every)


def scored_slices(scores: SliceScores, series: int) -> range:
    """Return the slices of a series that were scored, whether they could be judged or not."""
    return selected(len(scores.table[series]), scores.steps[series] if scores.steps else 1)
