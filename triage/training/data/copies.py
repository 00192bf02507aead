"""Copies of one picture in a data set: find them, and keep one of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from triage.domain import Finding
from triage.training.layouts import UNTYPED, Dataset, Item, load_picture
from triage.training.layouts.loading import in_threads

#: Of several copies, the one from the first of these sources is kept: those nearest to the scanner come first.
SOURCE_ORDER = ("figshare", "sartaj", "br35h", "navoneel")


def with_clusters(dataset: Dataset) -> Dataset:
    """Return the data set with a cluster for each item, from the data set itself or from a search for copies."""
    if all(item.cluster is not None for item in dataset.items):
        return dataset
    from triage.copies.descriptors import gather, head_of
    from triage.training.audit.matching import clusters, find_copies

    heads = in_threads(lambda item: head_of(load_picture(dataset.root, item)), dataset.items, "Opening the pictures")
    numbers = clusters(len(dataset.items), find_copies(gather(list(heads)))).tolist()
    items = tuple(replace(item, cluster=number) for item, number in zip(dataset.items, numbers, strict=True))
    return replace(dataset, items=items)


def one_per_cluster(items: Iterable[Item]) -> tuple[list[Item], int]:
    """Return one item per cluster, and the number of clusters left out because their copies contradict each other.

    The copy nearest to the scanner is kept. The labels of figshare come from the hospital and overrule those of copies.
    An untyped tumour takes the type of a copy that has one.
    """
    clusters: dict[int | None, list[Item]] = defaultdict(list)
    for item in items:
        clusters[item.cluster].append(item)
    kept, conflicting = [], 0
    for copies in clusters.values():
        best = min(copies, key=_distance_from_scanner)
        types = {copy.label for copy in copies} - {UNTYPED}
        if best.source != SOURCE_ORDER[0] and (len(types) > 1 or _with_and_without_tumour(copies)):
            conflicting += 1
            continue
        kept.append(replace(best, label=types.pop()) if best.label == UNTYPED and types else best)
    return kept, conflicting


def _with_and_without_tumour(copies: Sequence[Item]) -> bool:
    return {copy.label for copy in copies} >= {Finding.NOTUMOR.value, UNTYPED}


def _distance_from_scanner(item: Item) -> int:
    return SOURCE_ORDER.index(item.source) if item.source in SOURCE_ORDER else len(SOURCE_ORDER)
