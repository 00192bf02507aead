"""The words of the product as types: frozen, with no behaviour but their own arithmetic, importing nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Finding(StrEnum):
    """The four classes, in the order of the network's outputs."""

    GLIOMA = "glioma"
    MENINGIOMA = "meningioma"
    PITUITARY = "pituitary"
    NOTUMOR = "notumor"

    @property
    def label(self) -> str:
        """The class as a reader says it."""
        return _LABELS[self]


def likeliest(probabilities: Mapping[Finding, float]) -> Finding:
    """Return the most probable class."""
    return max(probabilities, key=probabilities.__getitem__)


_LABELS = {
    Finding.GLIOMA: "Glioma",
    Finding.MENINGIOMA: "Meningioma",
    Finding.PITUITARY: "Pituitary tumour",
    Finding.NOTUMOR: "No tumour",
}


class Band(StrEnum):
    """How soon a study is to be read; declared in order of urgency."""

    STAT = "STAT"
    URGENT = "URGENT"
    ROUTINE = "ROUTINE"

    @property
    def order(self) -> int:
        """0 for the most urgent band."""
        return list(Band).index(self)


class StudyStatus(StrEnum):
    """Where a study stands between its arrival and a signed reading."""

    RECEIVED = "received"
    RANKED = "ranked"
    NOT_ANALYSABLE = "not analysable"
    READ = "read"


class ReadingState(StrEnum):
    """State of a reading, as FHIR DiagnosticReport names it."""

    FINAL = "final"
    AMENDED = "amended"


class Decision(StrEnum):
    """What the reader made of the AI result."""

    CONFIRM = "confirm"
    OVERRIDE = "override"
    UNAIDED = "unaided"


class ReasonCode(StrEnum):
    """Why a reader overrides the AI result."""

    WRONG_CLASS = "wrong class"
    MISSED_LESION = "missed lesion"
    NO_LESION = "no lesion there"
    ARTEFACT = "artefact or poor image"
    CLINICAL_CONTEXT = "clinical context"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of a file that was handed over.

    `CONFLICT` is a file whose identity is already on the record with other contents; it is reported, never stored over.
    """

    ACCEPTED = "accepted"
    ALREADY_HERE = "already here"
    CONFLICT = "conflict"
    REFUSED = "refused"


class Kind(StrEnum):
    """What a file is, by its content."""

    PNG = "PNG"
    JPEG = "JPEG"
    DICOM = "DICOM"
    NIFTI = "NIFTI"
    ZIP = "ZIP"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one file that was handed over; the UIDs are empty where the file has none.

    Attributes
    ----------
    study_id
        The study that holds the file, or None where none does.
    again
        Whether our disk or database was what failed: the very same file may be taken later.
    """

    name: str
    outcome: Outcome
    message: str
    study_id: str | None = None
    study_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """A square of a slice that the network looked at, in slice pixels; it may reach beyond the slice."""

    left: float
    top: float
    side: float


class Plane(StrEnum):
    """The anatomical plane nearest to a slice."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


@dataclass(frozen=True, slots=True)
class Slice:
    """One decoded picture.

    Attributes
    ----------
    pixels
        ``(height, width)`` gray values, uint8 or uint16, upright, bright is bright.
    colourfulness
        Mean over the pixels of (largest - smallest channel) / 255: 0 for a gray picture.
    spacing
        Millimetres between rows and between columns, or None where the file does not say.
    instance
        Index, in the list of files that was decoded, of the file that this slice came from.
    frame
        Frame (or position along the axis) in that file, from 0.
    height
        Millimetres across the slices, towards the left, the back or the top of the head (the way that the normal of the
        plane points); None where the file does not say.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    colourfulness: float = 0.0
    spacing: tuple[float, float] | None = None
    instance: int = 0
    frame: int = 0
    height: float | None = None


