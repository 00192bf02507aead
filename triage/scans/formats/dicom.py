"""DICOM to headers and upright slices (PS3.3 C.7.6, C.8.13, C.11)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from triage.domain import Origin, Series, SeriesHeader, Slice, StudyHeader
from triage.errors import RefusedError
from triage.scans.formats import mosaic
from triage.scans.formats.acquisitions import Acquisition, acquisitions
from triage.scans.formats.derivation import COMPUTED, DERIVED, SCORED_ALTHOUGH_DERIVED, computed_frames, derivation
from triage.scans.formats.elements import (
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
from triage.scans.formats.geometry import Orientation, orientation_of, upright
from triage.scans.formats.lookup import is_coloured
from triage.scans.formats.origin import origin
from triage.scans.formats.parsing import read
from triage.scans.formats.pixel_module import PIXELS
from triage.scans.formats.pixels import Frame, gray_values, stored_frames
from triage.scans.formats.slips import LOCALISER, NOT_HEAD, slips

#: Pixels of one study, without series that are set aside: they have to fit into the memory limit of decoding.
MAX_STUDY = 2**28
#: Values of Body Part Examined (0018,0015) without the brain.
OTHER_PARTS = re.compile(
    r"KNEE|SPINE|ABDOMEN|PELVI|HEART|CARDI|CHEST|THORA|BREAST|SHOULDER|\bHIP\b|ANKLE|FOOT|WRIST|HAND|ELBOW|PROSTAT|LIVER|"
    r"EXTREM|\bLEG|\bARM|KIDNEY|UTERUS|RECTUM|BOWEL"
)
#: Values with the brain, whatever other parts are named with it.
HEAD_PARTS = re.compile(r"HEAD|BRAIN|SKULL")
LOCALISER_NAME = re.compile(r"locali[sz]er|scout|survey|3.?plane|\bloc\b", re.IGNORECASE)
NO_PIXELS = "Pixel Data (7FE0,0010) is missing: the file is damaged or cut short. Send it again from the PACS."


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame or tile, with the index of its file and its number in it."""

    frame: Frame
    origin: Origin
    instance: int
    number: int


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
    if not kind or "Image Storage" in kind.name:
        raise RefusedError(NO_PIXELS)
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
    """Return the series attributes of the first object."""
    return _described(headers[0], not_scored(headers[0]))


@quietly
def set_aside(header: Dataset) -> str:
    """Return why a series is not scored, or "" for one that is."""
    modality = text(header, "Modality").upper()
    kind = UID(text(header, "SOPClassUID"))
    if not holds_picture(header):
        return f"Contains no image: {kind.name}" if kind.name != kind else "Contains no image"
    if modality and not modality.startswith("MR"):  # no other modality begins so, and some writers say MRI
        return f"Not MR: {modality[:16]}"
    if not modality and kind.name not in ("MR Image Storage", "Enhanced MR Image Storage"):
        return "Modality unknown"
    if integer(header, "SamplesPerPixel", 1) != 1 or is_coloured(header):
        return "Colour: a derived image"
    image_type = [str(value).upper() for value in values(header, "ImageType")]
    if "LOCALIZER" in image_type or LOCALISER_NAME.search(text(header, "SeriesDescription")):
        return LOCALISER
    if reason := derivation(header):
        return reason
    part = text(header, "BodyPartExamined").upper()
    return f"{NOT_HEAD}: {part.lower()}" if OTHER_PARTS.search(part) and not HEAD_PARTS.search(part) else ""


