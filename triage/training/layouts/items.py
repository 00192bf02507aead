"""What every layout is read into: one item per picture, and the data set that holds them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.errors import TriageError

#: Label of a picture with a tumour whose type nobody recorded.
UNTYPED = "tumor"
#: Fold of the slices between two patients' blocks that belong to neither side.
GUARD = "guard"
FINDINGS = tuple(Finding)
#: What publishers call the parts of their split.
PUBLISHED = {
    "training": "train",
    "train": "train",
    "validation": "watch",
    "valid": "watch",
    "val": "watch",
    "testing": "test",
    "test": "test",
}
CLASS_FOLDER = re.compile(r"(glioma|meningioma|pituitary|no|yes|normal|healthy)?(tumou?rs?)?")
LABELS = {
    "glioma": Finding.GLIOMA.value,
    "meningioma": Finding.MENINGIOMA.value,
    "pituitary": Finding.PITUITARY.value,
    "no": Finding.NOTUMOR.value,
    "normal": Finding.NOTUMOR.value,
    "healthy": Finding.NOTUMOR.value,
    "yes": UNTYPED,
    None: UNTYPED,
}


class LayoutError(TriageError):
    """The folder is not a data set that can be read, or lacks what was asked of it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a data set, whatever it came from.

    Attributes
    ----------
    path
        Relative to the data set, with forward slashes.
    source
        The data set that the picture came from.
    label
        A `Finding` value, or `UNTYPED` for a tumour whose type nobody recorded.
    split
        The publisher's split ("Training", "Testing"), where there is one.
    patient
        Whose picture it is, where that is known.
    cluster
        The same for all copies of one picture, where somebody looked.
    fold
        "0" to "4", or `GUARD`, where there are folds.
    outline
        ``(points, 2)`` x, y of the tumour's outline in pixels of the stored picture, where there is one.
    mask
        File of the tumour's mask, relative to the data set.
    index
        Number of the slice within a volume, from its foot.
    scan
        The same for all slices of one scan that has a file for each of them.
    """

    path: str
    source: str
    label: str
    split: str | None = None
    patient: str | None = None
    cluster: int | None = None
    fold: str | None = None
    outline: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    mask: str | None = None
    index: int | None = None
    scan: str | None = None

    @property
    def name(self) -> str:
        """The path, with the number of the slice behind it where there is one."""
        return self.path if self.index is None else f"{self.path}#{self.index}"

    @property
    def part(self) -> str | None:
        """The split or the fold; None for what is in neither, guard rows included."""
        return self.split or (self.fold if self.fold != GUARD else None)

    @property
    def target(self) -> NDArray[np.float32]:
        """The classes that the label allows, as a 0/1 vector: three of them for an untyped tumour."""
        if self.label == UNTYPED:
            return np.array([finding is not Finding.NOTUMOR for finding in FINDINGS], np.float32)
        return np.array([finding.value == self.label for finding in FINDINGS], np.float32)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder as it was read.

    Attributes
    ----------
    root
        The folder, or the ZIP of an export.
    layout
        The name of the layout that was recognised.
    items
        In a fixed order.
    skipped
        What stands in the folder and was left out.
    empty
        Class folders without a readable picture.
    """

    root: Path
    layout: str
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of pictures by label."""
        return dict(sorted(Counter(item.label for item in self.items).items()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a trainer would stumble over: empty class folders, and classes of one picture."""
        empty = [f"The class folder {folder} holds no readable picture." for folder in self.empty]
        single = [
            f"The class {label} has one picture ({self._only(label)}): it cannot stand in training and test alike."
            for label, count in self.counts.items()
            if count == 1
        ]
        return (*empty, *single)

    def check_trainable(self) -> None:
        """Raise `LayoutError`, naming the class, where a class is empty or has one picture only."""
        if self.warnings:
            raise LayoutError(" ".join([*self.warnings, "Add pictures of that class or remove its folder."]))

    def _only(self, label: str) -> str:
        return next(item.name for item in self.items if item.label == label)


def label_of(folder: str) -> str | None:
    """Return the label that a class folder's name stands for ("glioma_tumor", "No Tumor", "yes"), or None."""
    word = re.sub(r"[\W_]", "", folder.lower())
    match = CLASS_FOLDER.fullmatch(word)
    return LABELS[match[1]] if word and match else None
