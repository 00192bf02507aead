"""From slices to a study: the most suspicious neighbours decide, not the mean.

A lesion spans neighbouring slices and most slices of a volume show none of it, so a mean over the volume drowns it; a
single slice may be a false alarm. So a window of neighbours slides over each series, and the window with the highest
mean P(tumour) speaks for the study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from triage.domain import Finding, Score

#: Slices that a lesion spans at the usual 3 to 6 mm: a centimetre and a half.
WINDOW = 3


@dataclass(frozen=True, slots=True)
class StudyScore:
    """What the scores of a study's slices say together.

    Attributes
    ----------
    probabilities
        By class, summing to 1.
    series, slice
        The slice to show first: the most suspicious one of the window that decided.
    """

    probabilities: dict[Finding, float]
    series: int
    slice: int


def judge_study(series: Sequence[Sequence[Score]]) -> StudyScore:
    """Judge a study by its most suspicious neighbours; a single slice speaks for itself.

    Parameters
    ----------
    series
        Scores of each scored series, slices in anatomical order. At least one slice in all.
    """
    best: tuple[float, int, int, dict[Finding, float]] | None = None
    for number, scores in enumerate(series):
        table = np.array([[score.probabilities[finding] for finding in Finding] for score in scores])
        for start in range(max(len(scores) - WINDOW, 0) + 1 if scores else 0):
            mean = table[start : start + WINDOW].mean(axis=0)
            tumour = 1 - float(mean[list(Finding).index(Finding.NOTUMOR)])
            if best is None or tumour > best[0]:
                window = table[start : start + WINDOW, list(Finding).index(Finding.NOTUMOR)]
                decided = dict(zip(Finding, map(float, mean), strict=True))
                best = (tumour, number, start + int(window.argmin()), decided)
    if best is None:
        raise ValueError("a study needs at least one scored slice")
    return StudyScore(best[3], best[1], best[2])