@quietly
def decode(paths: Mapping[int, Path]) -> list[Series]:
    """Decode the files of one study, given by their index, to its series; not yet to stacks.

    Raises
    ------
    RefusedError
        If a file cannot be read, the pixels of a series that is not set aside cannot be decoded, or these series
        together are larger than `MAX_STUDY`.
    """
    headers: dict[int, Dataset] = {}
    reasons: dict[int, str] = {}
    decoded: dict[int, list[Picture]] = {}
    room = MAX_STUDY
    for index, path in paths.items():
        header = headers[index] = read(path)
        reason = reasons[index] = not_scored(header)
        if not reason:
            room = room_left(room, header)
            decoded[index] = list(pictures(index, header))
        forget_pixels(header)
    later = slips([pictures[0].origin for pictures in decoded.values()], headers, reasons)
    reasons |= dict.fromkeys(later, "")
    if not decoded:  # derived images are better than none
        later = [at for at, reason in reasons.items() if reason == DERIVED]
    for index in later:
        header = read(paths[index])
        room = room_left(room, header)
        decoded[index] = list(pictures(index, header))
        forget_pixels(header)
    together = dict(zip(decoded, acquisitions([pictures[0].origin for pictures in decoded.values()]), strict=True))
    # A localiser or a derived image can be in the same series as its source.
    groups: dict[tuple[str | Acquisition, str], list[int]] = defaultdict(list)
    for index, header in headers.items():
        groups[together.get(index, text(header, "SeriesInstanceUID")), reasons[index]].append(index)
    maps = [Series(_described(headers[index], COMPUTED), ()) for index in decoded if computed_frames(headers[index])]
    return maps + [
        one
        for (_, reason), members in groups.items()
        for one in series_of({index: headers[index] for index in members}, decoded, reason)
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


def room_left(room: int, header: Dataset) -> int:
    """Return how many pixels of a study may still be decoded after this image.

    Raises
    ------
    RefusedError
        If there is no room for it.
    """
    room -= integer(header, "Rows", 0) * integer(header, "Columns", 0) * _frames(header)
    if room < 0:
        raise RefusedError(
            f"The study holds more than {MAX_STUDY // 10**6} million pixels, more than can be decoded at once. "
            "Send only the most important series of the head."
        )
    return room


def _frames(header: Dataset) -> int:
    return max(integer(header, "NumberOfFrames", 1), 1)


def forget_pixels(header: Dataset) -> None:
    """Free the encoded pixels; that the object is an image stays known."""
    for keyword in PIXELS:
        if keyword in header:
            header[keyword].value = b""


def not_scored(header: Dataset) -> str:
    """Return why an image is not scored, or ""."""
    return set_aside(header) or mosaic.trouble(header)


def pictures(index: int, header: Dataset, left_out: Collection[int] | None = None) -> Iterator[Picture]:
    """Decode the frames of a file, or the tiles of a mosaic.

    Parameters
    ----------
    index
        Of the file.
    header
        Its data set, with the pixels.
    left_out
        Frames that are not wanted: None for those that are computed maps.
    """
    tiles = mosaic.tiles(header)
    left_out = computed_frames(header) if left_out is None else left_out
    for at, stored in enumerate(stored_frames(header)):
        if at in left_out:
            continue
        if not tiles:
            yield Picture(Frame(stored, header, at), origin(header, at, stored), index, at)
            continue
        for number in range(tiles):
            tile = mosaic.tile(stored, tiles, number)
            place = mosaic.position(header, tiles, number)
            yield Picture(Frame(tile, header, at), origin(header, at, tile, place), index, at * tiles + number)


def series_of(headers: Mapping[int, Dataset], decoded: Mapping[int, Sequence[Picture]], reason: str) -> list[Series]:
    """Return the series of one acquisition on one gray scale, their slices in the order of the files."""
    scored = not headers.keys().isdisjoint(decoded)
    described: dict[str, SeriesHeader] = {}
    for header in headers.values():
        if (uid := text(header, "SeriesInstanceUID")) not in described:
            described[uid] = _described(header, "" if scored else reason)
    if not scored:
        return [Series(one, ()) for one in described.values()]
    note = SCORED_ALTHOUGH_DERIVED if reason else ""
    together = [picture for index in headers for picture in decoded[index]]
    slices: dict[str, list[Slice]] = {uid: [] for uid in described}
    gray = gray_values([picture.frame for picture in together])
    for (pixels, meaning), one in zip(gray, together, strict=True):
        orientation = _orientation(one.frame.header, one.frame.index)
        spacing = _spacing(one.frame.header, one.frame.index)
        if orientation is not None:
            turned, transposed = upright(pixels, orientation)
            pixels = np.ascontiguousarray(turned)
            spacing = spacing[::-1] if spacing and transposed else spacing
        slices[one.origin.series].append(
            Slice(
                pixels,
                spacing=spacing,
                instance=one.instance,
                frame=one.number,
                origin=one.origin,
                meaning=meaning,
            )
        )
    return [Series(replace(described[uid], note=note), tuple(members)) for uid, members in slices.items()]


def _described(header: Dataset, reason: str) -> SeriesHeader:
    orientation = _orientation(header, 0)
    spacing = _spacing(header, 0)
    if spacing and orientation and upright(np.empty((1, 1)), orientation)[1]:
        spacing = spacing[::-1]
    distance = _slice_distance(header)
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


def _slice_distance(header: Dataset) -> float | None:
    """Return the millimetres between neighbouring slices as the header states them."""
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
