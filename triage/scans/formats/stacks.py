"""Stacks of slices, by what their origins state: the same pictures make the same stacks, however they were packed.

Scanners, archives and converters deal the slices of one acquisition to several series, put several passes over the same
places (echoes, b values, phases of a dynamic) into one, and send copies. Three neighbours of a stack have to be three
places of one pass, since the decision rule for studies takes their mean.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from triage.domain import Origin, Plane, Series, SeriesHeader
from triage.scans.formats.acquisitions import acquisitions
from triage.scans.formats.geometry import PARALLEL, Vector, orientation_of, signed
from triage.scans.formats.passes import Member, passes_by_height, passes_by_number
from triage.scans.formats.places import ONE_PLACE, line_through, same_place

COPIES = "Copies of pictures in another series"


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
    found = [one for one in given if not one.slices or one.slices[0].origin is None]
    pictures = [
        (slice_, slice_.origin, one.header) for one in given for slice_ in one.slices if slice_.origin is not None
    ]
    known = acquisitions([origin for _, origin, _ in pictures])
    members = [Member(*picture, one) for picture, one in zip(pictures, known, strict=True)]
    subjects: dict[int, list[Member]] = defaultdict(list)
    for one in _without_copies(members):
        if isinstance(one, SeriesHeader):
            found.append(Series(replace(one, set_aside=COPIES), ()))
        else:
            subjects[one.acquisition[0]].append(one)
    for subject in subjects.values():
        for normal, group in _planes(subject):
            stacks = _stacks(group, normal)
            found += [
                _series(stack, base + len(found) if base is not None else None)
                for stack, base in zip(stacks, _bases(stacks), strict=True)
            ]
    order = sorted(range(len(found)), key=lambda at: (found[at].header.number, found[at].header.uid))
    return tuple(
        replace(one, base=order.index(one.base)) if one.base is not None else one for one in (found[at] for at in order)
    )


def _without_copies(members: Sequence[Member]) -> Iterable[Member | SeriesHeader]:
    """Return the slices in order, each picture once, and the header of an acquisition that holds only copies."""
    grouped: dict[object, list[Member]] = defaultdict(list)
    # Of copies, one that states its place is left, then the one among the most neighbours.
    for member in sorted(members, key=lambda member: (member.origin.position is None, member.order)):
        grouped[member.acquisition].append(member)
    pictures: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    for group in sorted(grouped.values(), key=lambda group: -len({member.origin.picture for member in group})):
        left: list[Member] = []
        for member in group:
            cells = _cells(member.origin)
            is_known = not seen.isdisjoint(cells) if cells else member.origin.picture in pictures
            if not is_known:
                left.append(member)
            seen.update(cells)
            pictures.add(member.origin.picture)
        yield from left
        if not left:
            yield _first_header(group)


def _cells(origin: Origin) -> list[tuple[object, ...]]:
    """Return two cells of space that hold a picture, one for numbers that rounding brings to the edge of the other.

    Alike pictures of other places, as black ones are, are no copies.
    """
    stated = origin.position or ((origin.location,) if origin.location is not None else None)
    numbers = (*stated, *(origin.orientation or ())) if stated else ()
    shifts = (0, 0.5) if stated else ()
    return [(origin.picture, *(math.floor(number / ONE_PLACE + shift) for number in numbers)) for shift in shifts]


def _planes(members: Sequence[Member]) -> list[tuple[Vector | None, list[Member]]]:
    """Return the groups of parallel slices with their mean normal, the largest group first."""
    directions: dict[tuple[float, ...] | None, list[Member]] = defaultdict(list)
    for member in members:
        directions[member.origin.orientation].append(member)
    sums: list[Vector] = []
    groups: list[list[Member]] = []
    unknown: list[Member] = []
    for cosines, alike in sorted(directions.items(), key=lambda item: -len(item[1])):
        orientation = orientation_of(cosines) if cosines else None
        if orientation is None:
            unknown += alike
            continue
        normal = orientation.across
        likeness = [float(normal @ one) / float(np.linalg.norm(one)) for one in sums]
        at = next((at for at, cosine in enumerate(likeness) if abs(cosine) > PARALLEL), len(sums))
        if at == len(sums):
            sums.append(np.zeros(3))
            groups.append([])
            likeness.append(1.0)
        sums[at] = sums[at] + normal * np.sign(likeness[at]) * len(alike)
        groups[at] += alike
    found: list[tuple[Vector | None, list[Member]]] = [
        (signed(total) / np.linalg.norm(total), group) for total, group in zip(sums, groups, strict=True)
    ]
    if unknown and len(found) == 1:
        found[0][1].extend(unknown)
    elif unknown:
        found.append((None, unknown))
    return sorted(found, key=lambda item: -len(item[1]))


def _stacks(group: Sequence[Member], normal: Vector | None) -> list[list[Member]]:
    """Return the stacks of parallel slices: by position, else by location, else by number."""
    acquired: dict[object, list[Member]] = defaultdict(list)
    for member in sorted(group, key=lambda member: member.order):
        acquired[member.acquisition].append(member)
    found: list[list[Member]] = []
    for members in sorted(acquired.values(), key=lambda members: [value or 0.0 for value in members[0].origin.timing]):
        stated, in_millimetres = _along(members, normal)
        along = _completed(stated, members)
        lying: list[Member] = []
        rest: list[Member] = []
        for member, at in zip(members, along, strict=True):
            (rest if at is None else lying).append(member)
            member.height = round(at, 3) if at is not None and in_millimetres else None
        if lying:
            found += passes_by_height(lying, [at for at in along if at is not None])
        if rest:
            found += passes_by_number(rest)
    return found


def _along(members: Sequence[Member], normal: Vector | None) -> tuple[list[float | None], bool]:
    """Return where slices lie along their normal, by position or else by location, and whether in millimetres."""
    positions = [member.origin.position for member in members]
    known = np.array([position for position in positions if position is not None])
    if len(known):
        # Without an orientation, slices lie across the axis along which they spread most.
        axis = normal if normal is not None else np.eye(3)[np.ptp(known, axis=0).argmax()]
        # One position for all was made up.
        if len(members) == 1 or np.ptp(known @ axis) > ONE_PLACE:
            return [None if position is None else float(np.dot(position, axis)) for position in positions], True
    locations = [member.origin.location for member in members]
    stated = [location for location in locations if location is not None]
    return (locations if stated and np.ptp(stated) > ONE_PLACE else [None] * len(members)), False


def _completed(along: Sequence[float | None], members: Sequence[Member]) -> list[float | None]:
    """Find where slices lie that do not state it, by what numbers the others."""
    found = list(along)
    for keyword in "location", "instance_number":
        if None not in found:
            break
        numbers = [getattr(member.origin, keyword) for member in members]
        known = [(number, at) for number, at in zip(numbers, along, strict=True) if None not in (number, at)]
        line = line_through([number for number, _ in known], [at or 0.0 for _, at in known])
        if line:
            found = [
                line(number) if at is None and number is not None else at
                for number, at in zip(numbers, found, strict=True)
            ]
    return found


def _bases(stacks: Sequence[Sequence[Member]]) -> list[int | None]:
    """Return for each stack the most complete one over its places, if that has others beside."""
    heights = [[member.height for member in stack if member.height is not None] for stack in stacks]
    longest = sorted(range(len(stacks)), key=lambda at: -len(heights[at]))
    return [
        next((at for at in longest if at != own and _completes(heights[at], heights[own])), None)
        for own in range(len(stacks))
    ]


def _completes(base: Sequence[float], own: Sequence[float]) -> bool:
    """Tell whether a stack has the places of another one, most of them at least, and more."""
    if len(base) <= len(own) or not own:
        return False
    apart = np.abs(np.subtract.outer(base, own))
    limit = max(same_place([*base, *own]), ONE_PLACE)
    return 2 * int((apart.min(axis=0) <= limit).sum()) >= len(own) and bool((apart.min(axis=1) > limit).any())


def _first_header(members: Sequence[Member]) -> SeriesHeader:
    return min((member.header for member in members), key=lambda header: (header.number, header.uid))


def _series(members: Sequence[Member], base: int | None) -> Series:
    header = _first_header(members)
    heights = [member.height for member in members if member.height is not None]
    distance = header.spacing[2] if header.spacing else None
    if len(heights) > 1:
        distance = round(float(np.median(np.diff(heights))), 4)
    sides = members[0].slice.spacing
    return Series(
        replace(header, plane=_plane(members), spacing=(*sides, distance) if sides and distance else None),
        tuple(replace(member.slice, height=member.height) for member in members),
        base,
    )


def _plane(members: Sequence[Member]) -> Plane | None:
    cosines = (member.origin.orientation for member in members)
    orientations = [orientation_of(one) for one in cosines if one]
    planes = Counter(one.plane for one in orientations if one)
    return planes.most_common(1)[0][0] if planes else None
