"""What a site teaches: the slices of an export of signed readings, by part, each with how many readers say so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from triage.copies.seen import Pictures, Seen
from triage.errors import TriageError
from triage.inference.card import Card
from triage.learning.dataset import read_dataset
from triage.learning.entries import DatasetError, SliceEntry, StudyEntry
from triage.learning.labels import NOT_THE_LESION
from triage.learning.parts import Part
from triage.learning.pictures import faults_of
from triage.training.data.splits import Sample
from triage.training.layouts import UNTYPED, Dataset, Item, LayoutError, load_picture
from triage.training.layouts import read_dataset as read_pictures
from triage.training.layouts.readings import SOURCE
from triage.training.layouts.recognise import without_damaged

#: Slices of one series without tumour that are used, evenly spaced: neighbours show nearly the same.
OF_ONE_SERIES = 8
#: Slices of one study without a label that are used.
UNLABELLED = 4
#: Share of labels that contradict a copy of the same picture: above, somebody signed at random or two lists were mixed.
MAX_CONTRADICTED = 0.25


class SiteError(TriageError):
    """An export cannot be retrained on."""


@dataclass(frozen=True, slots=True)
class SiteSlice:
    """A slice with a label.

    Attributes
    ----------
    item
        File, label, patient and outline.
    study
        Its study.
    readers
        How many readers agree on the label.
    """

    item: Item
    study: str
    readers: int

    @property
    def sample(self) -> Sample:
        """The slice for what takes samples."""
        return Sample(self.item)


@dataclass(frozen=True, slots=True)
class Site:
    """An export that was read for a retraining.

    Attributes
    ----------
    root
        The ZIP or the folder.
    digest
        Of the data set.
    parts
        The slices with a label, by part: "train", "validation", "test". No patient is in two of them.
    unlabelled
        Slices of tumour studies of the training part that no reader has marked: each may or may not show the lesion.
    notes
        What was left out and why, as text.
    """

    root: Path
    digest: str
    parts: dict[str, tuple[SiteSlice, ...]]
    unlabelled: tuple[Sample, ...]
    notes: tuple[str, ...]

    @property
    def slices(self) -> tuple[SiteSlice, ...]:
        """All slices with a label."""
        return tuple(one for part in self.parts.values() for one in part)


def read_site(data: Path, parent: Card, *, any_model: bool = False) -> Site:
    """Read an export of signed readings, and check that a model can be retrained on it.

    Parameters
    ----------
    data
        The ZIP, or the folder that it was unpacked into.
    parent
        Card of the model that serves.
    any_model
        Whether the readings may all have been signed beside other models.

    Raises
    ------
    SiteError
        If the export is damaged, of another installation, or too small, or its labels contradict each other.
    """
    try:
        dataset, pictures = read_dataset(data), read_pictures(data)
    except (DatasetError, LayoutError) as error:
        raise SiteError(str(error)) from error
    if not any_model:
        _check_origin(dataset.studies, parent)
    readable = {item.path: item for item in pictures.items}
    parts: dict[str, list[SiteSlice]] = {part: [] for part in Part}
    unlabelled: list[tuple[SliceEntry, str]] = []
    left: dict[str, int] = {}
    for study in dataset.studies:
        for entry in _thinned([one for one in study.slices if one.label is not None]):
            if reason := MISSING if entry.file not in readable else _why_not(entry, study):
                left[reason] = left.get(reason, 0) + 1
            else:
                parts[study.split].append(SiteSlice(readable[entry.file], study.study, study.readers))
        if study.split == Part.TRAIN:
            unmarked = [one for one in study.slices if one.label is None and one.note == NOT_THE_LESION]
            unlabelled += [(one, study.patient) for one in _even(unmarked, UNLABELLED)]
    _check(parts, left)
    faults = faults_of(data, [entry for entry, _ in unlabelled])
    # Trained on for what the serving model says of it, so its label never counts.
    others = [Item(one.file, SOURCE, UNTYPED, patient=key) for one, key in unlabelled if one.file not in faults]
    seen: Sequence[Item] = without_damaged(Dataset(data, "", tuple(others))).items
    held = [one.item for part in (Part.VALIDATION, Part.TEST) for one in parts[part]]
    learned = [*(one.item for one in parts[Part.TRAIN]), *seen]
    if like := _like(data, learned, held):
        left[LIKE_HELD] = len(like)
        parts[Part.TRAIN] = [one for one in parts[Part.TRAIN] if one.item.path not in like]
        seen = [item for item in seen if item.path not in like]
    return Site(
        data,
        dataset.digest,
        {str(part): tuple(slices) for part, slices in parts.items()},
        tuple(map(Sample, seen)),
        tuple(f"{count:,} slices left out: {reason}" for reason, count in left.items()),
    )


MISSING = "the file is missing, altered or damaged"
CONTRADICTED = "a copy of the picture has another label"
COPY = "the same picture is in another study too"
LIKE_HELD = "it looks like a slice of the validation part or the test part, which another patient is in"
SEEN = "the parent was trained or tested on a copy, so that it cannot be measured on them"


def _why_not(entry: SliceEntry, study: StudyEntry) -> str:
    if entry.contradicted:
        return CONTRADICTED
    if entry.same_as:
        return COPY
    return SEEN if entry.copy_of and study.split != Part.TRAIN else ""


def _like(data: Path, learned: Sequence[Item], held: Sequence[Item]) -> set[str]:
    """Return the slices, by path, that the memory of a candidate would take for one of those that are held back."""
    pictures, others = (Pictures.of([load_picture(data, item) for item in items]) for items in (learned, held))
    uses = Seen.of(others, np.ones(len(held), np.bool_)).uses_of(pictures)
    return {item.path for item, use in zip(learned, uses, strict=True) if use is not None}


def _check(parts: dict[str, list[SiteSlice]], left: Mapping[str, int]) -> None:
    usable = sum(map(len, parts.values()))
    contradicted, missing = left.get(CONTRADICTED, 0), left.get(MISSING, 0)
    if missing > usable:
        raise SiteError(
            f"{missing:,} pictures of the export are missing, altered or damaged. Export the readings again."
        )
    if contradicted > MAX_CONTRADICTED * (usable + contradicted):
        raise SiteError(
            f"{contradicted:,} of {usable + contradicted:,} labels contradict a copy of the same picture: studies were "
            "signed at random, or two lists were mixed. The data card of the export names them; amend the readings, "
            "then export again."
        )
    for part, what in ((Part.TRAIN, "learn from"), (Part.TEST, "be measured on")):
        if not parts[part]:
            raise SiteError(
                f"The export has no labelled slice in its {part} part, so there is nothing to {what}. The part of a "
                "patient never changes: sign studies of more patients, then export again."
            )


def _check_origin(studies: Sequence[StudyEntry], parent: Card) -> None:
    known = {parent.sha256, *(one.get("network", "") for one in parent.training.get("ancestors", []))}
    beside = {study.model_sha256 for study in studies if study.model_sha256}
    if beside and not beside & known:
        raise SiteError(
            f"No reading of this export was signed beside {parent.name} or a model that it comes from: it is an export "
            "of another installation, or of the time of another model. Name the model that served there with --model; "
            "if you want to mix them, add --any-model."
        )


def _thinned(entries: Sequence[SliceEntry]) -> list[SliceEntry]:
    """Return all slices with an outline or a lesion, and of each series an even choice of the others."""
    by_series: defaultdict[int, list[SliceEntry]] = defaultdict(list)
    for entry in entries:
        if not (entry.lesion or entry.outline):
            by_series[entry.series].append(entry)
    chosen = {one.file for series in by_series.values() for one in _even(series, OF_ONE_SERIES)}
    return [one for one in entries if one.lesion or one.outline or one.file in chosen]


def _even(entries: Sequence[SliceEntry], count: int) -> list[SliceEntry]:
    if len(entries) <= count:
        return list(entries)
    return [entries[at] for at in np.linspace(0, len(entries) - 1, count).round().astype(int)]
