"""Whose readings agree with the AI, by reader, scanner, sequence, sex and age; whether its probabilities hold. Pure.

Groups are compared over one period, not charted: most are too small for a chart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from triage.insights import Share, share
from triage.learning.drift import unlike_the_rest
from triage.records.drift import EDGES, Alike, Tally

#: A group of fewer studies is told with its interval, but never called unlike the others.
GROUP_STUDIES = 20
#: Below this probability, corrected for the number of groups, a difference is not left to chance.
GROUP_CHANCE = 0.01
#: Age bands, and the age in years that each ends before.
AGES = {"0-17": 18, "18-39": 40, "40-64": 65}
OLDEST = "65+"
#: How many of a unit of DICOM make a year.
A_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
BY: Mapping[str, Callable[[Alike], Iterable[str]]] = {
    "reader": lambda one: [one.reader],
    "scanner": lambda one: [one.scanner],
    "sequence": lambda one: one.sequences,
    "sex": lambda one: [one.sex],
    "age": lambda one: [age_band(one.age)],
}


@dataclass(frozen=True, slots=True)
class Group:
    """Readings of a group: how often they agree with the AI, and how likely chance makes it so unlike the others."""

    name: str
    agreed: Share
    chance: float

    @property
    def stands_out(self) -> bool:
        """Whether it differs from the other groups more than chance explains."""
        return self.agreed.count >= GROUP_STUDIES and self.chance < GROUP_CHANCE


@dataclass(frozen=True, slots=True)
class Reliability:
    """Studies of one bin of P(glioma): its mean, and how many of them readers called glioma."""

    expected: float
    true: Share


def groups(alike: Sequence[Alike]) -> dict[str, list[Group]]:
    """Return the agreement of readers and AI by each of `BY`, the largest group first."""
    return {by: _groups(alike, named) for by, named in BY.items()}


def age_band(age: str) -> str:
    """Return the band of an age in DICOM form (PS3.5 6.2): ``054Y``; empty if it is not one."""
    number, unit = age[:-1], age[-1:].upper()
    if not (number.isascii() and number.isdecimal()) or unit not in A_YEAR:
        return ""
    years = int(number) / A_YEAR[unit]
    return next((band for band, end in AGES.items() if years < end), OLDEST)


def reliability(read: Sequence[Tally]) -> list[Reliability]:
    """Return the bins of P(glioma) that have studies, the lowest first."""
    found = []
    for number in range(len(EDGES) + 1):
        some = [one.counts for one in read if one.bin == number]
        count = round(sum(one["read"] for one in some))
        if count:
            true = share(round(sum(one["gliomas"] for one in some)), count)
            found.append(Reliability(sum(one["expected"] for one in some) / count, true))
    return found


def _groups(alike: Sequence[Alike], named: Callable[[Alike], Iterable[str]]) -> list[Group]:
    counts: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    for one in alike:
        for name in named(one):
            counts[name] += one.studies
            agreed[name] += one.agreed
    order = [name for name, _ in counts.most_common()]
    chances = unlike_the_rest([agreed[name] for name in order], [counts[name] for name in order])
    return [Group(name, share(agreed[name], counts[name]), chance) for name, chance in zip(order, chances, strict=True)]
