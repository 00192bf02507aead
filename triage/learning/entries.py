"""What an export of readings holds: columns of its tables, entries. Tested in tests/learning/test_dataset.py."""

from __future__ import annotations

from dataclasses import dataclass

from triage.domain import Finding
from triage.errors import TriageError

READINGS_TABLE = "readings.csv"
SLICES_TABLE = "slices.csv"
README = "README.txt"
SLICES_FOLDER = "slices"
OUTLINES_FOLDER = "outlines"
ORIGINALS_FOLDER = "originals"
#: Columns of `READINGS_TABLE`: one row per signed reading, those of a study from the first to the latest.
READING_COLUMNS = (
    "study",
    "patient",
    "current",
    "ai_label",
    "label",
    "beyond",
    "lesion",
    "blind_label",
    "confidence",
    "decision",
    "reason",
    "comment",
    "role",
    "reader",
    "signed_at",
    "state",
    "model_sha256",
)
#: Columns of `SLICES_TABLE`: one row per slice.
SLICE_COLUMNS = (
    "study",
    "patient",
    "series",
    "slice",
    "file",
    "label",
    "lesion",
    "note",
    "plane",
    "sequence",
    "row_mm",
    "column_mm",
    "slice_mm",
    "rows",
    "columns",
    "original_sha256",
    "ai_label",
    *(f"p_{finding}" for finding in Finding),
    "model_sha256",
    "outline",
    "outline_reading",
    "outline_model",
)


class DatasetError(TriageError):
    """The folder or ZIP is not a complete export of readings."""


@dataclass(frozen=True, slots=True)
class SliceEntry:
    """One slice of an exported study.

    Attributes
    ----------
    file
        The PNG, relative to the export, with forward slashes.
    series, number
        Position of the series in the study and of the slice in the series, from 1.
    label
        What the slice shows according to the reading; None where the reading does not say.
    lesion
        Whether this is the slice with the lesion.
    note
        Why there is no label.
    plane, sequence
        Plane and series description; empty where the file does not say.
    outline
        The mask that a reader drew, relative to the export; empty without one.
    """

    file: str
    series: int
    number: int
    label: Finding | None
    lesion: bool
    note: str
    plane: str
    sequence: str
    outline: str = ""


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """One exported study.

    Attributes
    ----------
    patient
        The same for all studies of one patient; holds no identity.
    label
        The finding of the latest reading; None if that is none of the classes.
    slices
        Empty where the export could not decode the study.
    """

    study: str
    patient: str
    label: Finding | None
    slices: tuple[SliceEntry, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """What `write_dataset` wrote.

    Attributes
    ----------
    labelled
        Number of slices with a label.
    notes
        Studies of which slices or labels are missing: pairs of study ID and reason.
    """

    studies: int
    readings: int
    slices: int
    labelled: int
    notes: tuple[tuple[str, str], ...]
