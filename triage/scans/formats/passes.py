"""Divide the slices of one acquisition and plane to passes: stacks that hold each place once.

Tested in tests/scans/formats/test_stacks.py and test_acquisitions.py.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from triage.domain import Origin, SeriesHeader, Slice
from triage.scans.formats.acquisitions import Acquisition
from triage.scans.formats.origin import ACQUISITION_ENTRY, KIND_ENTRIES, PHASE_ENTRIES
from triage.scans.formats.places import OVERLAP, places

#: A kind of picture that is stated for one slice alone, and for so many others not, is a slip.
MANY = 3
#: Within a pass, gaps differ by so much at most: the smaller one is at least this part of both.
UNEVEN = 0.25
#: The series in `Member.stated`.
SERIES = -1


@dataclass(slots=True)
class Member:
    """A slice in the making of stacks: with its place along the normal, numbered from 0."""

    slice: Slice
    origin: Origin
    header: SeriesHeader
    acquisition: Acquisition
    height: float | None = None
    place: int = 0

    @property
    def order(self) -> tuple[object, ...]:
        """What orders slices that nothing else tells apart; never the order of the files."""
        origin = self.origin
        return origin.series_number, origin.instance_number, natural(origin.series), self.slice.frame, origin.picture

    @property
    def stated(self) -> tuple[str, ...]:
        """What may tell passes apart."""
        return *self.origin.passes, self.origin.series


def natural(value: str) -> tuple[object, ...]:
    """Return a key that sorts the numbers in a text by their size."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", value) if part)


def passes_by_height(members: list[Member], along: Sequence[float]) -> list[list[Member]]:
    """Return the passes of slices that state where they lie, each in the order of its places."""
    thickness = [member.origin.thickness for member in members if member.origin.thickness]
    typical = float(np.median(thickness)) if thickness else None
    for member, place in zip(members, places(along, typical), strict=True):
        member.place = place
    if _are_uneven(members, along):
        for place, at in enumerate(np.argsort(along, kind="stable")):
            members[at].place = place
    divided = [part for one in _passes(members) for part in _without_overlap(one, typical)]
    return [sorted(one, key=lambda member: (member.place, member.order)) for one in divided]


def _are_uneven(members: Sequence[Member], along: Sequence[float]) -> bool:
    """Tell whether slices that look like two passes are one stack with uneven gaps.

    Its numbers follow the places, and nothing that is stated tells the slices of a pair apart.
    """
    order = np.argsort(along, kind="stable")
    gaps, steps = np.diff(np.take(along, order)), np.diff([members[at].origin.instance_number for at in order])
    within = np.diff([members[at].place for at in order]) == 0
    if not within.any() or within.all() or not ((steps > 0).all() or (steps < 0).all()):
        return False
    least = gaps[within].min()
    return bool(least >= UNEVEN * (least + np.median(gaps[~within]))) and _parts_of_passes(members) is None


def passes_by_number(members: list[Member]) -> list[list[Member]]:
    """Return the passes of slices that do not state where they lie, each in the order of its numbers.

    A series or a number of its own for each slice is no reason to divide them.
    """
    for at in range(PHASE_ENTRIES):
        parts = _parts(members, at)
        most = max(parts, key=lambda value: len(parts[value]))
        if at < KIND_ENTRIES:
            for value in [value for value in parts if len(parts[value]) == 1 and len(parts[most]) >= MANY]:
                parts[most] += parts.pop(value)
        elif min(map(len, parts.values())) == 1:
            continue  # it numbers the slices
        if len(parts) > 1:
            return [one for value in sorted(parts, key=natural) for one in passes_by_number(parts[value])]
    series = _parts(members, SERIES)
    if len(series) > 1 and not _are_one(members, alone=len(series) == len(members)):
        return [one for uid in sorted(series, key=natural) for one in passes_by_number(series[uid])]
    ordered = _by_number(members)
    # Acquisitions of many slices, one after the other, are passes; where they alternate, they are parts of one.
    blocks = [list(block) for _, block in groupby(ordered, lambda member: member.stated[ACQUISITION_ENTRY])]
    sizes = {len(block) for block in blocks}
    return blocks if len(sizes) == 1 and min(sizes) >= MANY else [ordered]


