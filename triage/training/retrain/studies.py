"""The studies that a candidate is judged on: those of an export, and a sample of reference sets.

Tested in tests/training/retrain/test_judge.py.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from triage.domain import Series, SeriesHeader
from triage.inference.card import Card
from triage.learning.dataset import read_dataset as read_export
from triage.learning.entries import DatasetError, SliceEntry, StudyEntry
from triage.learning.judged import Cases
from triage.learning.parts import Part
from triage.learning.pictures import faults_of, picture_of
from triage.scans.formats import raster
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.evaluate.scorer import resampling_groups
from triage.training.layouts import ALWAYS_TRAIN, FINDINGS, GUARD, Item, load_slice, read_dataset

#: Most pictures of one label, source and sequence of a reference set, and most of these of one patient: more of the
#: same cost time and tell little.
MOST_ALIKE = 40
MOST_OF_PATIENT = 2
#: Most studies of the training part: only their labels are looked at.
MOST_TRAINED = 300
#: `StudyEntry.copy_of` for a copy of a picture that the serving model was trained on.
TRAINED = "trained"


@dataclass(frozen=True)
class Studies:
    """Studies to be judged.

    Attributes
    ----------
    cases
        Their labels, patients and so on.
    load
        Makes the series of each study.
    """

    cases: Cases
    load: tuple[Callable[[], tuple[Series, ...]], ...]


@dataclass(frozen=True)
class Site:
    """The signed studies of an export, by part.

    Attributes
    ----------
    digest
        Of the data set.
    parts
        The studies with a label of each part, without copies of what the serving model was trained on.
    copies
        Number of studies that were left out as such copies.
    faulty
        Number of slices that were left out since their picture is missing or altered.
    """

    digest: str
    parts: dict[Part, Studies]
    copies: int
    faulty: int = 0


def site_of(export: Path) -> Site:
    """Read the studies of an export that can be judged.

    Raises
    ------
    DatasetError
        If it is no complete export, or more pictures are missing or altered than whole.
    """
    dataset = read_export(export)
    labelled = [study for study in dataset.studies if study.label is not None and study.slices]
    fresh = [study for study in labelled if study.copy_of != TRAINED]
    copies = len(labelled) - len(fresh)
    slices = [entry for study in fresh for entry in study.slices]
    faults = faults_of(export, slices)
    if 2 * len(faults) > len(slices):
        raise DatasetError(f"{len(faults):,} pictures of the export are missing or altered. Export the readings again.")
    whole = [replace(one, slices=tuple(each for each in one.slices if each.file not in faults)) for one in fresh]
    parts: dict[Part, list[StudyEntry]] = defaultdict(list)
    for study in (one for one in whole if one.slices):
        parts[Part(study.split)].append(study)
    parts[Part.TRAIN] = parts[Part.TRAIN][-MOST_TRAINED:]
    studies = {part: _studies_of(export, parts[part]) for part in Part}
    return Site(dataset.digest, studies, copies, len(faults))


def reference_of(roots: Sequence[Path], card: Card) -> tuple[Studies, int]:
    """Return a sample of reference sets, a picture a study, and how many of them the serving model was trained on.

    Of each label, source and sequence, pictures that it was not trained on come first. The sample never changes.

    Parameters
    ----------
    roots
        Data sets in any layout, such as `TRIAGE_DATA` and `TRIAGE_MORE`.
    card
        Of the serving model; it says which folds of which sources it was trained on.
    """
    names, items, keys, load = [], [], [], []
    seen = 0
    for root in roots:
        dataset = read_dataset(root, verify=False)
        kept, _ = one_per_cluster(with_clusters(dataset).items)
        brains = [item for item in kept if item.label in FINDINGS and item.fold != GUARD]
        chosen = [*_sample(brains, card), *_sample(dataset.strangers, card)]
        seen += sum(_trained_on(item, card) for item in chosen)
        items += chosen
        names += [f"{root.name}/{item.name}" for item in chosen]
        keys += [f"{root.name} {group}" for group in resampling_groups(chosen)[0]]
        load += [partial(_picture, root, item) for item in chosen]
    cases = Cases(
        np.array(names, np.str_),
        np.array([item.label for item in items], np.str_),
        np.array(keys, np.str_),
        np.array([item.sequence or "" for item in items], np.str_),
        np.array([item.source for item in items], np.str_),
    )
    return Studies(cases, tuple(load)), seen


def _studies_of(export: Path, studies: Sequence[StudyEntry]) -> Studies:
    cases = Cases(
        np.array([study.study for study in studies], np.str_),
        np.array([study.label for study in studies], np.str_),
        np.array([study.patient for study in studies], np.str_),
        np.array([_usual(entry.sequence.lower() for entry in study.slices) for study in studies], np.str_),
        np.array([study.scanner for study in studies], np.str_),
    )
    return Studies(cases, tuple(partial(_series, export, study) for study in studies))


def _series(export: Path, study: StudyEntry) -> tuple[Series, ...]:
    """Return the slices of a study as they are judged: by series, in their order."""
    by_number: dict[int, list[SliceEntry]] = defaultdict(list)
    for entry in sorted(study.slices, key=lambda entry: (entry.series, entry.number)):
        by_number[entry.series].append(entry)
    return tuple(
        Series(
            SeriesHeader(number=number, description=entries[0].sequence),
            tuple(raster.decode(picture_of(export, entry)) for entry in entries),
        )
        for number, entries in by_number.items()
    )


def _picture(root: Path, item: Item) -> tuple[Series, ...]:
    return (Series(SeriesHeader(), (load_slice(root, item),)),)


def _usual(values: Iterable[str]) -> str:
    return Counter(values).most_common(1)[0][0]


def _sample(items: Sequence[Item], card: Card) -> Iterator[Item]:
    alike: Counter[tuple[str, str]] = Counter()
    of_patient: Counter[tuple[str, str, str]] = Counter()
    for item in sorted(items, key=lambda item: (_trained_on(item, card), _shuffled(item.name))):
        group, patient = (item.label, item.group), (item.label, item.group, item.patient or item.name)
        if alike[group] < MOST_ALIKE and of_patient[patient] < MOST_OF_PATIENT:
            alike[group] += 1
            of_patient[patient] += 1
            yield item


def _trained_on(item: Item, card: Card) -> bool:
    """Tell from a card whether its model was trained on a picture; where it does not say, it was."""
    config = card.training.get("config", {})
    folds = {str(fold) for key in ("train_folds", "validation_folds") for fold in config.get(key, ())}
    if item.source not in config.get("sources", (item.source,)):
        return False
    return not folds or item.fold is None or item.fold in {*folds, ALWAYS_TRAIN}


def _shuffled(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
