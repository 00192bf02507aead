"""From slices to a study: neighbours decide together, glioma first, never the mean.

A lesion spans neighbouring slices and most slices of a volume show none of it, so a mean over the volume drowns it; a
single slice may be a false alarm. So a window of neighbours slides over each series. Where the mean P(glioma) of a
window reaches the operating point, the one with the most speaks for the study: a missed glioma costs more than a false
alarm, and what would put a slice by itself at the head of the worklist does so in a study too. Else the one with the
most P(tumour) speaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain import AIResult, Finding, Series, SliceScores
from triage.inference.bands import rank
from triage.inference.calibration import prediction_set
from triage.inference.runtime import Runtime
from triage.inference.slice_selection import selected, step
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.scans.quality.gate import not_analysable

#: Slices that a lesion spans at the usual 3 to 6 mm: a centimetre and a half.
WINDOW = 3
UNFAMILIAR = "Not a head on MRI as the model knows it: nothing it says of this would mean anything"


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


def judge(series: tuple[Series, ...], runtime: Runtime, contents: str = "") -> AIResult | str:
    """Return what the model says of a decoded study, or why it cannot be judged.

    Parameters
    ----------
    series
        As `Door.decode` returns them.
    runtime
        The model.
    contents
        Digest of the files, kept with the result.
    """
    steps = [step([slice_.height for slice_ in one.slices]) for one in series]
    chosen = [(number, at) for number, one in enumerate(series) for at in selected(len(one.slices), steps[number])]
    table: list[list[tuple[float, ...] | None]] = [[None] * len(one.slices) for one in series]
    scored: list[list[tuple[float, ...]]] = [[] for _ in series]
    places: list[list[int]] = [[] for _ in series]
    doubts: Counter[str] = Counter()

    def look(place: tuple[int, int]) -> tuple[float, ...] | str:
        slice_ = series[place[0]].slices[place[1]]
        if doubt := not_analysable(slice_):
            return doubt
        said = runtime.probabilities(slice_.pixels)
        return tuple(round(said[finding], 6) for finding in Finding) if said else UNFAMILIAR

    with ThreadPoolExecutor(runtime.threads) as pool:
        for (number, at), seen in zip(chosen, pool.map(look, chosen), strict=True):
            if isinstance(seen, str):
                doubts[seen] += 1
                continue
            table[number][at] = seen
            scored[number].append(seen)
            places[number].append(at)
    if not any(scored):
        return _why_not(series, doubts)
    verdict = judge_study(scored, runtime.points.glioma)
    possible = prediction_set(verdict.probabilities, runtime.card.conformal.least)
    shown = places[verdict.series][verdict.slice]
    instance = series[verdict.series].slices[shown].instance
    return AIResult(
        model=runtime.card.name,
        model_sha256=runtime.card.sha256,
        probabilities=verdict.probabilities,
        ranking=rank(verdict.probabilities, runtime.points, possible),
        prediction_set=possible,
        contents=contents,
        slices=SliceScores(verdict.series, shown, instance, tuple(map(tuple, table)), tuple(steps)),
    )


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


def _why_not(series: tuple[Series, ...], doubts: Counter[str]) -> str:
    if doubts:
        return doubts.most_common(1)[0][0]
    reasons = Counter(one.header.set_aside for one in series if one.header.set_aside)
    return reasons.most_common(1)[0][0] if reasons else "No slice that could be judged"
