"""Aggregate slices to a study by the most suspicious window of neighbouring slices.

A lesion spans neighbouring slices, and most slices of a volume do not show it: a mean over the volume would hide it,
and a single slice may be a false alarm. So probabilities are averaged over a sliding window in each series. If a window
reaches the glioma operating point, the window with the highest P(glioma) decides, since a missed glioma is worse than a
false alarm. Otherwise the window with the highest P(tumour) decides.

A lesion can also be on one slice only. A study that would be routine is urgent if the network is sure of a single
slice. It is urgent too if its most suspicious slice is unlike the training data and not clearly without a tumour: what
the network says of such a slice is less certain than it looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from triage.domain import AIResult, Band, Finding, Inputs, OperatingPoints, Ranking, Series, SliceScores
from triage.inference.bands import OF_A_SLICE, OF_A_WINDOW, rank, rank_alone, rank_unusual
from triage.inference.calibration import prediction_set
from triage.inference.runtime import SEND_MR, Answer, Runtime
from triage.inference.slice_selection import selected, step
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.scans.formats.places import ONE_PLACE, same_place
from triage.scans.quality.white_air import with_dark_air

#: Slices of a window: about 1.5 cm at the usual distances of 3 to 6 mm.
WINDOW = 3
#: Series and slice, from 0.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class StudyScore:
    """The aggregated result of the slices of a study.

    Attributes
    ----------
    probabilities
        By class, summing to 1.
    points
        The operating points that apply: those of a window, or those of a slice where no series has a whole window.
    of
        Whose points these are, in words; "" for a model that has one pair for both.
    series, slice
        The slice to show first: the clearest one of the window that decided.
    """

    probabilities: dict[Finding, float]
    points: OperatingPoints
    of: str
    series: int
    slice: int


def judge(series: tuple[Series, ...], runtime: Runtime, contents: str = "") -> AIResult | str:
    """Return the AI result of a decoded study, or the reason why it is not analysable.

    Parameters
    ----------
    series
        The decoded series, as `Door.decode` returns them.
    runtime
        The model.
    contents
        Digest of the files, stored with the result.
    """
    steps = [step([slice_.height for slice_ in one.slices]) for one in series]
    chosen = [(number, at) for number, one in enumerate(series) for at in selected(len(one.slices), steps[number])]
    table: list[list[tuple[float, ...] | None]] = [[None] * len(one.slices) for one in series]
    reasons: Counter[str] = Counter()

    unusual: set[Place] = set()
    given: list[Answer] = []

    with ThreadPoolExecutor(runtime.threads) as pool:
        answers = pool.map(lambda place: runtime.answer(series[place[0]].slices[place[1]]), chosen)
        for (number, at), answer in zip(chosen, answers, strict=True):
            if isinstance(answer, str):
                reasons[answer] += 1
                continue
            given.append(answer)
            table[number][at] = tuple(round(answer.probabilities[finding], 6) for finding in Finding)
            if answer.unusual:
                unusual.add((number, at))
    scored = {(number, at): row for number, rows in enumerate(table) for at, row in enumerate(rows) if row is not None}
    if not scored:
        return _most_common_reason(series, reasons)
    places = _with_neighbours(series, list(scored))
    card = runtime.card
    study = judge_study(
        [[scored[place] for place in stack] for stack in places], card.operating_points, card.window_points
    )
    shown = places[study.series][study.slice]
    possible = prediction_set(study.probabilities, card.conformal.least)
    ranking = rank(study.probabilities, study.points, possible, study.of)
    surest = min(scored, key=lambda place: scored[place][NOTUMOR])
    alone = rank_alone(1 - scored[surest][NOTUMOR], _name(series, surest))
    if ranking.band is Band.ROUTINE and alone is not None:
        ranking, shown = alone, surest
    if ranking.band is Band.ROUTINE and shown in unusual:
        ranking = rank_unusual(study.probabilities) or ranking
    number, at = shown
    read = {read.note for one, place in scored if (read := with_dark_air(series[one].slices[place].pixels))}
    return AIResult(
        model=card.name,
        model_sha256=card.sha256,
        probabilities=study.probabilities,
        ranking=_noted(ranking, {*read, *(one.header.note for one in series)}),
        prediction_set=possible,
        contents=contents,
        slices=SliceScores(
            number, at, series[number].slices[at].instance, tuple(map(tuple, table)), tuple(steps), _inputs(given)
        ),
    )


def judge_study(
    series: Sequence[Sequence[Sequence[float]]], single: OperatingPoints, window: OperatingPoints | None = None
) -> StudyScore:
    """Aggregate a study by its most suspicious window.

    A series of fewer slices is one window, but only where no series has a whole one: a slice that lost its neighbours
    on the way (another orientation, a copy in a series of its own) must not decide like three of them.

    Parameters
    ----------
    series
        By scored series, the probabilities of its slices in anatomical order, classes in the order of `Finding`. At
        least one slice in total.
    single
        The operating points of a slice.
    window
        Those of a whole window; None if they are the same.
    """
    tables = [np.asarray(rows, np.float64).reshape(-1, len(Finding)) for rows in series]
    longest = min(max(map(len, tables), default=0), WINDOW)
    windows = [
        (number, start) for number, table in enumerate(tables) if len(table) >= longest for start in _starts(len(table))
    ]
    if not windows:
        raise ValueError("a study needs at least one scored slice")
    means = np.array([tables[number][start : start + WINDOW].mean(axis=0) for number, start in windows])
    glioma, tumour = means[:, GLIOMA], 1 - means[:, NOTUMOR]
    points, of = single, ""
    if window is not None:
        points, of = (window, OF_A_WINDOW) if longest == WINDOW else (single, OF_A_SLICE)
    suspected = bool(glioma.max() >= points.glioma)
    decides = int((glioma if suspected else tumour).argmax())
    number, start = windows[decides]
    return StudyScore(
        dict(zip(Finding, map(float, means[decides]), strict=True)),
        points,
        of,
        number,
        start + _clearest(tables[number][start : start + WINDOW], suspected),
    )


def _inputs(answers: Sequence[Answer]) -> Inputs:
    seen = [(answer.distance, answer.brightness, answer.contrast) for answer in answers]
    distance, brightness, contrast = (round(float(one), 3) for one in np.median(seen, axis=0))
    return Inputs(len(answers), sum(answer.unusual for answer in answers), distance, brightness, contrast)


def _starts(slices: int) -> range:
    return range(max(slices - WINDOW, 0) + 1 if slices else 0)


def _clearest(window: NDArray[np.float64], glioma: bool) -> int:
    return int(window[:, GLIOMA].argmax() if glioma else window[:, NOTUMOR].argmin())


def _with_neighbours(series: Sequence[Series], scored: Sequence[Place]) -> list[list[Place]]:
    """Return the scored slices by series; a pass that lacks places has those of the most complete pass there."""
    places: list[list[Place]] = [[] for _ in series]
    for place in scored:
        places[place[0]].append(place)

    def height(place: Place) -> float:
        return series[place[0]].slices[place[1]].height or 0.0

    joined = []
    for own, one in zip(places, series, strict=True):
        missing: list[Place] = []
        if own and one.base is not None:
            taken = np.array([height(place) for place in own])
            limit = max(same_place([*taken, *map(height, places[one.base])]), ONE_PLACE)
            missing = [place for place in places[one.base] if np.abs(taken - height(place)).min() > limit]
        joined.append(sorted(own + missing, key=height) if missing else own)
    return joined


def _name(series: Sequence[Series], place: Place) -> str:
    number, at = place
    name = f"Slice {at + 1} of {len(series[number].slices)}"
    several = sum(bool(one.slices) for one in series) > 1
    return f"{name} in series {series[number].header.number}" if several else name


def _noted(ranking: Ranking, notes: set[str]) -> Ranking:
    return replace(ranking, reason=". ".join([ranking.reason, *sorted(notes - {""})]))


def _most_common_reason(series: tuple[Series, ...], reasons: Counter[str]) -> str:
    set_aside = Counter(one.header.set_aside for one in series if one.header.set_aside)
    if reasons:
        return reasons.most_common(1)[0][0]
    if set_aside:
        return f"{set_aside.most_common(1)[0][0]}. {SEND_MR}."
    return "No slice that could be analysed"
