"""What a network is trained on, what it is watched on and what it is judged on: three ways to cut a data set.

``random`` deals picture by picture, copies and all, as the write-ups do. ``deduplicated`` keeps one picture of each
cluster of copies, then deals. ``patients`` deals whole patients (or takes the folds that the data set comes with), one
picture per cluster. Five folds each time: one to test, the next to watch, three to train, so that the sizes compare.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.training.layouts import Dataset, Item, LayoutError, load_picture
from triage.training.manifest import GUARD, SOURCE_ORDER, UNTYPED

FOLDS = 5
#: Steps from the test fold, in the order in which a class is dealt: even the smallest is trained on and tested.
DEAL = (2, 0, 3, 1, 4)
CLASSES: dict[str, tuple[str, ...]] = {
    "finding": tuple(finding.value for finding in Finding),
    "tumour": (UNTYPED, Finding.NOTUMOR.value),
}


class Split(StrEnum):
    """How the pictures are dealt."""

    RANDOM = "random"
    DEDUPLICATED = "deduplicated"
    PATIENTS = "patients"


@dataclass(frozen=True, slots=True)
class Sample:
    """An item as a network meets it: as it is (variant 0), or augmented beforehand (the number seeds how)."""

    item: Item
    variant: int = 0

    @property
    def name(self) -> str:
        """The item's name, with the variant behind it."""
        return f"{self.item.name}@{self.variant}" if self.variant else self.item.name


@dataclass(frozen=True, slots=True)
class Parts:
    """A data set, cut; and in words how."""

    train: tuple[Sample, ...]
    watch: tuple[Sample, ...]
    test: tuple[Sample, ...]
    notes: tuple[str, ...] = ()


def label_for(item: Item, task: str) -> str:
    """Return the item's class in a task; `UNTYPED` tumours have none of the four."""
    if task == "finding":
        return item.label
    return item.label if item.label == Finding.NOTUMOR else UNTYPED


def has_mask(samples: Iterable[Sample]) -> list[Sample]:
    """Return those on which somebody drew the tumour."""
    return [sample for sample in samples if sample.item.mask or sample.item.outline is not None]


def target_for(item: Item, task: str) -> NDArray[np.float32]:
    """Return the classes that the label allows, as a 0/1 vector."""
    if task == "finding":
        return item.target
    return np.array([label_for(item, task) == name for name in CLASSES[task]], np.float32)


def cut(
    dataset: Dataset,
    task: str,
    split: Split,
    *,
    seed: int,
    test_fold: int = 0,
    expand: int | None = None,
    before: bool = False,
    untyped: bool = False,
) -> Parts:
    """Cut a data set into its three parts.

    Parameters
    ----------
    dataset
        As read.
    task
        ``finding`` or ``tumour``.
    split
        How the pictures are dealt.
    seed
        Of the dealing.
    test_fold
        0 to 4.
    expand
        Augment to this number of pictures, the same for each class: the training part to its share of it.
    before
        Augment before dealing, as some write-ups do: then views of one picture stand in training and test alike.
    untyped
        Train also on tumours without a type; they are never watched or tested on.

    Raises
    ------
    LayoutError
        If the data set does not allow the split, or a class ends up without a picture to train or test on.
    """
    dataset.check_trainable()
    items, notes = _chosen(dataset, task, split, untyped)
    samples = [Sample(item) for item in items]
    if expand and before:
        samples = expanded(samples, expand, task)
        notes.append(f"augmented to {len(samples):,} pictures before the split")
    folds = _folds(samples, task, split, seed, test_fold)
    train = [sample for sample, fold in zip(samples, folds, strict=True) if (fold - test_fold) % FOLDS > 1]
    watch, test = (
        [
            sample
            for sample, fold in zip(samples, folds, strict=True)
            if (fold - test_fold) % FOLDS == step and (task == "tumour" or sample.item.label != UNTYPED)
        ]
        for step in (1, 0)
    )
    if expand and not before:
        train = expanded(train, round(expand * (FOLDS - 2) / FOLDS), task)
        notes.append(f"training part augmented to {len(train):,} pictures after the split")
    _check(train, watch, test, task, split)
    return Parts(tuple(train), tuple(watch), tuple(test), tuple(notes))


