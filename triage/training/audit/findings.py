"""The findings of an audit, as data and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from triage.domain import Finding
from triage.training.layouts import Dataset, Item, Skipped


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two pictures of the data set that are copies of each other."""

    first: Item
    second: Item
    similarity: float

    @property
    def same_label(self) -> bool:
        """Whether both have exactly the same label."""
        return self.first.label == self.second.label

    @property
    def contradicts(self) -> bool:
        """Whether no picture can have both labels; an untyped tumour can be a glioma."""
        return not (self.first.target * self.second.target).any()

    @property
    def crosses(self) -> bool:
        """Whether they are in different splits or folds."""
        parts = {self.first.part, self.second.part}
        return len(parts) == 2 and None not in parts


@dataclass(frozen=True, slots=True)
class Match:
    """A picture of the data set and its best match in the other data set."""

    item: Item
    match: Item
    similarity: float


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings.

    Attributes
    ----------
    dataset
        The readable pictures; `skipped` lists the others.
    pairs
        Copies within the data set.
    clusters
        Number of different pictures; a chain of copies counts once.
    cluster_of
        Number of the cluster of each item, by the name of the item.
    suspects
        Pictures that are probably not MRI slices.
    against
        Pictures that are also in the other data set.
    other
        The other data set.
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
        """Copies in two splits or folds."""
        return tuple(pair for pair in self.pairs if pair.crosses)

    @property
    def split_patients(self) -> dict[str, tuple[str, ...]]:
        """Patients in more than one split or fold, with the names of these."""
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
        """Sources from which the label follows: those without tumours, and those with nothing else."""
        sentences = []
        for source, counts in self.balance.items():
            if len(self.balance) > 1 and Finding.NOTUMOR not in counts:
                sentences.append(f"Every picture of {source} shows a tumour: a network can learn the source instead.")
            elif len(self.balance) > 1 and len(counts) == 1:
                sentences.append(f"No picture of {source} shows a tumour: a network can learn the source instead.")
        return tuple(sentences)

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
