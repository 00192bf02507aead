"""What is watched of an installation up to a day: the charts, what they found, and the readings of late. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from triage.learning.agreement import Group, Reliability, groups, reliability
from triage.learning.drift import Chart, Shift, chart, stability, threshold
from triage.learning.series import GROUPED, Measure, Name, Series, charted
from triage.records.drift import Alike, Tally

#: Groups and reliability are of readings of these last days, and so is the mix that is held against the baseline.
LATELY = timedelta(days=90)
#: "Mostly" is this share of the studies too many, and so many times the share of the scanner among all studies.
MOSTLY, MORE = 0.5, 1.5
#: Charts whose studies are told apart by scanner, to say where a change comes from: what is counted, and among what.
BLAMED: Mapping[Name, tuple[str, str]] = {
    (Measure.UNLIKE, ""): ("unlike", "recorded"),
    (Measure.REFUSED, ""): ("refused", "studies"),
    (Measure.AGREEMENT, ""): ("agreed", "read"),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that a chart found.

    Attributes
    ----------
    label
        Which group, scanner, class, band, sequence or plane; empty if the chart is about all studies.
    mostly
        The scanner that most of it comes from; None if it comes from several, or there is but one.
    others
        Number of further charts of this measure that found a change which is not over.
    """

    measure: Measure
    label: str
    chart: Chart
    shift: Shift
    mostly: str | None = None
    others: int = 0


@dataclass(frozen=True)
class Watched:
    """What is watched, up to a day.

    Attributes
    ----------
    studies, read
        Number of studies that arrived, and of readings that answer the model that serves.
    unrecorded
        Number of its results that were filed before their pictures were measured.
    charts
        By measure and label.
    alarms
        Changes that are not over, what matters most first.
    past
        Changes that are over, the latest first.
    mixes
        By measure: stability index of its classes of late against the baseline, and below what it is without a change.
    agreement
        By reader, scanner, sequence, sex and age band, of late.
    reliability
        Of late.
    """

    until: date
    studies: int = 0
    read: int = 0
    unrecorded: int = 0
    charts: Mapping[Name, Chart] = field(default_factory=dict)
    alarms: Sequence[Alarm] = ()
    past: Sequence[Alarm] = ()
    mixes: Mapping[Measure, tuple[float, float]] = field(default_factory=dict)
    agreement: Mapping[str, Sequence[Group]] = field(default_factory=dict)
    reliability: Sequence[Reliability] = ()


@dataclass(frozen=True)
class Month:
    """What a monthly report is about.

    Attributes
    ----------
    first, last
        Its days; of a month that is not over, up to now.
    watched
        What was watched up to the last day.
    counts, before
        Counts of the month and of the month before it, by what is counted; see `triage.records.drift`.
    """

    first: date
    last: date
    watched: Watched
    counts: Counter[str]
    before: Counter[str]


def watched(
    received: Sequence[Tally], read: Sequence[Tally], alike: Sequence[Alike], model: str, *, until: date
) -> Watched:
    """Return what is watched.

    Parameters
    ----------
    received, read
        As `triage.records.drift` counts them, from the first day of the baseline on.
    alike
        The readings by what they have in common, from the first day of the baseline on.
    model
        Digest of the model that serves.
    until
        Later days are left out.
    """
    received, read = ([one for one in some if one.day <= until] for some in (received, read))
    own = [one.counts for one in received if one.model == model]
    answered = [one for one in read if one.model == model]
    alike = [one for one in alike if one.day <= until]
    series = charted(received, read, alike, model)
    limit = threshold(len(series))
    charts = {name: chart(one.days, one.seen, limit) for name, one in series.items()}
    found = [
        Alarm(*name, one, shift, _mostly(name, one, shift, received, answered))
        for name, one in charts.items()
        for shift in one.shifts
    ]
    return Watched(
        until=until,
        studies=round(sum(one.counts["studies"] for one in received)),
        read=round(sum(one.counts["read"] for one in answered)),
        unrecorded=round(sum(one["results"] - one["recorded"] for one in own)),
        charts=charts,
        alarms=_largest(_beyond_all([one for one in found if one.shift.ended is None])),
        past=sorted((one for one in found if one.shift.ended), key=lambda one: one.shift.found, reverse=True),
        mixes={
            measure: _mix(measure, charts, series, until) for measure in (Measure.SCANNER, Measure.CLASS, Measure.BAND)
        },
        agreement=groups([one for one in alike if one.day > until - LATELY]),
        reliability=reliability([one for one in answered if one.day > until - LATELY]),
    )


def _beyond_all(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Leave out groups that changed as all readings did: their interval holds the agreement of all since its change."""
    of_all = [one.shift for one in alarms if one.measure is Measure.AGREEMENT]
    return [
        one
        for one in alarms
        if one.measure not in GROUPED
        or not any(one.shift.value.low <= other.value.value <= one.shift.value.high for other in of_all)
    ]


def _largest(alarms: Sequence[Alarm]) -> list[Alarm]:
    """Return of each measure the largest change, with the number of its others."""
    found: dict[Measure, list[Alarm]] = defaultdict(list)
    for one in alarms:
        found[one.measure].append(one)
    largest = []
    for measure in Measure:
        if some := found[measure]:
            one = max(some, key=lambda alarm: abs(alarm.shift.value.value - alarm.chart.baseline.value))
            largest.append(Alarm(measure, one.label, one.chart, one.shift, one.mostly, len(some) - 1))
    return largest


def _mostly(name: Name, found: Chart, shift: Shift, received: Sequence[Tally], answered: Sequence[Tally]) -> str | None:
    """Return the scanner that most of the studies too many, or too few, come from."""
    if name not in BLAMED:
        return None
    counted, among = BLAMED[name]
    excess: dict[str, float] = defaultdict(float)
    number: dict[str, float] = defaultdict(float)
    for one in answered if name[0] is Measure.AGREEMENT else received:
        if one.day >= shift.since and (shift.ended is None or one.day < shift.ended):
            usual = found.baseline.value * one.counts[among]
            excess[one.scanner] += (one.counts[counted] - usual) * (1 if shift.rise else -1)
            number[one.scanner] += one.counts[among]
    too_many = sum(max(value, 0) for value in excess.values())
    if len(excess) < 2 or too_many <= 0:
        return None
    scanner, most = max(excess.items(), key=lambda item: item[1])
    part, fair = most / too_many, number[scanner] / sum(number.values())
    return scanner if part > MOSTLY and part > MORE * fair else None


def _mix(
    measure: Measure, charts: Mapping[Name, Chart], series: Mapping[Name, Series], until: date
) -> tuple[float, float]:
    """Return the stability index of the classes of a measure."""
    before, now = [], []
    for name, one in series.items():
        if name[0] is measure and charts[name].last is not None:
            days = np.array(one.days)
            late = (days > until - LATELY) & (days > charts[name].last)
            before.append(one.seen.estimate(days <= charts[name].last).value * charts[name].studies)
            now.append(one.seen.estimate(late).value * float(one.seen.studies[late].sum()))
    return stability(before, np.nan_to_num(now).tolist())
