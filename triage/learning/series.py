"""Which series of days are charted: what came in, what the model said of it, and what readers said of that. Pure.

Tested in tests/learning/test_monitored.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from triage.domain import Band, Finding
from triage.learning.agreement import BY
from triage.learning.drift import BASELINE_STUDIES
from triage.learning.observed import Expected, Floats, Means, Observed, Shares
from triage.records.drift import EDGES, NO_PLANE, NO_SEQUENCE, PLANES, SEQUENCES, Alike, Tally


class Measure(StrEnum):
    """What a chart is about; what comes first matters most."""

    UNLIKE = "unlike"
    AGREEMENT = "agreement"
    BY_READER = "agreement_by_reader"
    BY_SCANNER = "agreement_by_scanner"
    BY_SEQUENCE = "agreement_by_sequence"
    BY_SEX = "agreement_by_sex"
    BY_AGE = "agreement_by_age"
    FOUND = "found"
    CALIBRATION = "calibration"
    REFUSED = "refused"
    CLASS = "class"
    BAND = "band"
    SCANNER = "scanner"
    SEQUENCE = "sequence"
    PLANE = "plane"
    BRIGHTNESS = "brightness"
    CONTRAST = "contrast"


#: The measures that chart the agreement of one group of readings each, and what the groups differ in.
GROUPED: Mapping[Measure, str] = {
    Measure.BY_READER: "reader",
    Measure.BY_SCANNER: "scanner",
    Measure.BY_SEQUENCE: "sequence",
    Measure.BY_SEX: "sex",
    Measure.BY_AGE: "age",
}
#: What a chart is about, and of which group, scanner, class, band, sequence or plane; "" if of all studies.
Name = tuple[Measure, str]
#: A scanner of fewer studies in the baseline is one of the others; so many at most are told apart.
SCANNER_SHARE, SCANNERS = 0.05, 6
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Series:
    """What was observed on some days, which are in order."""

    days: Sequence[date]
    seen: Observed


def charted(received: Sequence[Tally], read: Sequence[Tally], alike: Sequence[Alike], model: str) -> dict[Name, Series]:
    """Return all series that have any study; of groups of readings, those that have enough for a baseline.

    What a model says is only held against what the same model said before: of the results and readings, those of the
    model that serves are charted.
    """
    own = [one for one in received if one.model == model]
    answered = [one for one in read if one.model == model]
    found = _arrived(received) | _looked_at(own) | _said(own) | _agreed(answered)
    found |= _of_groups([one for one in alike if one.model == model])
    return {name: series for name, series in found.items() if series.seen.studies.any()}


def _arrived(received: Sequence[Tally]) -> dict[Name, Series]:
    days = _days(received)
    studies = _sums(received, days, "studies")
    parts: dict[Name, Floats] = {(Measure.REFUSED, ""): _sums(received, days, "refused")}
    for measure, names in ((Measure.SEQUENCE, (*SEQUENCES, NO_SEQUENCE)), (Measure.PLANE, (*PLANES, NO_PLANE))):
        parts |= {(measure, name): _sums(received, days, name) for name in names}
    usual = _usual_scanners(received)
    for scanner in usual:
        parts[Measure.SCANNER, scanner] = _sums([one for one in received if one.scanner == scanner], days, "studies")
    parts = {name: part for name, part in parts.items() if part.any() or name[0] is Measure.REFUSED}
    # What the baseline lacks can still come: its chart is there from the first day on.
    others = [one for one in received if one.scanner not in usual]
    parts[Measure.SCANNER, OTHERS] = _sums(others, days, "studies")
    return {name: Series(days, Shares(studies, part)) for name, part in parts.items()}


def _looked_at(own: Sequence[Tally]) -> dict[Name, Series]:
    days = _days(own)
    recorded = _sums(own, days, "recorded")
    found = {(Measure.UNLIKE, ""): Series(days, Shares(recorded, _sums(own, days, "unlike")))}
    for measure in (Measure.BRIGHTNESS, Measure.CONTRAST):
        total, squares = _sums(own, days, measure), _sums(own, days, f"{measure} squared")
        found[measure, ""] = Series(days, Means(recorded, total, squares))
    return found


def _said(own: Sequence[Tally]) -> dict[Name, Series]:
    days = _days(own)
    answered = _sums(own, days, "answered")
    names = [(Measure.CLASS, one.value) for one in Finding] + [(Measure.BAND, one.value) for one in Band]
    return {name: Series(days, Shares(answered, _sums(own, days, name[1]))) for name in names}


def _agreed(read: Sequence[Tally]) -> dict[Name, Series]:
    days = _days(read)
    agreement = Shares(_sums(read, days, "read"), _sums(read, days, "agreed"))
    found = Shares(_sums(read, days, "gliomas"), _sums(read, days, "found"))
    at = {day: number for number, day in enumerate(days)}
    number, expected, true = (np.zeros((len(days), len(EDGES) + 1)) for _ in range(3))
    for one in read:
        place = at[one.day], one.bin
        number[place] += one.counts["read"]
        expected[place] += one.counts["expected"]
        true[place] += one.counts["gliomas"]
    return {
        (Measure.AGREEMENT, ""): Series(days, agreement),
        (Measure.FOUND, ""): Series(days, found),
        (Measure.CALIBRATION, ""): Series(days, Expected(number, expected, true)),
    }


def _of_groups(alike: Sequence[Alike]) -> dict[Name, Series]:
    """Return the agreement of each group of readings; small groups would only make the others alarm later."""
    days = sorted({one.day for one in alike})
    at = {day: number for number, day in enumerate(days)}
    studies: dict[Name, Floats] = defaultdict(lambda: np.zeros(len(days)))
    agreed: dict[Name, Floats] = defaultdict(lambda: np.zeros(len(days)))
    for one in alike:
        for measure, by in GROUPED.items():
            for group in BY[by](one):
                studies[measure, group][at[one.day]] += one.studies
                agreed[measure, group][at[one.day]] += one.agreed
    return {
        name: Series(days, Shares(number, agreed[name]))
        for name, number in studies.items()
        if BASELINE_STUDIES <= number.sum() < _all_of(alike)
    }


def _all_of(alike: Sequence[Alike]) -> int:
    """Return the number of all studies: a group that has all of them is charted already."""
    return sum(one.studies for one in alike)


def _usual_scanners(received: Sequence[Tally]) -> list[str]:
    """Return the scanners of the first studies, those of most studies first."""
    counts: Counter[str] = Counter()
    day = date.min
    for one in sorted(received, key=lambda one: one.day):
        if one.day > day and counts.total() >= BASELINE_STUDIES:
            break
        day = one.day
        counts[one.scanner] += round(one.counts["studies"])
    return [name for name, count in counts.most_common(SCANNERS) if count >= SCANNER_SHARE * counts.total()]


def _days(tallies: Sequence[Tally]) -> list[date]:
    return sorted({one.day for one in tallies})


def _sums(tallies: Sequence[Tally], days: Sequence[date], name: str) -> Floats:
    """Return the sum of a count for each day."""
    at = {day: number for number, day in enumerate(days)}
    found = np.zeros(len(days))
    for one in tallies:
        found[at[one.day]] += one.counts[name]
    return found
