"""The training data by its manifest: one image per cluster, folds as they are, guard rows left out."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding

#: Of several copies of one picture, the one from the source nearest to the scanner is kept.
SOURCE_ORDER = ("figshare", "sartaj", "br35h", "navoneel")
GUARD = "guard"
#: Label of a picture with a tumour whose type nobody recorded.
UNTYPED = "tumor"
FINDINGS = tuple(Finding)


@dataclass(frozen=True, slots=True)
class Example:
    """One picture of the manifest.

    Attributes
    ----------
    path
        Relative to the data folder.
    label
        A `Finding` value, or `UNTYPED`.
    cluster
        The same for all copies of one picture.
    fold
        "0" to "4".
    outline
        ``(points, 2)`` x, y of the radiologist's outline in pixels of the stored picture, where there is one.
    """

    path: str
    dataset: str
    label: str
    cluster: int
    fold: str
    outline: NDArray[np.float32] | None = None

    @property
    def target(self) -> NDArray[np.float32]:
        """The classes that the label allows, as a 0/1 vector: three of them for an untyped tumour."""
        if self.label == UNTYPED:
            return np.array([finding is not Finding.NOTUMOR for finding in FINDINGS], np.float32)
        return np.array([finding.value == self.label for finding in FINDINGS], np.float32)


def read_manifest(root: Path) -> list[Example]:
    """Read ``manifest.csv``: one example per cluster, no guard rows, no cluster whose copies disagree on the type.

    Parameters
    ----------
    root
        The data folder.

    Returns
    -------
    list of Example
        In the order of the manifest. Where a copy names the type of a tumour, its cluster has that type.
    """
    with (root / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["fold"] != GUARD]
    outlines = _read_outlines(root)
    clusters: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        clusters[row["cluster"]].append(row)
    examples = []
    for cluster, copies in clusters.items():
        best = min(copies, key=lambda row: SOURCE_ORDER.index(row["dataset"]))
        types = {row["label"] for row in copies} - {UNTYPED}
        if best["dataset"] != "figshare" and len(types) > 1:
            continue
        label = best["label"] if best["label"] != UNTYPED or not types else types.pop()
        examples.append(
            Example(best["path"], best["dataset"], label, int(cluster), best["fold"], outlines.get(best["path"]))
        )
    return examples


def in_folds(examples: Iterable[Example], folds: Iterable[int]) -> list[Example]:
    """Return the examples of these folds."""
    wanted = {str(fold) for fold in folds}
    return [example for example in examples if example.fold in wanted]


def typed(examples: Iterable[Example]) -> list[Example]:
    """Return the examples that have one of the four classes."""
    return [example for example in examples if example.label != UNTYPED]


def _read_outlines(root: Path) -> dict[str, NDArray[np.float32]]:
    borders = json.loads((root / "figshare" / "borders.json").read_text())
    return {f"figshare/images/{number}.jpg": np.array(points, np.float32) for number, points in borders.items()}
