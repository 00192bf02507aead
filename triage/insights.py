"""Figures about the queue and its readers as pure functions: waits, what the order bought, reader beside AI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from triage.domain import Band, Finding

#: Resamples of a bootstrap interval; it starts from a fixed seed, so that a figure does not change by itself.
RESAMPLES = 2000
MINUTE = timedelta(minutes=1)
#: Fewest studies on each side that a figure with a bootstrap interval is made of; of fewer it would be chance.
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A study as its times and readings tell it.

    Attributes
    ----------
    ranked, opened, signed
        None while it has not happened; `signed` is the first signature.
    left
        When it left the queue: the first signature after which it waited for nobody; None while it waits.
    waiting
        Whether it still waits for a reading.
    settled
        Whether it is read and waits for nobody. Until then no figure may tell what reader or AI called it: whoever
        is still to read it could compare the figures of before and after.
    predicted
        The AI's class that the last reading answers; None if it answers none, or the study is not settled.
    called
        The class of the last reading; None if there is none, if it is none of the four, or the study is not settled.
    reason
        Why the reader overrode the AI; empty if not, or if the study is not settled.
    scanner, sequence
        Of a scored series; empty if not stated.
    """

    study_id: str
    band: Band
    arrived: datetime
    ranked: datetime | None = None
    opened: datetime | None = None
    signed: datetime | None = None
    left: datetime | None = None
    waiting: bool = True
    settled: bool = False
    predicted: Finding | None = None
    called: Finding | None = None
    reason: str = ""
    reader: str = ""
    scanner: str = ""
    sequence: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """Number of durations, their median and their 90th percentile: minutes; NaN if there are none."""

    count: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a number, with its 95 % interval after Wilson; NaN if the number is 0."""

    part: int
    count: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % bootstrap interval; NaN if there is nothing to estimate it from."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bought:
    """What the reading order changed, against first in, first out.

    Attributes
    ----------
    gliomas, others
        Number of settled studies that the readers called glioma, and of all others.
    won, cost
        Mean minutes that a glioma was read earlier, and that another study was read later.
    waits
        By order ("as read", "first in, first out"): minutes from arrival to signature of each glioma.
    """

    gliomas: int
    others: int
    won: Estimate
    cost: Estimate
    waits: Mapping[str, Sequence[float]]


def times(durations: Iterable[timedelta]) -> Times:
    """Return the figures of durations."""
    minutes = [duration / MINUTE for duration in durations]
    if not minutes:
        return Times(0, float("nan"), float("nan"))
    median, high = np.percentile(minutes, [50, 90])
    return Times(len(minutes), float(median), float(high))


def notification(case: Case) -> timedelta | None:
    """Return the time from arrival to rank."""
    return case.ranked - case.arrived if case.ranked else None


def wait(case: Case) -> timedelta | None:
    """Return the time from rank to the first opening."""
    return case.opened - case.ranked if case.opened and case.ranked and case.opened >= case.ranked else None


def turnaround(case: Case) -> timedelta | None:
    """Return the time from arrival to the first signature."""
    return case.signed - case.arrived if case.signed else None


def by_band(cases: Sequence[Case], duration: Callable[[Case], timedelta | None]) -> dict[Band, Times]:
    """Return the figures of a duration for each band, of the studies that have it."""
    found = {band: [duration(case) for case in cases if case.band is band] for band in Band}
    return {band: times(one for one in all_ if one is not None) for band, all_ in found.items()}


def waiting_over_time(cases: Iterable[Case], moments: Sequence[datetime]) -> dict[Band, list[int]]:
    """Return how many studies of each band waited at each moment; one that left without a reading is left out.

    One that waits for another reader has not left, as in the queue now.
    """
    at = np.array([moment.timestamp() for moment in moments])
    counts = {band: np.zeros(len(at), int) for band in Band}
    for case in cases:
        if case.waiting or case.left:
            left = case.left.timestamp() if case.left else np.inf
            counts[case.band] += (case.arrived.timestamp() <= at) & (at < left)
    return {band: found.tolist() for band, found in counts.items()}


def first_in_first_out(cases: Sequence[Case]) -> dict[str, datetime]:
    """Return when each read study would have been read if each reading had taken the oldest one there.

    The moments of the readings stay as they were. At each of them a study is there, since one was read.
    """
    read = sorted((case.signed, case.study_id) for case in cases if case.signed)
    coming = sorted(((case.arrived, case.study_id) for case in cases if case.signed), reverse=True)
    queue: list[tuple[datetime, str]] = []
    outcome: dict[str, datetime] = {}
    for moment, _ in read:
        while coming and coming[-1][0] <= moment:
            heappush(queue, coming.pop())
        outcome[heappop(queue)[1]] = moment
    return outcome


def bought(cases: Sequence[Case]) -> Bought:
    """Compare the order in which studies were read with first in, first out, over the same readings of settled ones."""
    cases = [case for case in cases if case.settled]
    other_order = first_in_first_out(cases)
    earlier: dict[bool, list[float]] = {True: [], False: []}
    waits: dict[str, list[float]] = {"as read": [], "first in, first out": []}
    for case in cases:
        if case.signed:
            glioma = case.called is Finding.GLIOMA
            earlier[glioma].append((other_order[case.study_id] - case.signed) / MINUTE)
            if glioma:
                waits["as read"].append((case.signed - case.arrived) / MINUTE)
                waits["first in, first out"].append((other_order[case.study_id] - case.arrived) / MINUTE)
    return Bought(
        gliomas=len(earlier[True]),
        others=len(earlier[False]),
        won=mean(earlier[True]),
        cost=mean([-minutes for minutes in earlier[False]]),
        waits=waits,
    )


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean with its bootstrap interval."""
    if not values:
        return Estimate(float("nan"), float("nan"), float("nan"))
    rng, known = np.random.default_rng(0), np.array(values)
    drawn = [rng.choice(known, len(known)).mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(np.mean(values)), float(low), float(high))


