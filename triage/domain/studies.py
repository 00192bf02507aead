"""What was received: files, slices, series, and where their study stands. Tested in tests/test_domain.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


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
        Frame (or tile of a mosaic, or position along the axis) in that file, from 0; no two slices of a file share it.
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
