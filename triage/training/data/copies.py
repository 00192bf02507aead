"""Copies of one picture within a data set: found where nobody looked, and all but one of them left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from triage.domain import Finding
from triage.training.layouts import UNTYPED, Dataset, Item, load_picture
from triage.training.layouts.loading import in_threads

#: Of several copies of one picture, the one from the source nearest to the scanner is kept.
SOURCE_ORDER = ("figshare", "sartaj", "br35h", "navoneel")


def with_clusters(dataset: Dataset) -> Dataset:
    """Return the data set with every item's cluster: as it came, or as the audit's search for copies finds them."""
    if all(item.cluster is not None for item in dataset.items):
        return dataset
    from triage.training.audit.descriptors import gather, head_of
    from triage.training.audit.matching import clusters, find_copies

    heads = in_threads(lambda item: head_of(load_picture(dataset.root, item)), dataset.items, "Opening the pictures")
    numbers = clusters(len(dataset.items), find_copies(gather(list(heads)))).tolist()
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
