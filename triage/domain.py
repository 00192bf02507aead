"""The terms of the product as frozen types; this module imports no other module of ours."""

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
        """The class as it is shown to a reader."""
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


class Beyond(StrEnum):
    """What a reader can conclude that is none of the four classes; never a class of the network or of its training."""

    OTHER_LESION = "other lesion"
    NOT_ANALYSABLE = "not analysable"

    @property
    def label(self) -> str:
        """The conclusion as it is shown to a reader."""
        return "Other lesion" if self is Beyond.OTHER_LESION else "Not analysable / repeat"


#: What a reading says.
Conclusion = Finding | Beyond


def conclusion(value: str) -> Conclusion:
    """Return the conclusion with this value; ValueError if there is none."""
    return Beyond(value) if value in set(Beyond) else Finding(value)


class Confidence(StrEnum):
    """How sure a reader is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


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
    """Where a study stands between its arrival and its last signed reading.

    `SECOND_READ` waits for a second, different reader, `ARBITRATION` for a third, since two disagree.
    """

    RECEIVED = "received"
    RANKED = "ranked"
    NOT_ANALYSABLE = "not analysable"
    SECOND_READ = "second read"
    ARBITRATION = "arbitration"
    READ = "read"
    MERGED = "merged"
    DISCARDED = "discarded"


class Resolution(StrEnum):
    """What a person decides about two studies that claim one identity; the second was set aside on arrival.

    A merged study has all files, and the patient of the first study or of the second.
    """

    KEEP_APART = "keep apart"
    MERGE = "merge"
    MERGE_AS_SECOND = "merge as the second"
    DISCARD_SECOND = "discard the second"
    DISCARD_FIRST = "discard the first"


class ReadingState(StrEnum):
    """State of a reading, as FHIR DiagnosticReport names it; a preliminary one waits for another reader."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"


class Role(StrEnum):
    """Which of the readings of a study one is."""

    FIRST = "first"
    SECOND = "second"
    ARBITRATION = "arbitration"
    AMENDMENT = "amendment"


class Decision(StrEnum):
    """How a reading relates to the AI result."""

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
    """Outcome of a file that was handed over.

    `CONFLICT` is a file that is stored in a study of its own: its UIDs are on the record with another
    patient or another data set, and a person decides between the two. `DISCARDED` is one that is here already, in a
    study that a person discarded by such a decision.
    """

    ACCEPTED = "accepted"
    ALREADY_HERE = "already here"
    CONFLICT = "in conflict"
    DISCARDED = "discarded"
    REFUSED = "refused"


class Kind(StrEnum):
    """Format of a file, by its content."""

    PNG = "PNG"
    JPEG = "JPEG"
    DICOM = "DICOM"
    NIFTI = "NIFTI"
    ZIP = "ZIP"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer for one file that was handed over; its UIDs are empty if the file has none.

    Attributes
    ----------
    study_id
        The study that holds the file, or None.
    retry
        Whether our disk or database failed: the same file may be accepted later.
    source
        Name of the archive that it came in; empty if it was sent by itself.
    """

    name: str
    outcome: Outcome
    message: str
    study_id: str | None = None
    study_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    retry: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """A square view of a slice, in slice pixels; it may reach beyond the slice."""

    left: float
    top: float
    side: float


class Plane(StrEnum):
    """The anatomical plane nearest to a slice."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a DICOM object states about one of its pictures; stacks are built from it, whatever the files and series.

    Empty text and None stand for what is not stated.

    Attributes
    ----------
    picture
        Digest of the decoded pixels.
    series, series_number, instance_number
        Series Instance UID and the two numbers.
    texts
        Description and protocol without what numbers the slices, and the station.
    sequence
        Name of the pulse sequence.
    timing
        What the pictures of one acquisition share: milliseconds and degrees.
    shape, pixel_size
        Rows and columns, and millimetres between them.
    thickness
        Slice thickness: millimetres.
    passes
        What can tell repeated passes over the same places apart, most telling first.
    frame_of_reference
        Frame of Reference UID.
    orientation, position
        Image Orientation (Patient), six direction cosines, and Image Position (Patient), millimetres.
    location
        Slice Location in millimetres, or the number of the slice in its stack.
    """

    picture: str
    series: str
    series_number: int
    instance_number: int
    texts: tuple[str, ...]
    sequence: str
    timing: tuple[float | None, ...]
    shape: tuple[int, int]
    pixel_size: tuple[float, float] | None
    thickness: float | None
    passes: tuple[str, ...]
    frame_of_reference: str
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    location: float | None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What gray values stand for, as the file states it: value = slope x gray value + intercept.

    Attributes
    ----------
    slope, intercept
        The slope is negative if dark and bright are exchanged.
    unit
        Of the values; empty if the file states none.
    window
        Centre and width, in values, with which the file asks to be shown.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    window: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """One decoded image.

    Attributes
    ----------
    pixels
        ``(height, width)`` gray values, uint8 or uint16, upright; larger values are brighter.
    colourfulness
        Mean over the pixels of (largest - smallest channel) / 255: 0 for a gray image.
    spacing
        Millimetres between rows and between columns, or None if the file does not state them.
    instance
        Index of the file of this slice in the list of decoded files.
    frame
        Frame (or tile of a mosaic, or position along the axis) in that file, from 0.
    height
        Millimetres along the normal of the plane, towards the left, the back or the top of the head; None if the file
        does not state it.
    origin
        None for pictures and volumes other than DICOM.
    meaning
        From gray values to the values of the file.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    colourfulness: float = 0.0
    spacing: tuple[float, float] | None = None
    instance: int = 0
    frame: int = 0
    height: float | None = None
    origin: Origin | None = None
    meaning: Meaning = Meaning()