@dataclass(frozen=True, slots=True)
class StudyHeader:
    """Identity of a study as its files have it; empty strings and None where they do not say.

    Attributes
    ----------
    uid
        Study Instance UID; empty for pictures and NIfTI files, each of which is a study of its own.
    """

    uid: str = ""
    patient_name: str = ""
    mrn: str = ""
    accession_number: str = ""
    description: str = ""
    study_date: date | None = None
    sex: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """Identity of a series as its files have it.

    Attributes
    ----------
    uid
        Series Instance UID; empty for pictures and NIfTI files.
    scanner
        Manufacturer and model.
    spacing
        Millimetres between rows, between columns and between slices.
    set_aside
        Why the series is not scored (localiser, derived, not MR, ...); empty for one that is.
    """

    uid: str = ""
    number: int = 1
    description: str = ""
    modality: str = ""
    scanner: str = ""
    plane: Plane | None = None
    spacing: tuple[float, float, float] | None = None
    set_aside: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A decoded series: its slices in order along the normal."""

    header: SeriesHeader
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """What the network says of one slice.

    Attributes
    ----------
    probabilities
        Calibrated, by class, summing to 1.
    cam
        ``(rows, columns, 4)`` class-activation maps, in logit units, of the look that the answer rests on.
    look
        What that look showed of the slice; the maps lie there.
    mask
        ``(rows, columns)`` probability of tumour.
    placement
        What the network saw of the slice; the mask lies there.
    prediction_set
        The classes that cannot be ruled out: each true class is among them in 95 of 100 cases (conformal prediction).
    familiar
        Whether the slice looks like those that the network was trained on; else nothing it says means anything.
    """

    probabilities: dict[Finding, float]
    cam: NDArray[np.float32]
    look: Placement
    mask: NDArray[np.float32]
    placement: Placement
    prediction_set: tuple[Finding, ...]
    familiar: bool


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds chosen on held-out patients; see the model's card for the sensitivities that they buy.

    Attributes
    ----------
    glioma
        P(glioma) from which a study is STAT.
    tumour
        1 - P(no tumour) from which a study is URGENT.
    """

    glioma: float
    tumour: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """A study's band and the sentence that says why."""

    band: Band
    reason: str


@dataclass(frozen=True, slots=True)
class SliceScores:
    """What the network says of the slices of a study.

    Attributes
    ----------
    series, slice
        The slice to show first: the most suspicious one.
    instance
        Index, in the list of files that was decoded, of the file that it came from.
    table
        By series and slice, in the order of decoding: the probabilities in the order of `Finding`, or None for a
        slice that cannot be judged or was not looked at. Empty for a series that is set aside.
    steps
        By series: every how many slices one was looked at; more than 1 where they are thin. Empty where all were.
    """

    series: int
    slice: int
    instance: int
    table: tuple[tuple[tuple[float, ...] | None, ...], ...]
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AIResult:
    """One model's result for one study: what the worklist and the reader see.

    Attributes
    ----------
    contents
        Digest of the study's files that were scored; files that arrive later make it another one.
    slices
        None in a result that was filed before slices were kept.
    prediction_set
        The classes that cannot be ruled out at 95 % coverage; empty in a result of a model that gave none.
    filed_at
        When it entered the record; None before.
    """

    model: str
    model_sha256: str
    probabilities: dict[Finding, float]
    ranking: Ranking
    contents: str = ""
    slices: SliceScores | None = None
    prediction_set: tuple[Finding, ...] = ()
    filed_at: datetime | None = None

    @property
    def predicted(self) -> Finding:
        """The most probable class."""
        return likeliest(self.probabilities)

    @property
    def malignancy(self) -> float:
        """Calibrated P(glioma)."""
        return self.probabilities[Finding.GLIOMA]


@dataclass(frozen=True, slots=True)
class Reading:
    """One signed statement of one reader; never changed, only followed by an amendment.

    Attributes
    ----------
    contents
        Digest of the files that the reader saw; None in readings of before it was kept.
    """

    reader: str
    decision: Decision
    finding: Finding
    reason: ReasonCode | None
    comment: str
    state: ReadingState
    signed_at: datetime
    model_sha256: str | None = None
    contents: str | None = None
