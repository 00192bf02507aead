"""Which pictures of a study were acquired together, by what they state and never by their series.

Two statements agree if they are equal but for rounding, and a missing one agrees with any if there is only one to agree
with. Values of a single slice, as numbers and identifiers are, tell nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from triage.domain import Origin

#: Equal numbers differ by rounding, and scanners adapt timing by fractions of a per cent from slice to slice.
EQUAL = 0.01
#: Timing that follows a heart beat or a breath varies by more. It is known by its many values: more than one for
#: every `FEW` pictures.
VARYING = 0.25
FEW = 4
#: So many pictures are no chance.
MANY = 3

Label = str | int | None
#: Numbers of what the pictures show (matrix, description, frame of reference) and of the acquisition within it.
Acquisition = tuple[int, int]


def acquisitions(origins: Sequence[Origin]) -> list[Acquisition]:
    """Return the acquisition of each picture of a study."""
    subjects = _agreeing(_subject_labels(origins))
    members: dict[int, list[int]] = defaultdict(list)
    for at, subject in enumerate(subjects):
        members[subject].append(at)
    found = [(0, 0)] * len(origins)
    for subject, group in members.items():
        for at, part in zip(group, _agreeing(_timing_labels([origins[at] for at in group])), strict=True):
            found[at] = subject, part
    return found


def _subject_labels(origins: Sequence[Origin]) -> list[tuple[Label, ...]]:
    spots = defaultdict(set)
    for one in origins:
        if one.position is not None:
            spots[one.frame_of_reference].add(tuple(round(number, 1) for number in one.position))
    sizes = [_numbered([one.pixel_size and one.pixel_size[side] for one in origins], EQUAL) for side in (0, 1)]
    shown = [(f"{one.shape}", down, across) for one, down, across in zip(origins, *sizes, strict=True)]
    counts = Counter(shown)
    usual = max(counts.values(), default=0) >= MANY
    return [
        (
            # One slice of another matrix, among many, is part of them if all the rest agrees.
            *((None, None, None) if usual and counts[size] == 1 else size),
            *(words or None for words in one.texts),
            # A frame of reference relates positions to each other, several of them.
            one.frame_of_reference or None if one.position and len(spots[one.frame_of_reference]) > 1 else None,
        )
        for one, size in zip(origins, shown, strict=True)
    ]


def _timing_labels(origins: Sequence[Origin]) -> list[tuple[Label, ...]]:
    columns: list[list[int | None]] = []
    for values in zip(*(one.timing for one in origins), strict=True):
        labels = _numbered(values, EQUAL)
        few = FEW * (len(set(labels) - {None})) <= sum(label is not None for label in labels)
        columns.append(labels if few else _numbered(values, VARYING))
    return [(one.sequence or None, *labels) for one, *labels in zip(origins, *columns, strict=True)]


def _numbered(values: Iterable[float | None], tolerance: float) -> list[int | None]:
    """Number the clusters of values that differ from their neighbours by less than a part of them."""
    given = list(values)
    number, last, numbers = -1, 0.0, {}
    for value in sorted({value for value in given if value is not None}):
        number += value > last * (1 + tolerance)
        numbers[value], last = number, value
    return [None if value is None else numbers[value] for value in given]


def _agreeing(labels: Sequence[tuple[Label, ...]]) -> list[int]:
    """Number the groups of labels that agree, the most complete first."""
    counts = Counter(labels)
    groups: list[tuple[Label, ...]] = []
    found = {}
    for one in sorted(counts, key=lambda label: (label.count(None), -counts[label], repr(label))):
        agreeing = [at for at, known in enumerate(groups) if _agree(one, known)]
        if len(agreeing) == 1:
            found[one] = agreeing[0]
            known = groups[agreeing[0]]
            groups[agreeing[0]] = tuple(b if a is None else a for a, b in zip(known, one, strict=True))
        else:
            found[one] = len(groups)
            groups.append(one)
    return [found[one] for one in labels]


def _agree(one: Sequence[Label], other: Sequence[Label]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