def share(part: int, count: int) -> Share:
    """Return a part of a number with its interval."""
    if not count:
        return Share(part, count, float("nan"), float("nan"), float("nan"))
    interval = binomtest(part, count).proportion_ci(method="wilson")
    return Share(part, count, part / count, float(interval.low), float(interval.high))


def enough(*counts: int) -> bool:
    """Return whether there are enough studies of each kind for a figure with a bootstrap interval."""
    return min(counts) >= FEWEST


def never_certain(found: Estimate, count: int, floor: float = 0.0) -> Estimate:
    """Return a figure of which 1 is perfect, with an interval that has a width.

    Where all agree every resample agrees too, and the bootstrap interval would say that it is certain. What the other
    studies would have been is then told by the interval of a share of all of them (Wilson).

    Parameters
    ----------
    found
        The figure with its bootstrap interval.
    count
        Studies, or of two kinds of studies the fewer.
    floor
        The share that chance alone makes, for a figure that counts what goes beyond it.
    """
    if not found.value >= 1 or found.low < found.high:
        return found
    return replace(found, low=(share(count, count).low - floor) / (1 - floor))


def answered(cases: Iterable[Case]) -> list[Case]:
    """Return the studies with an AI result and a reading of one of the four classes that answers it."""
    return [case for case in cases if case.predicted is not None and case.called is not None]


def confusion(cases: Iterable[Case]) -> NDArray[np.int64]:
    """Return counts by class: rows as the AI has it, columns as the reader has it, in the order of `Finding`."""
    order = list(Finding)
    counts = np.zeros((len(order), len(order)), np.int64)
    for case in answered(cases):
        assert case.predicted is not None
        assert case.called is not None
        counts[order.index(case.predicted), order.index(case.called)] += 1
    return counts


def agreement(cases: Iterable[Case]) -> Share:
    """Return how often reader and AI name the same class."""
    counts = confusion(cases)
    return share(int(np.trace(counts)), int(counts.sum()))


def kappa(counts: NDArray[np.int64]) -> Estimate:
    """Return Cohen's kappa of a confusion matrix, agreement beyond chance, with its bootstrap interval.

    Where both agree on all, the interval is that of `never_certain`.
    NaN if there are no counts, or if both always name one and the same class, where chance explains everything.
    """
    total = int(counts.sum())
    if not total:
        return Estimate(float("nan"), float("nan"), float("nan"))
    drawn = np.random.default_rng(0).multinomial(total, (counts / total).ravel(), RESAMPLES)
    resampled = _kappa(drawn.reshape(-1, *counts.shape))
    known = resampled[~np.isnan(resampled)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    found = Estimate(float(_kappa(counts[None])[0]), float(low), float(high))
    return never_certain(found, total, float(_by_chance(counts[None])[0]))


def one_class(counts: NDArray[np.int64], finding: Finding) -> NDArray[np.int64]:
    """Return the confusion matrix of one class against all others."""
    at = list(Finding).index(finding)
    both, ai, reader = counts[at, at], counts[at].sum(), counts[:, at].sum()
    return np.array([[both, ai - both], [reader - both, counts.sum() - ai - reader + both]])


def groups(cases: Iterable[Case], name: Callable[[Case], str]) -> dict[str, Share]:
    """Return the agreement in each group of studies, the largest group first; "" where the group is not stated."""
    found: dict[str, list[Case]] = {}
    for case in answered(cases):
        found.setdefault(name(case), []).append(case)
    return {group: agreement(some) for group, some in sorted(found.items(), key=lambda item: -len(item[1]))}


def reasons(cases: Iterable[Case]) -> dict[str, int]:
    """Return how often readers overrode the AI for each reason, the most frequent first."""
    return dict(Counter(case.reason for case in cases if case.reason).most_common())


def _kappa(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return kappa of each of several matrices, ``(matrices, classes, classes)``."""
    total = counts.sum(axis=(1, 2))
    observed = np.trace(counts, axis1=1, axis2=2) / total
    expected = _by_chance(counts)
    chance = expected >= 1
    found: NDArray[np.float64] = np.where(chance, np.nan, (observed - expected) / np.where(chance, 1, 1 - expected))
    return found


def _by_chance(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of agreement that chance alone makes, of each of several matrices."""
    found: NDArray[np.float64] = (counts.sum(axis=1) * counts.sum(axis=2)).sum(axis=1) / counts.sum(axis=(1, 2)) ** 2
    return found
