"""What a network is trained on, what it is watched on and what it is judged on: four ways to cut a data set.

``random`` deals picture by picture, copies and all, as the write-ups do. ``deduplicated`` keeps one picture of each
cluster of copies, then deals. ``patients`` deals whole patients (or takes the folds that the data set comes with), one
picture per cluster. Five folds each time: one to test, the next to watch, three to train, so that the sizes compare.
``official`` takes the publisher's folders as they are, copies and all: Testing to test, a fifth of Training to watch.
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
from triage.training.layouts import GUARD, PUBLISHED, UNTYPED, Dataset, Item, LayoutError

FOLDS = 5
#: Order of folds in which the groups of a class are dealt. With test fold 0, even a class of two is trained and tested.
DEAL = (2, 0, 3, 1, 4)
TRAIN, WATCH, TEST = "train", "watch", "test"
CLASSES: dict[str, tuple[str, ...]] = {
    "finding": tuple(finding.value for finding in Finding),
    "tumour": (UNTYPED, Finding.NOTUMOR.value),
}


class Split(StrEnum):
    """How the pictures are dealt."""

    RANDOM = "random"
    DEDUPLICATED = "deduplicated"
    PATIENTS = "patients"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Sample:
    """An item as the network receives it: unchanged (variant 0), or augmented beforehand with that seed."""

    item: Item
    variant: int = 0

    @property
    def name(self) -> str:
        """The name of the item, followed by the variant."""
        return f"{self.item.name}@{self.variant}" if self.variant else self.item.name


@dataclass(frozen=True, slots=True)
class Parts:
    """A data set, cut.

    Attributes
    ----------
    train, watch, test
        Without a picture in common.
    untyped
        Tumours without a type that belong to the watched or the test part: they can tell tumour from none, no more.
    notes
        In words, how it was cut.
    """

    train: tuple[Sample, ...]
    watch: tuple[Sample, ...]
    test: tuple[Sample, ...]
    untyped: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()


def label_for(item: Item, task: str) -> str:
    """Return the class of an item in a task; an `UNTYPED` tumour has none of the four classes."""
    if task == "finding":
        return item.label
    return item.label if item.label == Finding.NOTUMOR else UNTYPED


def has_mask(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples with a mask or an outline of the tumour."""
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
    test_fold: int | None = 0,
    expand: int | None = None,
    before: bool = False,
    untyped: bool = False,
    watched: bool = True,
) -> Parts:
    """Cut a data set into its parts.

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
        0 to 4, or None to leave nothing out; the official split has its own test part.
    expand
        Augment to this number of pictures, the same for each class: the training part to its share of it.
    before
        Augment before dealing, as some write-ups do: then views of one picture stand in training and test alike.
    untyped
        Train also on tumours without a type; those of the other parts are set aside.
    watched
        Keep a part for watching; without it, that part is trained on too.

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
    dealt: dict[str, list[Sample]] = defaultdict(list)
    for sample, part in zip(samples, _parts(samples, task, split, seed, test_fold), strict=True):
        dealt[part if watched or part != WATCH else TRAIN].append(sample)
    train = dealt[TRAIN]
    aside = [sample for sample in (*dealt[WATCH], *dealt[TEST]) if not _has_class(sample, task)]
    watch, test = ([sample for sample in dealt[part] if _has_class(sample, task)] for part in (WATCH, TEST))
    if split is Split.OFFICIAL:
        notes.append(_leak(dataset, [*train, *watch], test))
    if expand and not before:
        train = expanded(train, round(expand * (FOLDS - 2) / FOLDS), task)
        notes.append(f"training part augmented to {len(train):,} pictures after the split")
    _check(train, watch, test, task, split, watched, tested=test_fold is not None or split is Split.OFFICIAL)
    return Parts(tuple(train), tuple(watch), tuple(test), tuple(aside), tuple(notes))


def expanded(samples: Sequence[Sample], total: int, task: str) -> list[Sample]:
    """Add augmented samples until each class has the same number and all classes about `total`."""
    by_class: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_class[label_for(sample.item, task)].append(sample)
    each = total // max(len(by_class), 1)
    result = list(samples)
    for members in by_class.values():
        for extra in range(max(each - len(members), 0)):
            result.append(replace(members[extra % len(members)], variant=1 + extra // len(members)))
    return result


def _chosen(dataset: Dataset, task: str, split: Split, untyped: bool) -> tuple[list[Item], list[str]]:
    items, notes = list(dataset.items), []
    if split in (Split.DEDUPLICATED, Split.PATIENTS):
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


def _parts(samples: Sequence[Sample], task: str, split: Split, seed: int, test_fold: int | None) -> list[str]:
    """Return the part of each sample."""
    if split is Split.OFFICIAL:
        return _official(samples, task, seed)
    if split is not Split.PATIENTS:
        folds = _dealt([str(index) for index in range(len(samples))], samples, task, seed)
    elif all(sample.item.fold is not None for sample in samples):
        folds = [int(sample.item.fold or 0) for sample in samples]
    elif all(sample.item.patient is not None for sample in samples):
        folds = _dealt([str(sample.item.patient) for sample in samples], samples, task, seed)
    else:
        raise LayoutError(
            "The patients of these pictures are unknown, so they cannot be split by patient. Use --split deduplicated, "
            "or add a manifest.csv with folds."
        )
    if test_fold is None:
        return [TRAIN] * len(folds)
    by_step = {0: TEST, 1: WATCH}
    return [by_step.get((fold - test_fold) % FOLDS, TRAIN) for fold in folds]


def _official(samples: Sequence[Sample], task: str, seed: int) -> list[str]:
    parts = [PUBLISHED.get((sample.item.split or "").lower()) for sample in samples]
    if not {TRAIN, TEST} <= set(parts) or None in parts:
        raise LayoutError(
            "These pictures do not come with a split of their publisher. Put them into Training/ and Testing/, or "
            "choose another --split."
        )
    if WATCH not in parts:
        training = [index for index, part in enumerate(parts) if part == TRAIN]
        folds = _dealt([str(index) for index in training], [samples[index] for index in training], task, seed)
        for index, fold in zip(training, folds, strict=True):
            parts[index] = WATCH if fold == 1 else TRAIN
    return [str(part) for part in parts]


def _dealt(groups: Sequence[str], samples: Sequence[Sample], task: str, seed: int) -> list[int]:
    """Distribute whole groups to the folds, class by class, and return the fold of each sample."""
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
            fold_of[by_class[label][index]] = DEAL[place % FOLDS]
    return [fold_of[group] for group in groups]


def _has_class(sample: Sample, task: str) -> bool:
    return label_for(sample.item, task) in CLASSES[task]


def _leak(dataset: Dataset, seen: Sequence[Sample], test: Sequence[Sample]) -> str:
    """Say how many test pictures have a copy among those that a network sees before."""
    items = {sample.item.name: sample.item for sample in (*seen, *test)}
    looked_at = with_clusters(replace(dataset, items=tuple(items.values()))).items
    cluster_of = {item.name: item.cluster for item in looked_at}
    known = {cluster_of[sample.item.name] for sample in seen}
    tested = {sample.item.name for sample in test}
    copies = sum(cluster_of[name] in known for name in tested)
    return f"{copies:,} of {len(tested):,} test pictures have a copy among those that are trained on or watched"


def _check(
    train: list[Sample],
    watch: list[Sample],
    test: list[Sample],
    task: str,
    split: Split,
    watched: bool,
    tested: bool,
) -> None:
    known = {label_for(sample.item, task) for sample in (*train, *watch, *test)} & set(CLASSES[task])
    if watched and not watch:
        raise LayoutError("There are too few pictures to keep some for watching the training. Add pictures.")
    if len(known) < 2:
        raise LayoutError(
            f"Training needs two classes, and the only one is {', '.join(known) or 'none'}. Add pictures of another."
        )
    for part, samples in ((TRAIN, train), (TEST, test))[: 1 + tested]:
        missing = known - {label_for(sample.item, task) for sample in samples}
        if missing:
            raise LayoutError(
                f"Under the split {split} no picture of {', '.join(sorted(missing))} is left to {part} on. Add "
                "pictures of other patients, or choose another --split or --test-fold."
            )
