"""Stacks of slices, by what their origins state: the same pictures make the same stacks, however they were packed.

Scanners, archives and converters deal the slices of one acquisition to several series, put several passes over the same
places (echoes, b values, phases of a dynamic) into one, and send copies. Three neighbours of a stack have to be three
places of one pass, since the decision rule for studies takes their mean.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from triage.domain import Origin, Series, SeriesHeader, Slice
from triage.scans.formats.geometry import PARALLEL, Vector, orientation_of

#: Positions that differ by less are one place: millimetres.
SAME_PLACE = 0.1
#: The first so many entries of `Origin.passes` are the kind of picture, not the time at which it was taken.
STATED = -3
COPIES = "Copies of pictures in another series"

Family = frozenset[tuple[object, ...]]


@dataclass(slots=True)
class _Member:
    """A slice in the making of stacks: with its place along the normal, numbered from 0."""

    slice: Slice
    origin: Origin
    header: SeriesHeader
    height: float | None = None
    place: int = 0

    @property
    def order(self) -> tuple[object, ...]:
        """What orders slices that nothing else tells apart; never the order of the files."""
        origin = self.origin
        return origin.series_number, origin.instance_number, origin.series, self.slice.frame, origin.picture

    @property
    def stated(self) -> tuple[str, ...]:
        """What may tell passes apart."""
        return *self.origin.passes, self.origin.series


def families(origins: Iterable[Origin]) -> dict[str, Family]:
    """Return what the series of one acquisition have in common, by Series Instance UID."""
    found: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    for one in origins:
        # Without a position nothing says that slices of two series lie in one stack.
        alone = one.series if one.position is None and one.location is None else ""
        found[one.series].add((one.acquisition, one.frame_of_reference, alone))
    return {uid: frozenset(stated) for uid, stated in found.items()}


def arrange(series: Iterable[Series]) -> tuple[Series, ...]:
    """Arrange the slices of a study to stacks; arranging them again changes nothing.

    Parameters
    ----------
    series
        All decoded series. Those without origins stay as they are.

    Returns
    -------
    tuple of Series
        By series number, the stacks of one series by plane and pass. Of the copies of a picture one is left.
    """
    given = list(series)
    others = [one for one in given if not one.slices or one.slices[0].origin is None]
    members = [
        _Member(slice_, slice_.origin, one.header)
        for one in given
        for slice_ in one.slices
        if slice_.origin is not None
    ]
    found = [(one, -1) for one in others]
    for family in _without_copies(_by_family(members)):
        if isinstance(family, SeriesHeader):
            found.append((Series(replace(family, set_aside=COPIES), ()), -1))
            continue
        for passes in _planes(family):
            places = [{member.place for member in one if member.height is not None} for one in passes]
            most = max(range(len(passes)), key=lambda at: len(places[at]))
            found += [
                (_stack(one), len(found) + most if places[most] - known else -1)
                for one, known in zip(passes, places, strict=True)
            ]
    order = sorted(range(len(found)), key=lambda at: (found[at][0].header.number, found[at][0].header.uid))
    return tuple(
        replace(found[at][0], base=order.index(found[at][1]) if found[at][1] >= 0 else found[at][0].base)
        for at in order
    )


def _by_family(members: Sequence[_Member]) -> list[list[_Member]]:
    """Group the slices by acquisition, the largest first."""
    known = families(member.origin for member in members)
    found: dict[Family, list[_Member]] = defaultdict(list)
    for member in sorted(members, key=lambda member: member.order):
        found[known[member.origin.series]].append(member)
    # Of copies, the one among the most neighbours is left.
    return sorted(found.values(), key=lambda family: -len({member.origin.picture for member in family}))


def _without_copies(grouped: Iterable[list[_Member]]) -> Iterable[list[_Member] | SeriesHeader]:
    """Return the families with each picture once, or the header of one that holds nothing but copies."""
    seen: set[tuple[str, tuple[float, ...] | None]] = set()
    pictures: set[str] = set()
    for family in grouped:
        left = []
        for member in family:
            origin = member.origin
            stated = origin.position or ((origin.location,) if origin.location is not None else None)
            place = (
                tuple(round(number, 1) + 0.0 for number in (*stated, *(origin.orientation or ()))) if stated else None
            )
            if (origin.picture, place) in seen or (place is None and origin.picture in pictures):
                continue
            seen.add((origin.picture, place))
            pictures.add(origin.picture)
            left.append(member)
        yield left or _first_header(family)


def _planes(family: Sequence[_Member]) -> Iterable[list[list[_Member]]]:
    """Return the passes of each group of parallel slices, the largest group first."""
    normals: list[Vector] = []
    groups: dict[tuple[int, bool, bool], list[_Member]] = defaultdict(list)
    for member in family:
        origin = member.origin
        orientation = orientation_of(origin.orientation) if origin.orientation else None
        across = -1
        if orientation is not None:
            normal = orientation.across
            across = next((at for at, known in enumerate(normals) if known @ normal > PARALLEL), len(normals))
            if across == len(normals):
                normals.append(normal)
        placed, located = origin.position is not None, origin.location is not None
        groups[across, placed, located and not placed].append(member)
    for (across, placed, located), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        locations = [member.origin.location or 0.0 for member in group]
        if placed:
            positions = np.array([member.origin.position for member in group])
            # Without an orientation, slices lie across the axis along which they spread most.
            axis = int(np.ptp(positions, axis=0).argmax())
            along = positions @ normals[across] if across >= 0 else positions[:, axis]
            # One position for all was made up.
            placed = bool(np.ptp(along) > SAME_PLACE or len(set(locations)) == 1)
            heights = [round(float(height), 3) for height in along] if placed else locations
            yield _passes_over(heights, group, placed=placed)
        elif located:
            yield _passes_over(locations, group, placed=False)
        else:
            yield [group]


def _passes_over(along: Sequence[float], group: list[_Member], *, placed: bool) -> list[list[_Member]]:
    """Number the places along the normal, and return the passes over them."""
    order = sorted(range(len(group)), key=lambda at: along[at])
    place, last = 0, along[order[0]]
    for at in order:
        place += along[at] - last > SAME_PLACE
        last = along[at]
        group[at].place, group[at].height = place, along[at] if placed else None
    passes = _passes(group)
    if place == 0 and len(passes) == len(group) > 1 and not _told_apart(group):
        # All at one place and alike: the position was made up, and only the numbers order the slices.
        for member in group:
            member.height = None
        return [group]
    return [sorted(one, key=lambda member: (member.place, member.order)) for one in passes]


def _told_apart(group: Sequence[_Member]) -> bool:
    return len({(member.origin.passes[:STATED], member.origin.series) for member in group}) > 1


def _passes(group: list[_Member]) -> list[list[_Member]]:
    """Divide slices until no place repeats: by what tells the pictures of one place apart, else by their numbers."""
    counts = Counter(member.place for member in group)
    most = max(counts.values())
    if most == 1:
        return [group]
    for at in range(len(group[0].stated)):
        parts: dict[str, list[_Member]] = defaultdict(list)
        for member in group:
            parts[member.stated[at]].append(member)
        # A value that also differs from place to place numbers the slices, not the passes.
        if 1 < len(parts) <= most and _tells_apart(parts, counts):
            return [one for value in sorted(parts, key=_numeric) for one in _passes(parts[value])]
    layers: list[list[_Member]] = [[] for _ in range(most)]
    depth: Counter[int] = Counter()
    for member in group:
        layers[depth[member.place]].append(member)
        depth[member.place] += 1
    return layers


def _tells_apart(parts: Mapping[str, Sequence[_Member]], counts: Mapping[int, int]) -> bool:
    """Tell whether most places that repeat have slices in several parts."""
    found = Counter(place for part in parts.values() for place in {member.place for member in part})
    repeated = [place for place, count in counts.items() if count > 1]
    return 2 * sum(found[place] > 1 for place in repeated) >= len(repeated)


def _numeric(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf") if value else float("-inf"), value


def _first_header(members: Sequence[_Member]) -> SeriesHeader:
    return min((member.header for member in members), key=lambda header: (header.number, header.uid))


def _stack(members: Sequence[_Member]) -> Series:
    header, first = _first_header(members), members[0]
    orientation = orientation_of(first.origin.orientation) if first.origin.orientation else None
    heights = [member.height for member in members if member.height is not None]
    distance = header.spacing[2] if header.spacing else None
    if len(heights) > 1:
        distance = round(float(np.median(np.diff(heights))), 4)
    sides = first.slice.spacing
    return Series(
        replace(
            header,
            plane=orientation.plane if orientation else None,
            spacing=(*sides, distance) if sides and distance else None,
        ),
        tuple(replace(member.slice, height=member.height) for member in members),
    )
