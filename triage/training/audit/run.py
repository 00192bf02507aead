"""Read a data set, open its pictures, and return the findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from triage.copies.candidates import Pairs
from triage.copies.descriptors import Heads, gather, head_of
from triage.errors import RefusedError
from triage.training.audit.findings import Audit, CopyPair, Match
from triage.training.audit.matching import clusters, find_copies
from triage.training.audit.suspects import suspicion
from triage.training.layouts import UNTYPED, Dataset, Item, LayoutError, Skipped, read_dataset
from triage.training.layouts.loading import in_threads, load_slice
from triage.training.layouts.recognise import leave_out


def audit(root: Path, against: Path | None = None) -> Audit:
    """Find copies, contradicting labels, leaks between parts, and pictures that are not MRI.

    Parameters
    ----------
    root
        A data set in any layout that `read_dataset` knows.
    against
        Another data set, or any folder of pictures; the audit lists the pictures of `root` that are also there.

    Raises
    ------
    LayoutError
        If the layout is not known, or nothing in the folder can be read.
    """
    dataset, heads, suspects = _examine(read_dataset(root, verify=False))
    count = len(dataset.items)
    if against is None:
        pairs = _between_scans(dataset, find_copies(heads))
        return _findings(dataset, pairs, suspects)
    other, other_heads, _ = _examine(_read_any(against))
    found = find_copies(gather([heads, other_heads]), first=count)
    across = found.second >= count
    matches = _matches(dataset, other, found.take(across))
    pairs = _between_scans(dataset, found.take(~across))
    return replace(_findings(dataset, pairs, suspects), against=matches, other=other)


def _examine(dataset: Dataset) -> tuple[Dataset, Heads, tuple[Skipped, ...]]:
    """Open every picture; return the readable data set, its heads, and the suspects."""

    def examine(item: Item) -> tuple[Heads, str | None] | RefusedError:
        try:
            picture = load_slice(dataset.root, item)
        except RefusedError as error:
            return error
        head = head_of(picture.pixels)
        return head, suspicion(picture, head.pixels[0])

    examined = list(in_threads(examine, dataset.items, f"Opening the pictures of {dataset.root.name}"))
    readable = leave_out(dataset, [str(one) if isinstance(one, RefusedError) else None for one in examined])
    if not readable.items:
        raise LayoutError(f"No picture of {dataset.root} can be read. The first: {readable.skipped[0].reason}")
    opened = [one for one in examined if not isinstance(one, RefusedError)]
    suspects = (
        Skipped(item.name, reason)
        for item, (_, reason) in zip(readable.items, opened, strict=True)
        if reason is not None
    )
    return readable, gather([head for head, _ in opened]), tuple(suspects)


def _read_any(root: Path) -> Dataset:
    """Read a data set, or every file below the folder: a comparison needs no labels."""
    try:
        return read_dataset(root, verify=False)
    except LayoutError:
        if not root.is_dir():
            raise
        paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        items = tuple(Item(path.relative_to(root).as_posix(), root.resolve().name, UNTYPED) for path in paths)
        if not items:
            raise
        return Dataset(root, "pictures", items)


def _between_scans(dataset: Dataset, pairs: Pairs) -> Pairs:
    """Leave out pairs within one scan: neighbouring slices are alike, and no split separates them."""
    scan = np.array([item.scan or item.path for item in dataset.items])
    return pairs.take(scan[pairs.first] != scan[pairs.second])


def _findings(dataset: Dataset, pairs: Pairs, suspects: tuple[Skipped, ...]) -> Audit:
    items = dataset.items
    numbers = clusters(len(items), pairs)
    found = [
        CopyPair(items[first], items[second], float(similarity))
        for first, second, similarity in zip(*pairs, strict=True)
    ]
    cluster_of = {item.name: int(number) for item, number in zip(items, numbers, strict=True)}
    return Audit(dataset, tuple(found), len(set(cluster_of.values())), cluster_of, suspects)


def _matches(dataset: Dataset, other: Dataset, pairs: Pairs) -> tuple[Match, ...]:
    """Keep the best match of each picture."""
    count = len(dataset.items)
    best: dict[int, Match] = {}
    for first, second, similarity in sorted(zip(*pairs, strict=True), key=lambda pair: -pair[2]):
        best.setdefault(first, Match(dataset.items[first], other.items[second - count], float(similarity)))
    return tuple(best[first] for first in sorted(best))
