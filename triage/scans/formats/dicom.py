"""DICOM to headers and upright slices, ordered along their normal (PS3.3 C.7.6, C.8.13, C.11)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from triage.domain import Series, SeriesHeader, Slice, StudyHeader
from triage.errors import RefusedError
from triage.scans.formats.elements import (
    DAMAGED,
    MAX_TEXT,
    day,
    functional,
    integer,
    meta,
    numbers,
    person,
    quietly,
    text,
    values,
)
from triage.scans.formats.geometry import PARALLEL, Orientation, Vector, orientation_of, upright
from triage.scans.formats.parsing import read
from triage.scans.formats.pixels import Frame, displayed, stored_frames

#: Pixels of one study, without series that are set aside: they have to fit into the memory limit of decoding.
MAX_STUDY = 2**28
#: Values of Body Part Examined (0018,0015) without the brain.
OTHER_PARTS = re.compile(
    r"KNEE|SPINE|ABDOMEN|PELVI|HEART|CARDI|CHEST|THORA|BREAST|SHOULDER|\bHIP\b|ANKLE|FOOT|WRIST|HAND|ELBOW|PROSTAT|LIVER|"
    r"EXTREM|\bLEG|\bARM|KIDNEY|UTERUS|RECTUM|BOWEL"
)
#: Values with the brain, whatever other parts are named with it.
HEAD_PARTS = re.compile(r"HEAD|BRAIN|SKULL")
LOCALISER = re.compile(r"locali[sz]er|scout|survey|3.?plane|\bloc\b", re.IGNORECASE)
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, slots=True)
class _Place:
    """Position of a frame in its series: `key` is the stack of parallel slices, millimetres along it, number."""

    key: tuple[float, float, int]
    index: int
    frame: int


def holds_picture(header: Dataset) -> bool:
    """Return whether the object is an image, not a report, a presentation state or similar.

    Raises
    ------
    RefusedError
        If it is an image without pixels, or the directory of a disc.
    """
    if any(keyword in header for keyword in PIXELS):
        return True
    kind = UID(text(header, "SOPClassUID") or meta(header, "MediaStorageSOPClassUID"))
    if "Rows" in header or not kind or "Image Storage" in kind.name:
        raise RefusedError(DAMAGED)
    if kind == MediaStorageDirectoryStorage:
        raise RefusedError(
            "This is the table of contents of a disc (DICOMDIR). Send the image files; it is not needed."
        )
    return False


@quietly
def frames(header: Dataset) -> int:
    """Return the number of frames; 0 for an object that is not an image."""
    return _frames(header) if holds_picture(header) else 0


def transfer_syntax(header: Dataset) -> str:
    """Return the Transfer Syntax UID; `triage.scans.formats.parsing.read` adds a missing one."""
    return meta(header, "TransferSyntaxUID")


@quietly
def study_header(header: Dataset) -> StudyHeader:
    """Return the study attributes of an object."""
    return StudyHeader(
        uid=text(header, "StudyInstanceUID"),
        patient_name=person(header),
        mrn=text(header, "PatientID", 64),
        accession_number=text(header, "AccessionNumber", 64),
        description=text(header, "StudyDescription"),
        study_date=day(header, "StudyDate"),
        sex=text(header, "PatientSex", 16),
        age=text(header, "PatientAge", 16),
        birth_date=day(header, "PatientBirthDate"),
        issuer=text(header, "IssuerOfPatientID", 64),
    )


@quietly
def series_header(headers: Sequence[Dataset]) -> SeriesHeader:
    """Return the series attributes of the first object, with the distance of the slices of all objects."""
    pictures = [(at, header) for at, header in enumerate(headers) if holds_picture(header)]
    return _described(headers[0], _places(pictures), set_aside(headers[0]))


@quietly
def set_aside(header: Dataset) -> str:
    """Return why a series is not scored, or "" for one that is."""
    modality = text(header, "Modality").upper()
    kind = UID(text(header, "SOPClassUID"))
    if not holds_picture(header):
        return "Contains no image"
    if modality and modality != "MR":
        return f"Not MR: {modality[:16]}"
    if not modality and kind.name not in ("MR Image Storage", "Enhanced MR Image Storage"):
        return "Modality unknown"
    if integer(header, "SamplesPerPixel", 1) != 1:
        return "Colour: a derived image"
    image_type = [str(value).upper() for value in values(header, "ImageType")]
    if "LOCALIZER" in image_type or LOCALISER.search(text(header, "SeriesDescription")):
        return "Localiser"
    # Lossy compression alone makes an image DERIVED too (PS3.3 C.7.6.1.1.2); it is still the acquired slice.
    lossy = text(header, "LossyImageCompression") == "01" and "DerivationDescription" not in header
    if image_type[:1] == ["DERIVED"] and not lossy:
        return "Derived from other series"
    part = text(header, "BodyPartExamined").upper()
    return f"Not the head: {part.lower()}" if OTHER_PARTS.search(part) and not HEAD_PARTS.search(part) else ""


@quietly
def decode(paths: Mapping[int, Path]) -> list[Series]:
    """Decode the files of one study, given by their index.

    Raises
    ------
    RefusedError
        If a file cannot be read, the pixels of a series that is not set aside cannot be decoded, or these series
        together are larger than `MAX_STUDY`.
    """
    headers: dict[int, Dataset] = {}
    decoded: dict[int, list[Frame]] = {}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    room = MAX_STUDY
    for index, path in paths.items():
        header = headers[index] = read(path)
        reason = set_aside(header)
        # A localiser or a derived image can be in the same series as its source.
        groups[text(header, "SeriesInstanceUID"), reason].append(index)
        if not reason:
            room -= integer(header, "Rows", 0) * integer(header, "Columns", 0) * _frames(header)
            if room < 0:
                raise RefusedError(
                    f"The study holds more than {MAX_STUDY // 10**6} million pixels, more than can be decoded at once. "
                    "Send only the most important series of the head."
                )
            decoded[index] = [Frame(stored, header, at) for at, stored in enumerate(stored_frames(header))]
        _forget_pixels(header)
    return [
        _series({index: headers[index] for index in members}, decoded, reason)
        for (_, reason), members in groups.items()
    ]


@quietly
def as_stored(pixels: NDArray[np.float32], header: Dataset, frame: int) -> NDArray[np.float32]:
    """Turn an array over an upright slice back to rows and columns of the stored frame."""
    orientation = _orientation(header, frame)
    if orientation is None:
        return pixels
    places, _ = upright(np.arange(pixels.size).reshape(int(header.Rows), int(header.Columns)), orientation)
    stored = np.empty(pixels.size, pixels.dtype)
    stored[places.ravel()] = pixels.ravel()
    return stored.reshape(int(header.Rows), int(header.Columns))


def _frames(header: Dataset) -> int:
    return max(integer(header, "NumberOfFrames", 1), 1)


def _forget_pixels(header: Dataset) -> None:
    """Free the encoded pixels; that the object is an image stays known."""
    for keyword in PIXELS:
        if keyword in header:
            header[keyword].value = b""


def _series(headers: Mapping[int, Dataset], decoded: Mapping[int, Sequence[Frame]], reason: str) -> Series:
    first = next(iter(headers.values()))
    if reason:
        return Series(_described(first, [], reason), ())
    places = sorted(_places(headers.items()), key=lambda place: (place.key, place.index, place.frame))
    shown = displayed([decoded[place.index][place.frame] for place in places])
    slices = []
    for pixels, place in zip(shown, places, strict=True):
        header = headers[place.index]
        orientation, spacing = _orientation(header, place.frame), _spacing(header, place.frame)
        if orientation is not None:
            turned, transposed = upright(pixels, orientation)
            pixels = np.ascontiguousarray(turned)
            spacing = spacing[::-1] if spacing and transposed else spacing
        height = place.key[1] if place.key[0] == 0 else None  # other stacks have other normals
        slices.append(Slice(pixels, spacing=spacing, instance=place.index, frame=place.frame, height=height))
    return Series(_described(first, places, reason), tuple(slices))


def _described(header: Dataset, places: Sequence[_Place], reason: str) -> SeriesHeader:
    orientation = _orientation(header, 0)
    spacing = _spacing(header, 0)
    if spacing and orientation and upright(np.empty((1, 1)), orientation)[1]:
        spacing = spacing[::-1]
    distance = _slice_distance(header, places)
    return SeriesHeader(
        uid=text(header, "SeriesInstanceUID"),
        number=integer(header, "SeriesNumber", 1),
        description=text(header, "SeriesDescription"),
        modality=text(header, "Modality", 16),
        scanner=f"{text(header, 'Manufacturer')} {text(header, 'ManufacturerModelName')}".strip()[:MAX_TEXT],
        plane=orientation.plane if orientation else None,
        spacing=(*spacing, distance) if spacing and distance else None,
        set_aside=reason,
    )


def _places(headers: Iterable[tuple[int, Dataset]]) -> list[_Place]:
    found = []
    normals: list[Vector] = []
    for index, header in headers:
        number = integer(header, "InstanceNumber", 0)
        for frame in range(_frames(header)):
            orientation = _orientation(header, frame)
            position = numbers(functional(header, frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
            if orientation is None or position is None:
                located = numbers(header, "SliceLocation", 1)
                key = (-1.0, located[0] if located else float(number), number)
            else:
                normal = orientation.across
                stack = next((at for at, known in enumerate(normals) if known @ normal > PARALLEL), len(normals))
                if stack == len(normals):
                    normals.append(normal)
                key = (float(stack), round(float(np.array(position) @ normals[stack]), 3), number)
            found.append(_Place(key, index, frame))
    return found


def _slice_distance(header: Dataset, places: Sequence[_Place]) -> float | None:
    """Return the millimetres between neighbouring slices, by their positions, otherwise by the header."""
    heights = sorted({place.key[1] for place in places if place.key[0] == 0})
    if len(heights) > 1:
        return round(float(np.median(np.diff(heights))), 4)
    measures = functional(header, 0, "PixelMeasuresSequence")
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = numbers(measures, keyword, 1)
        if found and found[0] > 0:
            return found[0]
    return None


def _orientation(header: Dataset, frame: int) -> Orientation | None:
    found = numbers(functional(header, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    return orientation_of(tuple(found)) if found else None


def _spacing(header: Dataset, frame: int) -> tuple[float, float] | None:
    found = numbers(functional(header, frame, "PixelMeasuresSequence"), "PixelSpacing", 2)
    return (found[0], found[1]) if found and min(found) > 0 else None