@dataclass(frozen=True, slots=True)
class StudyHeader:
    """Identity of a study as its files state it; empty strings and None for what they do not state.

    Attributes
    ----------
    uid
        Study Instance UID; empty for PNG, JPEG and NIfTI files, each of which is a study of its own.
    issuer
        Who issued the MRN.
    """

    uid: str = ""
    patient_name: str = ""
    mrn: str = ""
    accession_number: str = ""
    description: str = ""
    study_date: date | None = None
    sex: str = ""
    age: str = ""
    birth_date: date | None = None
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class SeriesHeader:
    """Identity of a series as its files state it.

    Attributes
    ----------
    uid
        Series Instance UID; empty for PNG, JPEG and NIfTI files.
    scanner
        Manufacturer and model.
    spacing
        Millimetres between rows, between columns and between slices.
    set_aside
        Why the series is not scored (localiser, derived, not MR, ...); empty if it is scored.
    note
        What a reader should know about the series although it is scored; said only while decoding, not recorded.
    """

    uid: str = ""
    number: int = 1
    description: str = ""
    modality: str = ""
    scanner: str = ""
    plane: Plane | None = None
    spacing: tuple[float, float, float] | None = None
    set_aside: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A decoded series, or one stack of it: its slices in order along the normal.

    Attributes
    ----------
    base
        For a pass that lacks some of the places: index of the most complete pass over them among the series of the
        study, whose slices are the neighbours of these.
    """

    header: SeriesHeader
    slices: tuple[Slice, ...]
    base: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Output of the network for one slice.

    Attributes
    ----------
    probabilities
        Calibrated, by class, summing to 1.
    cam
        ``(rows, columns, 4)`` class-activation maps, in logit units, of the view that decided the probabilities.
    look
        Position of that view on the slice, and so of the maps.
    mask
        ``(rows, columns)`` probability of tumour.
    placement
        Position of the mask on the slice.
    prediction_set
        The classes that cannot be ruled out: it contains the true class in 95 of 100 cases (conformal prediction).
    familiar
        Whether the gate takes the slice for brain MRI; if not, the other values mean nothing.
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
    """Thresholds chosen on held-out patients; the model card states their sensitivities.

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
    """A study's band and the reason for it."""

    band: Band
    reason: str


@dataclass(frozen=True, slots=True)
class SliceScores:
    """Output of the network for the slices of a study.

    Attributes
    ----------
    series, slice
        The slice to show first: the most suspicious one.
    instance
        Index of the file of that slice in the list of decoded files.
    table
        By series and slice, in the order of decoding: the probabilities in the order of `Finding`, or None for a
        slice that cannot be judged or was skipped. Empty for a series that is set aside.
    steps
        By series: one slice in this many was scored; more than 1 if they are thin. Empty if all were scored.
    """

    series: int
    slice: int
    instance: int
    table: tuple[tuple[tuple[float, ...] | None, ...], ...]
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AIResult:
    """The result of one model for one study.

    Attributes
    ----------
    contents
        Digest of the study's files that were scored; it changes when further files arrive.
    slices
        None in results filed before slices were recorded.
    prediction_set
        The classes that cannot be ruled out at 95 % coverage; empty for models without prediction sets.
    filed_at
        When it was filed; None before.
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
    """One signed reading; never changed, only followed by an amendment.

    Attributes
    ----------
    finding
        What the reader concludes.
    contents
        Digest of the files that the reader saw; None in readings signed before it was recorded.
    role
        Which reading of the study it is.
    lesion
        What the other lesion is, in the reader's words; empty for every other conclusion.
    confidence
        None if the reader did not say.
    blind
        What the reader had concluded before the AI result was shown; None if it was in sight from the start.
    """

    reader: str
    decision: Decision
    finding: Conclusion
    reason: ReasonCode | None
    comment: str
    state: ReadingState
    signed_at: datetime
    model_sha256: str | None = None
    contents: str | None = None
    role: Role = Role.FIRST
    lesion: str = ""
    confidence: Confidence | None = None
    blind: Conclusion | None = None
