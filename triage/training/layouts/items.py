"""The items that every layout is read into, one per picture, and the data set that holds them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.errors import TriageError

#: Label of a picture with a tumour of unrecorded type.
UNTYPED = "tumor"
#: Label of a picture that is no brain MRI; such pictures teach what to refuse, see `Dataset.strangers`.
STRANGER = "stranger"
#: Fold of the slices between the blocks of two patients, which can belong to either patient.
GUARD = "guard"
#: Fold of pictures that are trained on and never tested on: their patients are not known.
ALWAYS_TRAIN = "train"
FINDINGS = tuple(Finding)
#: Names that publishers give the parts of their split.
PUBLISHED = {
    "training": "train",
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
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
    """The folder is not a data set that can be read, or it lacks something that the caller needs."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a data set of any layout.

    Attributes
    ----------
    path
        Relative to the data set, with forward slashes.
    source
        Name of the data set that the picture came from.
    label
        A `Finding` value, or `UNTYPED` for a tumour of unrecorded type.
    split
        Part of the publisher's split ("Training", "Testing"); None without a split.
    patient
        Key of the patient; None where the patient is unknown.
    cluster
        The same number for all copies of one picture; None before a search for copies.
    fold
        "0" to "4", `GUARD` or `ALWAYS_TRAIN`; None without folds.
    outline
        ``(points, 2)`` x and y of the tumour outline in pixels of the stored picture; None without an outline.
    mask
        File of the tumour mask, relative to the data set; None without a mask.
    box
        Centre x and y, width and height of the largest box around a tumour, in shares of the picture; None without one.
    sequence
        "t1", "t1c", "t2", "flair" or "pd"; None if it is not recorded.
    index
        Number of the slice in a volume, from its lower end; None for a picture file.
    scan
        The same key for all slices of one scan that has one file per slice; None elsewhere.
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
    box: tuple[float, float, float, float] | None = None
    sequence: str | None = None
    index: int | None = None
    scan: str | None = None

    @property
    def name(self) -> str:
        """The path, followed by the number of the slice if the item has one."""
        return self.path if self.index is None else f"{self.path}#{self.index}"

    @property
    def part(self) -> str | None:
        """The split or the fold; None for items without one and for guard rows."""
        return self.split or (self.fold if self.fold != GUARD else None)

    @property
    def group(self) -> str:
        """The source and, if it is recorded, the sequence."""
        return f"{self.source} {self.sequence}" if self.sequence else self.source

    @property
    def target(self) -> NDArray[np.float32]:
        """The classes that the label allows, as a 0/1 vector: three of them for an untyped tumour."""
        if self.label == UNTYPED:
            return np.array([finding is not Finding.NOTUMOR for finding in FINDINGS], np.float32)
        return np.array([finding.value == self.label for finding in FINDINGS], np.float32)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was left out, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set after reading.

    Attributes
    ----------
    root
        The folder, or the ZIP of an export of readings.
    layout
        Name of the recognised layout.
    items
        In a fixed order.
    skipped
        What is in the folder and was left out.
    empty
        Class folders without a readable picture.
    strangers
        Pictures that are no brain MRI.
    """

    root: Path
    layout: str
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    empty: tuple[str, ...] = ()
    strangers: tuple[Item, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of pictures by label."""
        return dict(sorted(Counter(item.label for item in self.items).items()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Problems that prevent training: empty class folders, and classes with one picture."""
        empty = [f"The class folder {folder} holds no readable picture." for folder in self.empty]
        single = [
            f"The class {label} has one picture ({self._only(label)}): it cannot be in both training and test part."
            for label, count in self.counts.items()
            if count == 1
        ]
        return (*empty, *single)

    def check_trainable(self) -> None:
        """Raise `LayoutError` with the name of the class if a class is empty or has only one picture."""
        if self.warnings:
            raise LayoutError(
                f"{' '.join(self.warnings)} Add pictures of that class, or leave it out: remove its folder, or sign "
                "more studies before an export."
            )

    def _only(self, label: str) -> str:
        return next(item.name for item in self.items if item.label == label)


def label_of(folder: str) -> str | None:
    """Return the label that the name of a class folder means ("glioma_tumor", "No Tumor", "yes"), or None."""
    word = re.sub(r"[\W_]", "", folder.lower())
    match = CLASS_FOLDER.fullmatch(word)
    return LABELS[match[1]] if word and match else None
