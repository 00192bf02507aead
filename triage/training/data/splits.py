"""Split a data set into training, validation and test parts, in one of four ways.

``random`` assigns single pictures, copies included, as the published write-ups do. ``deduplicated`` keeps one picture
of each cluster of copies, then assigns. ``patients`` assigns whole patients (or uses the folds of the data set), one
picture per cluster. All three use five folds: one for test, the next for validation, three for training, so that their
sizes compare. ``official`` uses the publisher's folders, copies included: Testing for test, a fifth of Training for
validation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.layouts import ALWAYS_TRAIN, GUARD, PUBLISHED, UNTYPED, Dataset, Item, LayoutError

FOLDS = 5
#: The order in which the groups of a class are assigned to folds. With fold 0 as test fold, even a class of two groups
#: has one for training and one for test.
FOLD_ORDER = (2, 0, 3, 1, 4)
TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
CLASSES: dict[str, tuple[str, ...]] = {
    "finding": tuple(finding.value for finding in Finding),
    "tumour": (UNTYPED, Finding.NOTUMOR.value),
}


class Split(StrEnum):
    """How the pictures are assigned to the parts."""

    RANDOM = "random"
    DEDUPLICATED = "deduplicated"
    PATIENTS = "patients"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Sample:
    """An item, unchanged (variant 0) or augmented before training (the variant seeds the augmentation)."""

    item: Item
    variant: int = 0

    @property
    def name(self) -> str:
        """The item's name, followed by the variant if it is not 0."""
        return f"{self.item.name}@{self.variant}" if self.variant else self.item.name


@dataclass(frozen=True, slots=True)
class Parts:
    """A data set after the split.

    Attributes
    ----------
    train, validation, test
        Disjoint sets of samples.
    untyped
        Tumours without a recorded type from the validation and test parts. They can only be evaluated as tumour
        against no tumour.
    notes
        How the data set was split, as text.
    """

    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]
    untyped: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()


def label_for(item: Item, task: str) -> str:
    """Return the item's class in a task; in ``finding``, `UNTYPED` is none of the four classes."""
    if task == "finding":
        return item.label
    return item.label if item.label == Finding.NOTUMOR else UNTYPED


