"""Whether a series of days left its baseline: control charts. Pure.

The first days of a series are its baseline. From then on a CUSUM (Page 1954) sums log-likelihood ratios of "changed"
against "as in the baseline", as Steiner and others (2000) do for outcomes that have an expected share, once for a rise
and once for a fall. With a threshold of ln(x) such a chart alarms without a change no more often than once in x days on
average (Lorden 1971), whatever is charted; x is shared out among all charts that are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.stats import chi2, fisher_exact

from triage.insights import Estimate
from triage.learning.observed import Floats, Mask, Observed

#: The baseline has at least so many studies and days.
BASELINE_STUDIES, BASELINE_DAYS = 200, 28
#: On average, all charts together alarm at most once in so many days with studies if nothing changed.
FALSE_ALARM_DAYS = 365
#: A CUSUM grows no further, in thresholds, so that it comes back soon after a change is over.
MOST = 1.25


@dataclass(frozen=True, slots=True)
class Point:
    """A week, by its first day: its value, and between which limits it stays without a change."""

    day: date
    studies: int
    value: Estimate
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shift:
    """A change that a chart found.

    Attributes
    ----------
    since
        Day on which it seems to have begun: the first after the CUSUM was last at 0.
    found, ended
        Day of the alarm, and the day on which the CUSUM was back at 0; None while it is not.
    rise
        Whether the value went up.
    value, studies
        From the first day to the end, or to now.
    """

    since: date
    found: date
    ended: date | None
    rise: bool
    value: Estimate
    studies: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The control chart of one series.

    Attributes
    ----------
    first, last
        Days of the baseline; None before any study.
    baseline, studies
        Its value and its number of studies.
    missing
        Studies, and days, that the baseline still lacks; until then there is no alarm.
    weeks
        One point a week that has studies.
    days, rise, fall
        The CUSUM after each day behind the baseline, in thresholds: it alarms at 1.
    shifts
        What was found, the latest last.
    """

    first: date | None
    last: date | None
    baseline: Estimate
    studies: int
    missing: tuple[int, int]
    weeks: Sequence[Point] = ()
    days: Sequence[date] = ()
    rise: Sequence[float] = ()
    fall: Sequence[float] = ()
    shifts: Sequence[Shift] = ()

    @property
    def is_ready(self) -> bool:
        """Whether the baseline is complete."""
        return not any(self.missing)


def threshold(charts: int) -> float:
    """Return where a CUSUM alarms if so many charts are looked at, each for a rise and a fall."""
    return math.log(FALSE_ALARM_DAYS * 2 * max(charts, 1))


def chart(days: Sequence[date], seen: Observed, limit: float) -> Chart:
    """Return the control chart of a series.

    Parameters
    ----------
    days
        In order; days without studies may be left out.
    seen
        What was observed on them.
    limit
        `threshold` of the number of charts.
    """
    with_any = np.flatnonzero(seen.studies)
    if not len(with_any):
        return Chart(None, None, Estimate(math.nan, math.nan, math.nan), 0, (BASELINE_STUDIES, BASELINE_DAYS))
    first, numbers = int(with_any[0]), np.cumsum(seen.studies)
    age = np.array([(day - days[first]).days + 1 for day in days])
    complete = np.flatnonzero((numbers >= BASELINE_STUDIES) & (age >= BASELINE_DAYS))
    last = int(complete[0]) if len(complete) else len(days) - 1
    base = (np.arange(len(days)) >= first) & (np.arange(len(days)) <= last)
    missing = 0, 0
    if not len(complete):
        missing = max(BASELINE_STUDIES - int(numbers[-1]), 0), max(BASELINE_DAYS - int(age[-1]), 0)
    weeks = _weeks(days, seen, base)
    about = days[first], days[last], seen.estimate(base), round(numbers[last]), missing
    if not len(complete):
        return Chart(*about, weeks)
    after = days[last + 1 :]
    rise, fall = (cusum(one[last + 1 :] / limit) for one in seen.ratios(base))
    shifts = [*_shifts(days, seen, last + 1, rise, rise=True), *_shifts(days, seen, last + 1, fall, rise=False)]
    shifts.sort(key=lambda one: one.found)
    return Chart(*about, weeks, after, rise.tolist(), fall.tolist(), shifts)


def cusum(ratios: Floats) -> Floats:
    """Return the CUSUM after each day, from 0 to `MOST`; it alarms at 1."""
    height, found = 0.0, np.zeros_like(ratios)
    for at, ratio in enumerate(ratios):
        height = min(max(height + ratio, 0.0), MOST)
        found[at] = height
    return found


def stability(before: Sequence[float], now: Sequence[float]) -> tuple[float, float]:
    """Return the population stability index of two counts by class, and below what it is without a change.

    The second is its 95th percentile without a change (Yurdakul and Naranjo 2020). NaN if either is empty.
    """
    old, new = np.asarray(before, float), np.asarray(now, float)
    if not old.sum() or not new.sum():
        return math.nan, math.nan
    p, q = (old + 0.5) / (old + 0.5).sum(), (new + 0.5) / (new + 0.5).sum()
    usual = chi2.ppf(0.95, len(old) - 1) * (1 / old.sum() + 1 / new.sum()) if len(old) > 1 else 0.0
    return float(((q - p) * np.log(q / p)).sum()), float(usual)


def unlike_the_rest(parts: Sequence[int], numbers: Sequence[int]) -> list[float]:
    """Return for each group how likely its share differs so much from that of all others by chance.

    Fisher's exact test, corrected for the number of groups after Holm.
    """
    part, number = sum(parts), sum(numbers)
    found = [
        float(fisher_exact([[one, of - one], [part - one, number - of - part + one]]).pvalue)
        for one, of in zip(parts, numbers, strict=True)
    ]
    corrected, least = [1.0] * len(found), 0.0
    for place, at in enumerate(sorted(range(len(found)), key=found.__getitem__)):
        least = corrected[at] = min(max(least, found[at] * (len(found) - place)), 1.0)
    return corrected


def _weeks(days: Sequence[date], seen: Observed, base: Mask) -> list[Point]:
    weeks = np.array([(day - timedelta(days=day.weekday())).toordinal() for day in days])
    points = []
    for week in np.unique(weeks[seen.studies > 0]):
        at = weeks == week
        low, high = seen.limits(base, at)
        points.append(Point(date.fromordinal(int(week)), round(seen.studies[at].sum()), seen.estimate(at), low, high))
    return points


def _shifts(days: Sequence[date], seen: Observed, start: int, height: Floats, *, rise: bool) -> list[Shift]:
    """Return the changes in one direction; `height` begins with the day at `start`."""
    found: list[Shift] = []
    begun, alarm = 0, -1
    for at, one in enumerate(height):
        if alarm < 0 and one >= 1:
            alarm = at
        if one == 0 or (at == len(height) - 1 and alarm >= 0):
            if alarm >= 0:
                end = at if one == 0 else len(height)
                during = np.zeros(len(days), np.bool_)
                during[start + begun : start + end] = True
                ended = days[start + at] if one == 0 else None
                value, number = seen.estimate(during), round(seen.studies[during].sum())
                found.append(Shift(days[start + begun], days[start + alarm], ended, rise, value, number))
            begun, alarm = at + 1, -1
    return found
