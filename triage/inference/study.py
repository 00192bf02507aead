"""From slices to a study: neighbours decide together, glioma first, never the mean.

A lesion spans neighbouring slices and most slices of a volume show none of it, so a mean over the volume drowns it; a
single slice may be a false alarm. So a window of neighbours slides over each series. Where the mean P(glioma) of a
window reaches the operating point, the one with the most speaks for the study: a missed glioma costs more than a false
alarm, and what would put a slice by itself at the head of the worklist does so in a study too. Else the one with the
most P(tumour) speaks.

Thin slices show the same tissue again and again: three of 1 mm are one place, and not the three places that the rule
and the data that it was tried on mean. So of thin slices every second or third is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding

#: Slices that a lesion spans at the usual 3 to 6 mm: a centimetre and a half.
WINDOW = 3
#: Slices are scored that lie at most so far apart, in millimetres: a lesion of 5 mm is still on two of
#: them.
APART = 2.5
#: So many slices of a series are scored whatever its file says of their distance: a volume that says nothing counts as
#: 1 mm. A head is 260 mm long at most, so that no more than 4 mm can lie between them.
LEAST = 64
#: The smallest distance over the largest, in slices that lie evenly.
EVEN = 0.8
GLIOMA, NOTUMOR = list(Finding).index(Finding.GLIOMA), list(Finding).index(Finding.NOTUMOR)


@dataclass(frozen=True, slots=True)
class StudyScore:
    """What the slices of a study say together.

    Attributes
    ----------
    probabilities
        By class, summing to 1.
    series, slice
        The slice to show first: of the window that spoke, the one that says most clearly what it said.
    """

    probabilities: dict[Finding, float]
    series: int
    slice: int


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


def judge_study(series: Sequence[Sequence[Sequence[float]]], point: float) -> StudyScore:
    """Judge a study by its most suspicious neighbours; a single slice speaks for itself.

    Parameters
    ----------
    series
        Of each scored series, the probabilities of its slices in anatomical order, classes in the order of `Finding`.
        At least one slice in all.
    point
        The glioma operating point.
    """
    tables = [np.asarray(rows, np.float64).reshape(-1, len(Finding)) for rows in series]
    windows = [(number, start) for number, table in enumerate(tables) for start in _starts(len(table))]
    if not windows:
        raise ValueError("a study needs at least one scored slice")
    means = np.array([tables[number][start : start + WINDOW].mean(axis=0) for number, start in windows])
    glioma, tumour = means[:, GLIOMA], 1 - means[:, NOTUMOR]
    suspected = bool(glioma.max() >= point)
    speaks = glioma if suspected else tumour
    number, start = windows[int(speaks.argmax())]
    said = means[speaks.argmax()]
    return StudyScore(
        dict(zip(Finding, map(float, said), strict=True)),
        number,
        start + _clearest(tables[number][start : start + WINDOW], suspected),
    )


def _starts(slices: int) -> range:
    return range(max(slices - WINDOW, 0) + 1 if slices else 0)


def _clearest(window: NDArray[np.float64], glioma: bool) -> int:
    return int(window[:, GLIOMA].argmax() if glioma else window[:, NOTUMOR].argmin())
