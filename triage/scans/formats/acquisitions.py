"""Which pictures of a study were acquired together, by what they state and never by their series.

Two statements agree if they are equal but for rounding, and a missing one agrees with any if there is only one to agree
with, or one whose places it leaves free. Values of a single slice, as numbers and identifiers are, tell nothing; nor do
names that share a series and never a place in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.domain import Origin
from triage.scans.formats.origin import ECHO_ENTRY
from triage.scans.formats.places import OVERLAP

#: Equal numbers differ by rounding, and scanners adapt timing by fractions of a per cent from slice to slice.
EQUAL = 0.01
#: Timing that follows a heart beat or a breath varies by more. It is known by its many values: more than one for
#: every `FEW` pictures.
VARYING = 0.25
FEW = 4
#: So many pictures are no chance.
MANY = 3
#: Positions that a scanner computed for one stack are even but for this part of their distance; a patient who lies anew
#: is never so near. The slices of a part of the stack are at least so many times as far apart as those of the stack.
EVEN = 0.05
PART = 1.5

Label = str | int | None
#: Numbers of what the pictures show (matrix, description, frame of reference) and of the acquisition within it.
Acquisition = tuple[int, int]
#: A position rounded to a tenth of a millimetre.
Spot = tuple[float, ...]


def acquisitions(origins: Sequence[Origin]) -> list[Acquisition]:
    """Return the acquisition of each picture of a study."""
    spots = [one.position and tuple(round(number, 1) for number in one.position) for one in origins]
    subjects = _agreeing(_subject_labels(origins, spots), spots)
    members: dict[int, list[int]] = defaultdict(list)
    for at, subject in enumerate(subjects):
        members[subject].append(at)
    found = [(0, 0)] * len(origins)
    for subject, group in members.items():
        own = [spots[at] for at in group]
        labels = _timing_labels([origins[at] for at in group], own)
        for at, part in zip(group, _agreeing(labels, own), strict=True):
            found[at] = subject, part
    return found


def _subject_labels(origins: Sequence[Origin], spots: Sequence[Spot | None]) -> list[tuple[Label, ...]]:
    sizes = [_numbered([one.pixel_size and one.pixel_size[side] for one in origins], EQUAL) for side in (0, 1)]
    shown = [(f"{one.shape}", down, across) for one, down, across in zip(origins, *sizes, strict=True)]
    counts = Counter(shown)
    usual = max(counts.values(), default=0) >= MANY
    columns = zip(*(one.texts for one in origins), strict=True)
    texts = zip(*(_joined(column, origins, spots) for column in columns), strict=True)
    labels: list[tuple[Label, ...]] = [
        # One slice of another matrix, among many, is part of them if all the rest agrees.
        (*((None, None, None) if usual and counts[size] == 1 else size), *(words or None for words in named))
        for size, named in zip(shown, texts, strict=True)
    ]
    frames = _frames_of_reference(origins, labels)
    return [(*label, frame or None) for label, frame in zip(labels, frames, strict=True)]


def _joined(names: Sequence[str], origins: Sequence[Origin], spots: Sequence[Spot | None]) -> list[str]:
    """Return one name for all those that only number parts of a series."""
    series: dict[str, dict[str, set[Spot | None]]] = defaultdict(lambda: defaultdict(set))
    for name, one, spot in zip(names, origins, spots, strict=True):
        if name:
            series[one.series][name].add(spot)
    telling: set[str] = set()
    shared: list[set[str]] = []
    for found in series.values():
        if len(found) == 1:
            continue
        together = set().union(*found.values())
        if None in together or len(together) < sum(map(len, found.values())):
            telling |= found.keys()
        else:
            shared.append(set(found))
    one_for = {name: name for name in names}
    for group in shared:
        alike = {one_for[name] for name in group - telling}
        one_for |= {name: min(alike) for name, known in one_for.items() if known in alike}
    return [one_for[name] for name in names]


def _frames_of_reference(origins: Sequence[Origin], labels: Sequence[tuple[Label, ...]]) -> list[str]:
    """Return the frame of reference of each picture, one for several if their slices fill each other's gaps.

    A frame of reference relates positions to each other, several of them; that of a single one says nothing.
    """
    positions: dict[tuple[object, ...], dict[str, set[tuple[float, ...]]]] = defaultdict(lambda: defaultdict(set))
    for one, label in zip(origins, labels, strict=True):
        if one.frame_of_reference and one.position:
            positions[label][one.frame_of_reference].add(one.position)
    thickness = max((one.thickness for one in origins if one.thickness), default=0.0)
    one_for: dict[tuple[object, ...], str] = {}
    for described, found in positions.items():
        parts: dict[float, list[str]] = defaultdict(list)
        for frame, at in found.items():
            if len(at) > 1:
                parts[round(_step(at), 1)].append(frame)
        for step, alike in parts.items():
            together = set().union(*(found[frame] for frame in alike))
            is_one = _are_even(together) and OVERLAP * thickness <= _step(together) <= step / PART
            one_for |= {(described, frame): min(alike) if is_one else frame for frame in alike}
    return [
        one_for.get((label, one.frame_of_reference), "") if one.position else ""
        for one, label in zip(origins, labels, strict=True)
    ]


def _steps(positions: Iterable[tuple[float, ...]]) -> NDArray[np.float64]:
    """Return the way from each position to the next one."""
    along = np.array(sorted(positions))
    along = along[np.argsort(along[:, np.ptp(along, axis=0).argmax()])]
    return np.diff(along, axis=0)


def _step(positions: Iterable[tuple[float, ...]]) -> float:
    return float(np.median(np.linalg.norm(_steps(positions), axis=1)))


def _are_even(positions: Iterable[tuple[float, ...]]) -> bool:
    """Tell whether positions lie on a line at equal distances; single ones may be missing."""
    steps = _steps(positions)
    lengths = np.linalg.norm(steps, axis=1)
    unit = steps[np.abs(lengths - np.median(lengths)).argmin()]
    counts = np.rint(lengths / np.linalg.norm(unit))
    off = np.linalg.norm(steps - counts[:, None] * unit, axis=1)
    return bool((counts >= 1).all() and off.max() <= EVEN * np.linalg.norm(unit))


def _timing_labels(origins: Sequence[Origin], spots: Sequence[Spot | None]) -> list[tuple[Label, ...]]:
    columns: list[list[int | None]] = []
    for values in zip(*(one.timing for one in origins), strict=True):
        labels = _numbered(values, EQUAL)
        few = FEW * (len(set(labels) - {None})) <= sum(label is not None for label in labels)
        labels = labels if few else _numbered(values, VARYING)
        for entry in ([one.series for one in origins], [one.passes[ECHO_ENTRY] for one in origins]):
            labels = _filled(labels, entry)
        columns.append(labels)
    sequences = _joined([one.sequence for one in origins], origins, spots)
    return [(sequence or None, *labels) for sequence, *labels in zip(sequences, *columns, strict=True)]


def _filled(labels: Sequence[int | None], alike: Sequence[str]) -> list[int | None]:
    """Return labels, the missing ones by pictures of the same series or echo, if all of those agree."""
    known: dict[str, set[int | None]] = defaultdict(set)
    for label, key in zip(labels, alike, strict=True):
        if key and label is not None:
            known[key].add(label)
    sole = {key: next(iter(found)) for key, found in known.items() if len(found) == 1}
    return [sole.get(key) if label is None else label for label, key in zip(labels, alike, strict=True)]


def _numbered(values: Iterable[float | None], tolerance: float) -> list[int | None]:
    """Number the clusters of values that differ from their neighbours by less than a part of them."""
    given = list(values)
    number, last, numbers = -1, 0.0, {}
    for value in sorted({value for value in given if value is not None}):
        number += value > last * (1 + tolerance)
        numbers[value], last = number, value
    return [None if value is None else numbers[value] for value in given]


def _agreeing(labels: Sequence[tuple[Label, ...]], spots: Sequence[Spot | None]) -> list[int]:
    """Number the groups of labels that agree, the most complete first."""
    counts = Counter(labels)
    taken: dict[tuple[Label, ...], set[Spot | None]] = defaultdict(set)
    for label, spot in zip(labels, spots, strict=True):
        taken[label].add(spot)
    groups: list[tuple[Label, ...]] = []
    filled: list[set[Spot | None]] = []
    found = {}
    for one in sorted(counts, key=lambda label: (label.count(None), -counts[label], repr(label))):
        agreeing = [at for at, known in enumerate(groups) if _agree(one, known)]
        if len(agreeing) > 1 and None not in taken[one]:
            agreeing = [at for at in agreeing if taken[one].isdisjoint(filled[at])]
        if len(agreeing) == 1:
            found[one] = agreeing[0]
            known = groups[agreeing[0]]
            groups[agreeing[0]] = tuple(b if a is None else a for a, b in zip(known, one, strict=True))
            filled[agreeing[0]] |= taken[one]
        else:
            found[one] = len(groups)
            groups.append(one)
            filled.append(set(taken[one]))
    return [found[one] for one in labels]


def _agree(one: Sequence[Label], other: Sequence[Label]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