def expanded(samples: Sequence[Sample], total: int, task: str) -> list[Sample]:
    """Return the samples with augmented ones, the same number of each class, about `total` in all."""
    by_class: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_class[label_for(sample.item, task)].append(sample)
    each = total // max(len(by_class), 1)
    result = list(samples)
    for members in by_class.values():
        for extra in range(max(each - len(members), 0)):
            result.append(replace(members[extra % len(members)], variant=1 + extra // len(members)))
    return result


def with_clusters(dataset: Dataset) -> Dataset:
    """Return the data set with every item's cluster: as it came, or as the audit's search for copies finds them."""
    if all(item.cluster is not None for item in dataset.items):
        return dataset
    from triage.training.audit.descriptors import gather, head_of
    from triage.training.audit.matching import clusters, find_copies

    heads = gather([head_of(load_picture(dataset.root, item)) for item in dataset.items])
    numbers = clusters(len(dataset.items), find_copies(heads)).tolist()
    items = tuple(replace(item, cluster=number) for item, number in zip(dataset.items, numbers, strict=True))
    return replace(dataset, items=items)


def one_per_cluster(items: Iterable[Item]) -> tuple[list[Item], int]:
    """Return one item of each cluster, and the number of clusters left out because their copies disagree on the class.

    The copy nearest to the scanner is kept (figshare's labels come from the hospital and stand against any copy's);
    an untyped one takes the type that a copy names.
    """
    clusters: dict[int | None, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.cluster].append(item)
    kept, conflicting = [], 0
    for copies in clusters.values():
        best = min(copies, key=_distance_from_scanner)
        types = {copy.label for copy in copies} - {UNTYPED}
        if best.source != SOURCE_ORDER[0] and (len(types) > 1 or _healthy_and_not(copies)):
            conflicting += 1
            continue
        kept.append(replace(best, label=types.pop()) if best.label == UNTYPED and types else best)
    return kept, conflicting


def _healthy_and_not(copies: Sequence[Item]) -> bool:
    return {copy.label for copy in copies} >= {Finding.NOTUMOR.value, UNTYPED}


def _distance_from_scanner(item: Item) -> int:
    return SOURCE_ORDER.index(item.source) if item.source in SOURCE_ORDER else len(SOURCE_ORDER)


def _chosen(dataset: Dataset, task: str, split: Split, untyped: bool) -> tuple[list[Item], list[str]]:
    items, notes = list(dataset.items), []
    if split is not Split.RANDOM:
        if split is Split.PATIENTS and any(item.fold for item in items):
            outside = [item for item in items if item.fold in (None, GUARD)]
            items = [item for item in items if item.fold not in (None, GUARD)]
            notes.append(f"{len(outside):,} pictures of guard rows, or without a fold, left out")
        count = len(items)
        items, conflicting = one_per_cluster(with_clusters(replace(dataset, items=tuple(items))).items)
        notes.append(f"{count - len(items):,} copies left out, one picture per cluster kept")
        if conflicting:
            notes.append(f"{conflicting:,} clusters left out because their copies disagree on the class")
    if task == "finding" and not untyped:
        typed = [item for item in items if item.label != UNTYPED]
        if len(typed) < len(items):
            notes.append(f"{len(items) - len(typed):,} tumours without a type left out")
        items = typed
    return items, notes


def _folds(samples: Sequence[Sample], task: str, split: Split, seed: int, test_fold: int) -> list[int]:
    if split is Split.PATIENTS:
        if all(sample.item.fold is not None for sample in samples):
            return [int(sample.item.fold or 0) for sample in samples]
        if any(sample.item.patient is None for sample in samples):
            raise LayoutError(
                "Nobody knows the patients of these pictures, so they cannot be split by patient. Use --split "
                "deduplicated, or add a manifest.csv with folds."
            )
    groups = [str(sample.item.patient if split is Split.PATIENTS else index) for index, sample in enumerate(samples)]
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for group, sample in zip(groups, samples, strict=True):
        labels[group][label_for(sample.item, task)] += 1
    by_class: dict[str, list[str]] = defaultdict(list)
    for group, counts in labels.items():
        by_class[counts.most_common(1)[0][0]].append(group)
    rng = np.random.default_rng(seed)
    dealt = {}
    for label in sorted(by_class):
        for place, index in enumerate(rng.permutation(len(by_class[label]))):
            dealt[by_class[label][index]] = (test_fold + DEAL[place % FOLDS]) % FOLDS
    return [dealt[group] for group in groups]


def _check(train: list[Sample], watch: list[Sample], test: list[Sample], task: str, split: Split) -> None:
    known = {label_for(sample.item, task) for sample in (*train, *watch, *test)} & set(CLASSES[task])
    if not watch:
        raise LayoutError("There are too few pictures to keep some for watching the training. Add pictures.")
    if len(known) < 2:
        raise LayoutError(
            f"There is nothing to tell apart: the only class is {', '.join(known) or 'none'}. Add pictures of another."
        )
    for part, samples in (("train", train), ("test", test)):
        missing = known - {label_for(sample.item, task) for sample in samples}
        if missing:
            raise LayoutError(
                f"Under the split {split} no picture of {', '.join(sorted(missing))} is left to {part} on. Add "
                "pictures of other patients, or choose another --split."
            )