def _are_one(members: Sequence[Member], *, alone: bool) -> bool:
    """Tell whether slices of several series may be one stack.

    They have one each or do not repeat a number; and they state how they were acquired, or are numbered throughout.
    """
    numbers = {member.origin.instance_number for member in members}
    others = zip(*(member.origin.passes[KIND_ENTRIES:] for member in members), strict=True)
    distinct = len(numbers) == len(members)
    numbered = distinct or (len(numbers) == 1 and len(members) in {len(set(one)) for one in others})
    stated = any(any((*member.origin.texts, member.origin.sequence, *member.origin.timing)) for member in members)
    return (alone or numbered) and (stated or (distinct and max(numbers) - min(numbers) < 2 * len(members)))


def _by_number(members: Sequence[Member]) -> list[Member]:
    """Order slices by the first number that differs for all."""
    keys = [
        [
            (member.origin.instance_number, member.slice.frame),
            (member.origin.series_number, member.slice.frame),
            *map(natural, member.origin.passes[KIND_ENTRIES:]),
            member.order,
        ]
        for member in members
    ]
    number = next((at for at in range(len(keys[0])) if len({key[at] for key in keys}) == len(keys)), -1)
    return [members[at] for at in sorted(range(len(keys)), key=lambda at: (keys[at][number], keys[at][-1]))]


def _passes(group: list[Member]) -> list[list[Member]]:
    """Divide slices until no place repeats: by what tells the pictures of one place apart, else by their numbers."""
    if parts := _parts_of_passes(group):
        return [one for value in sorted(parts, key=natural) for one in _passes(parts[value])]
    most = max(Counter(member.place for member in group).values())
    layers: list[list[Member]] = [[] for _ in range(most)]
    depth: Counter[int] = Counter()
    for member in group:
        layers[depth[member.place]].append(member)
        depth[member.place] += 1
    return layers


def _parts_of_passes(group: Sequence[Member]) -> dict[str, list[Member]] | None:
    """Divide slices by the first entry that tells most of those of one place apart; None if there is none."""
    counts = Counter(member.place for member in group)
    repeated = [place for place, count in counts.items() if count > 1]
    for at in range(len(group[0].stated)):
        parts = _parts(group, at)
        # A value that also differs from place to place numbers the slices, not the passes.
        if 1 < len(parts) <= max(counts.values()):
            found = Counter(place for part in parts.values() for place in {member.place for member in part})
            if 2 * sum(found[place] > 1 for place in repeated) >= len(repeated):
                return parts
    return None


def _without_overlap(group: list[Member], thickness: float | None) -> list[list[Member]]:
    """Divide two passes whose slices lie between each other and overlap.

    Halves of one stack fill each other's gaps. Slices that overlap may also be of one volume, reconstructed more finely
    than it was acquired: then their numbers follow their places.
    """
    if thickness is None or not _overlap(group, thickness) or _follow_places(group):
        return [group]
    for at in range(len(group[0].stated)):
        parts = _parts(group, at)
        if len(parts) > 1 and not any(len(part) == 1 or _overlap(part, thickness) for part in parts.values()):
            return [parts[value] for value in sorted(parts, key=natural)]
    return [group]


def _overlap(group: Sequence[Member], thickness: float) -> bool:
    heights = sorted(member.height for member in group if member.height is not None)
    return len(heights) > 1 and float(np.median(np.diff(heights))) < OVERLAP * thickness


def _follow_places(group: Sequence[Member]) -> bool:
    numbers = [member.origin.instance_number for member in sorted(group, key=lambda member: member.place)]
    steps = np.diff(numbers)
    return bool((steps > 0).all() or (steps < 0).all())


def _parts(members: Sequence[Member], entry: int) -> dict[str, list[Member]]:
    """Divide slices by an entry of what they state."""
    parts: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        parts[member.stated[entry]].append(member)
    return parts