def has_mask(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples with a tumour mask or outline."""
    return [sample for sample in samples if sample.item.mask or sample.item.outline is not None]


def target_for(item: Item, task: str) -> NDArray[np.float32]:
    """Return ``(classes,)``: 1 for each class that the label allows, else 0."""
    if task == "finding":
        return item.target
    return np.array([label_for(item, task) == name for name in CLASSES[task]], np.float32)


def cut(
    dataset: Dataset,
    task: str,
    split: Split,
    *,
    seed: int,
    test_fold: int | None = 0,
    expand: int | None = None,
    before: bool = False,
    untyped: bool = False,
    validation_fold: bool = True,
) -> Parts:
    """Split a data set into its parts.

    Parameters
    ----------
    dataset
        The data set.
    task
        ``finding`` or ``tumour``.
    split
        How the pictures are assigned.
    seed
        Seed of the random assignment.
    test_fold
        0 to 4, or None for no test fold; ignored by the official split, which has its own test part.
    expand
        Augment to this number of pictures, the same number for each class. After a split, the training part is
        augmented to its share of this number.
    before
        Augment before the split, as some write-ups do. Variants of one picture are then in both training and test.
    untyped
        Also train on tumours without a recorded type; those of the other parts go to `Parts.untyped`.
    validation_fold
        Keep a validation part. If false, its pictures are used for training.

    Raises
    ------
    LayoutError
        If the data set does not support the split, or a class has no picture left for training or test.
    """
    dataset.check_trainable()
    items, notes = _chosen(dataset, task, split, untyped, guards=test_fold is None)
    samples = [Sample(item) for item in items]
    if expand and before:
        samples = expanded(samples, expand, task)
        notes.append(f"augmented to {len(samples):,} pictures before the split")
    assigned: dict[str, list[Sample]] = defaultdict(list)
    for sample, part in zip(samples, _parts(samples, task, split, seed, test_fold), strict=True):
        assigned[part if validation_fold or part != VALIDATION else TRAIN].append(sample)
    train = assigned[TRAIN]
    set_aside = [sample for sample in (*assigned[VALIDATION], *assigned[TEST]) if not _has_class(sample, task)]
    validation, test = (
        [sample for sample in assigned[part] if _has_class(sample, task)] for part in (VALIDATION, TEST)
    )
    if split is Split.OFFICIAL:
        notes.append(_leak(dataset, [*train, *validation], test))
    if expand and not before:
        train = expanded(train, round(expand * (FOLDS - 2) / FOLDS), task)
        notes.append(f"training part augmented to {len(train):,} pictures after the split")
    has_test_part = test_fold is not None or split is Split.OFFICIAL
    _check(train, validation, test, task, split, validation_fold, has_test_part)
    return Parts(tuple(train), tuple(validation), tuple(test), tuple(set_aside), tuple(notes))


def expanded(samples: Sequence[Sample], total: int, task: str) -> list[Sample]:
    """Return the samples and augmented variants of them: about `total`, with the same number for each class."""
    by_class: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_class[label_for(sample.item, task)].append(sample)
    each = total // max(len(by_class), 1)
    result = list(samples)
    for members in by_class.values():
        for extra in range(max(each - len(members), 0)):
            result.append(replace(members[extra % len(members)], variant=1 + extra // len(members)))
    return result


def _chosen(dataset: Dataset, task: str, split: Split, untyped: bool, guards: bool) -> tuple[list[Item], list[str]]:
    items, notes = list(dataset.items), []
    if split in (Split.DEDUPLICATED, Split.PATIENTS):
        if split is Split.PATIENTS and any(item.fold for item in items):
            # Guard rows keep the patients of the test folds apart; without a test fold, nothing needs them.
            outside = {None} if guards else {None, GUARD}
            left = [item for item in items if item.fold not in outside]
            notes.append(f"{len(items) - len(left):,} pictures in guard rows or without a fold left out")
            items = left
        count = len(items)
        items, conflicting = one_per_cluster(with_clusters(replace(dataset, items=tuple(items))).items)
        notes.append(f"{count - len(items):,} copies left out, one picture per cluster kept")
        if conflicting:
            notes.append(f"{conflicting:,} clusters left out because their copies have different labels")
    if task == "finding" and not untyped:
        typed = [item for item in items if item.label != UNTYPED]
        if len(typed) < len(items):
            notes.append(f"{len(items) - len(typed):,} tumours without a recorded type left out")
        items = typed
    return items, notes


def _parts(samples: Sequence[Sample], task: str, split: Split, seed: int, test_fold: int | None) -> list[str]:
    """Return the part of each sample."""
    if split is Split.OFFICIAL:
        return _official(samples, task, seed)
    if split is not Split.PATIENTS:
        folds = _assigned([str(index) for index in range(len(samples))], samples, task, seed)
    elif all(sample.item.fold is not None for sample in samples):
        return [_by_fold(str(sample.item.fold), test_fold) for sample in samples]
    elif all(sample.item.patient is not None for sample in samples):
        folds = _assigned([str(sample.item.patient) for sample in samples], samples, task, seed)
    else:
        raise LayoutError(
            "The patients of these pictures are not recorded, so they cannot be split by patient. Use --split "
            "deduplicated, or add a manifest.csv with folds."
        )
    return [_by_fold(str(fold), test_fold) for fold in folds]


def _by_fold(fold: str, test_fold: int | None) -> str:
    if test_fold is None or fold == ALWAYS_TRAIN:
        return TRAIN
    return {0: TEST, 1: VALIDATION}.get((int(fold) - test_fold) % FOLDS, TRAIN)


def _official(samples: Sequence[Sample], task: str, seed: int) -> list[str]:
    parts = [PUBLISHED.get((sample.item.split or "").lower()) for sample in samples]
    if not {TRAIN, TEST} <= set(parts) or None in parts:
        raise LayoutError(
            "These pictures have no official split. Put them into Training/ and Testing/, or choose another --split."
        )
    if VALIDATION not in parts:
        training = [index for index, part in enumerate(parts) if part == TRAIN]
        folds = _assigned([str(index) for index in training], [samples[index] for index in training], task, seed)
        for index, fold in zip(training, folds, strict=True):
            parts[index] = VALIDATION if fold == 1 else TRAIN
    return [str(part) for part in parts]


def _assigned(groups: Sequence[str], samples: Sequence[Sample], task: str, seed: int) -> list[int]:
    """Assign whole groups to folds, class by class; return the fold of each sample."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for group, sample in zip(groups, samples, strict=True):
        labels[group][label_for(sample.item, task)] += 1
    by_class: dict[str, list[str]] = defaultdict(list)
    for group, counts in labels.items():
        by_class[counts.most_common(1)[0][0]].append(group)
    rng = np.random.default_rng(seed)
    fold_of = {}
    for label in sorted(by_class):
        for place, index in enumerate(rng.permutation(len(by_class[label]))):
            fold_of[by_class[label][index]] = FOLD_ORDER[place % FOLDS]
    return [fold_of[group] for group in groups]


def _has_class(sample: Sample, task: str) -> bool:
    return label_for(sample.item, task) in CLASSES[task]


def _leak(dataset: Dataset, seen: Sequence[Sample], test: Sequence[Sample]) -> str:
    """Return a note on how many test pictures have a copy in the training or validation part."""
    items = {sample.item.name: sample.item for sample in (*seen, *test)}
    clustered = with_clusters(replace(dataset, items=tuple(items.values()))).items
    cluster_of = {item.name: item.cluster for item in clustered}
    known = {cluster_of[sample.item.name] for sample in seen}
    tested = {sample.item.name for sample in test}
    copies = sum(cluster_of[name] in known for name in tested)
    return f"{copies:,} of {len(tested):,} test pictures have a copy in the training or validation part"


def _check(
    train: list[Sample],
    validation: list[Sample],
    test: list[Sample],
    task: str,
    split: Split,
    validation_fold: bool,
    has_test_part: bool,
) -> None:
    known = {label_for(sample.item, task) for sample in (*train, *validation, *test)} & set(CLASSES[task])
    if validation_fold and not validation:
        raise LayoutError(
            "There are too few pictures for a validation part, or too few patients. Add pictures of other patients."
        )
    if len(known) < 2:
        raise LayoutError(
            f"A classifier needs two classes, and the only one here is {', '.join(known) or 'none'}. Add pictures of "
            "another class."
        )
    for part, samples in ((TRAIN, train), (TEST, test))[: 1 + has_test_part]:
        missing = known - {label_for(sample.item, task) for sample in samples}
        if missing:
            raise LayoutError(
                f"With --split {split}, the {part} part has no picture of {', '.join(sorted(missing))}. Add pictures "
                "of other patients, or choose another --split or --test-fold."
            )
