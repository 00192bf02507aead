"""What an audit found, as data and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from triage.domain import Finding
from triage.training.layouts import Dataset, Item, Skipped


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two pictures of the data set that are one."""

    first: Item
    second: Item
    similarity: float

    @property
    def same_label(self) -> bool:
        """Whether both carry the same label, letter by letter."""
        return self.first.label == self.second.label

    @property
    def contradicts(self) -> bool:
        """Whether no one picture can have both labels: an untyped tumour may well be a glioma."""
        one, other = self.first.target, self.second.target
        return not (one * other).any()

    @property
    def crosses(self) -> bool:
        """Whether one stands in another split or fold than the other."""
        parts = {self.first.part, self.second.part}
        return len(parts) == 2 and None not in parts


@dataclass(frozen=True, slots=True)
class Match:
    """A picture of the data set and its best match in the other folder."""

    item: Item
    match: Item
    similarity: float


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Attributes
    ----------
    dataset
        The readable pictures; the others stand in its `skipped`.
    pairs
        Copies within the data set.
    clusters
        Number of different pictures: copies linked by a chain count once.
    cluster_of
        The cluster's number of each item, by its name.
    suspects
        Pictures that are probably no MRI slices.
    against
        Pictures that stand in the other folder too.
    other
        That folder as it was read.
    """

    dataset: Dataset
    pairs: tuple[CopyPair, ...]
    clusters: int
    cluster_of: dict[str, int]
    suspects: tuple[Skipped, ...] = ()
    against: tuple[Match, ...] = ()
    other: Dataset | None = None

    @property
    def conflicts(self) -> tuple[CopyPair, ...]:
        """Copies whose labels contradict each other."""
        return tuple(pair for pair in self.pairs if pair.contradicts)

    @property
    def leaks(self) -> tuple[CopyPair, ...]:
        """Copies that stand in two splits or folds."""
        return tuple(pair for pair in self.pairs if pair.crosses)

    @property
    def split_patients(self) -> dict[str, tuple[str, ...]]:
        """Patients who stand in more than one split or fold, with those."""
        parts: dict[str, set[str]] = defaultdict(set)
        for item in self.dataset.items:
            if item.patient is not None and item.part is not None:
                parts[item.patient].add(item.part)
        return {patient: tuple(sorted(where)) for patient, where in sorted(parts.items()) if len(where) > 1}

    @property
    def balance(self) -> dict[str, Counter[str]]:
        """Number of pictures by source and label."""
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for item in self.dataset.items:
            table[item.source][item.label] += 1
        return dict(table)

    @property
    def shortcuts(self) -> tuple[str, ...]:
        """Sources that give their labels away: one label only, or tumours only."""
        told = []
        for source, counts in self.balance.items():
            if len(self.balance) > 1 and Finding.NOTUMOR not in counts:
                told.append(f"No picture of {source} is without a tumour: the source alone gives the answer away.")
            elif len(self.balance) > 1 and len(counts) == 1:
                told.append(f"No picture of {source} has a tumour: the source alone gives the answer away.")
        return tuple(told)

    def as_json(self) -> dict[str, Any]:
        """Return the audit for ``json.dump``; paths are relative to their folder."""
        return {
            "images": len(self.dataset.items),
            "clusters": self.clusters,
            "pairs": [
                {
                    "a": pair.first.name,
                    "b": pair.second.name,
                    "similarity": round(pair.similarity, 4),
                    "same_label": pair.same_label,
                }
                for pair in self.pairs
            ],
            "against": [
                {"path": found.item.name, "match": found.match.name, "similarity": round(found.similarity, 4)}
                for found in self.against
            ],
            "skipped": [{"path": entry.path, "reason": entry.reason} for entry in self.dataset.skipped],
        }
