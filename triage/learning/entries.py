"""What an export of readings holds: columns of its tables, entries.

Tested in tests/learning/test_dataset.py and tests/learning/test_export.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from triage.domain import Finding, likeliest
from triage.errors import TriageError

READINGS_TABLE = "readings.csv"
SLICES_TABLE = "slices.csv"
STUDIES_TABLE = "studies.csv"
README = "README.txt"
DATA_CARD = "DATA_CARD.md"
SLICES_FOLDER = "slices"
OUTLINES_FOLDER = "outlines"
ORIGINALS_FOLDER = "originals"
#: Columns of `STUDIES_TABLE`: one row per study, in the order of arrival.
STUDY_COLUMNS = (
    "study",
    "patient",
    "split",
    "label",
    "readers",
    "state",
    "first_reader",
    "first_label",
    "second_reader",
    "second_label",
    "arbiter",
    "arbitration_label",
    "blind_label",
    "decision",
    "reason",
    "ai_label",
    *(f"p_{finding}" for finding in Finding),
    "prediction_set",
    "model_sha256",
    "card",
    "scanner",
    "sex",
    "age_band",
    "copy_of",
    "contradicted",
    "compared_with",
)
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
#: Columns of `SLICES_TABLE` that are empty for a slice without an outline.
OUTLINE_COLUMNS = ("outline", "outline_sha256", "outline_reading", "outline_model")
#: Columns of `SLICES_TABLE`: one row per slice.
SLICE_COLUMNS = (
    "study",
    "patient",
    "split",
    "series",
    "slice",
    "file",
    "sha256",
    "label",
    "lesion",
    "note",
    "plane",
    "sequence",
    "scanner",
    "row_mm",
    "column_mm",
    "slice_mm",
    "rows",
    "columns",
    "original_sha256",
    "ai_label",
    *(f"p_{finding}" for finding in Finding),
    "model_sha256",
    *OUTLINE_COLUMNS,
    "copy_of",
    "same_as",
    "contradicted",
)


class DatasetError(TriageError):
    """The folder or ZIP is not a complete export of readings."""


@dataclass(frozen=True, slots=True)
class SliceEntry:
    """One slice of an exported study. What an export of an earlier version does not say has the default.

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
    plane, sequence, scanner
        Plane, series description, manufacturer and model; empty where the file does not say.
    outline
        The mask that a reader drew, relative to the export; empty without one.
    probabilities
        What the AI result has for the slice; None where it was not scored.
    model_sha256
        The model of that result; empty without one.
    sha256, outline_sha256
        Of the PNG, and of the mask.
    copy_of
        "trained" or "tested" if it is a copy of a picture that the model of `StudyEntry.compared_with` was trained or
        tested on; otherwise empty.
    same_as
        The slice of another study that shows the same picture and was signed earlier; empty for the first.
    contradicted
        Whether a copy of it in this export has another label.
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
    scanner: str = ""
    probabilities: Mapping[Finding, float] | None = None
    model_sha256: str = ""
    sha256: str = ""
    copy_of: str = ""
    same_as: str = ""
    contradicted: bool = False
    outline_sha256: str = ""


@dataclass(frozen=True, slots=True)
class StudyEntry:
    """One exported study. What an export of an earlier version does not say has the default.

    Attributes
    ----------
    patient
        The same for all studies of one patient; holds no identity.
    label
        The finding of the latest reading; None if that is none of the classes or waits for another reader.
    slices
        Empty where the export could not decode the study.
    split
        The part of all studies of the patient, see `triage.learning.parts`: "train", "validation" or "test".
    readers
        Number of readers whose latest reading has the label, at most 2; 0 without a label.
    first_label, second_label, blind_label
        What the first reader signed, what the second one signed, and what the reader of the latest reading had
        concluded before the AI result was in sight: a `triage.domain.Conclusion`; empty without one.
    probabilities
        Those of the AI result that the latest reader saw, or else of the newest one; None without one.
    prediction_set
        The classes that this result cannot rule out.
    model_sha256
        The model of that result; empty without one.
    reason
        Why the reader overrode the AI result; empty otherwise.
    scanner, sex, age_band
        Of most slices; "F", "M", "O"; ten years such as "60-69", or "90+"; each empty where the files do not say.
    copy_of
        "trained" if a tenth of the slices are copies of pictures that the model was trained on, else "tested" if of
        such that it was trained or tested on; otherwise empty.
    contradicted
        Whether a slice has a copy with another label in this export.
    compared_with
        The model whose pictures the slices were compared with; empty if they were not compared.
    """

    study: str
    patient: str
    label: Finding | None
    slices: tuple[SliceEntry, ...]
    split: str = ""
    readers: int = 0
    first_label: str = ""
    second_label: str = ""
    blind_label: str = ""
    probabilities: Mapping[Finding, float] | None = None
    prediction_set: tuple[Finding, ...] = ()
    model_sha256: str = ""
    reason: str = ""
    scanner: str = ""
    sex: str = ""
    age_band: str = ""
    copy_of: str = ""
    contradicted: bool = False
    compared_with: str = ""

    @property
    def ai_label(self) -> Finding | None:
        """The class that the AI result finds likeliest; None without a result."""
        return likeliest(self.probabilities) if self.probabilities else None


@dataclass(frozen=True, slots=True)
class Dataset:
    """An export that was read.

    Attributes
    ----------
    digest
        The sha256 of what the tables say, the digests of all pictures included: two exports with the same digest teach
        the same.
    studies
        In the order of their arrival.
    """

    digest: str
    studies: tuple[StudyEntry, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """What `write_dataset` wrote.

    Attributes
    ----------
    labelled
        Number of slices with a label.
    digest
        Of the data set, as `Dataset.digest`.
    notes
        Studies of which slices or labels are missing: pairs of study ID and reason.
    compared_with
        Name of the model whose pictures the slices were compared with; empty if they were not compared.
    copies
        Number of slices that are copies of a picture that this model was trained or tested on.
    contradicted
        Number of slices that have a copy with another label.
    """

    studies: int
    readings: int
    slices: int
    labelled: int
    digest: str
    notes: tuple[tuple[str, str], ...]
    compared_with: str = ""
    copies: int = 0
    contradicted: int = 0
