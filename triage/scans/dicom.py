"""DICOM to headers and upright slices in order along the normal (PS3.3 C.7.6, C.8.13, C.11)."""

from __future__ import annotations

import logging
import re
import unicodedata
import warnings
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian

from triage.domain import Series, SeriesHeader, Slice, StudyHeader
from triage.errors import RefusedError
from triage.scans.archives import MAX_RATIO, RATIO_FROM
from triage.scans.geometry import Orientation, upright
from triage.scans.pixels import stored_frames, to_uint16

#: A study of this many bytes, inflated, is larger than any that a scanner makes.
MAX_INFLATED = 512 * 2**20
CHUNK = 1 << 20
#: How pixels of undefined length end: the Sequence Delimitation Item.
UNDEFINED_LENGTH, CLOSED = 0xFFFFFFFF, b"\xfe\xff\xdd\xe0\0\0\0\0"
MAX_TEXT = 255
#: The parser's remarks quote the values that they are about, and a log must not name a patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
DAMAGED = "The DICOM file is damaged or cut short. Send it again from the PACS."
#: Parts of the body (0018,0015) that hold no brain.
OTHER_PARTS = re.compile(
    r"KNEE|SPINE|ABDOMEN|PELVI|HEART|CARDI|CHEST|THORA|BREAST|SHOULDER|HIP|ANKLE|FOOT|WRIST|HAND|ELBOW|PROSTAT|LIVER|"
    r"EXTREM|LEG|ARM|KIDNEY|UTERUS|RECTUM|BOWEL"
)
LOCALISER = re.compile(r"localiz|localis|scout|survey|3.?plane|\bloc\b", re.IGNORECASE)


def read(path: Path) -> Dataset:
    """Parse a file.

    Raises
    ------
    RefusedError
        If it is no DICOM file, is damaged, or would inflate beyond `MAX_INFLATED`; nothing is inflated then.
    """
    try:
        with warnings.catch_warnings():
            # What is wrong with an element matters only if it is one that we use; then it is checked there.
            warnings.simplefilter("ignore")
            _check_deflated(path)
            header = pydicom.dcmread(path, force=True)
            header.filename = None  # names of the sender's or ours have no place in later messages
            if not header or not _is_closed(path, header):
                raise RefusedError(DAMAGED)
            return header
    except RefusedError:
        raise
    except Exception as error:  # hostile bytes can raise anything inside the parser
        raise RefusedError(DAMAGED) from error


def check(header: Dataset) -> None:
    """Decode all pixels once.

    Raises
    ------
    RefusedError
        If they cannot be decoded, are fewer than the header says, or are missing from an image.
    """
    if not holds_picture(header):
        return
    for frame in _quiet(stored_frames, header):
        del frame


def holds_picture(header: Dataset) -> bool:
    """Whether the object is an image; reports, presentation states and the like are not.

    Raises
    ------
    RefusedError
        If it is one and its pixels are missing.
    """
    if any(keyword in header for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return True
    kind = pydicom.uid.UID(text(header, "SOPClassUID") or _meta(header, "MediaStorageSOPClassUID"))
    if "Rows" in header or not kind or "Image Storage" in kind.name:
        raise RefusedError(DAMAGED)
    return False


def frames(header: Dataset) -> int:
    """Number of pictures in the object."""
    return max(int(header.get("NumberOfFrames") or 1), 1) if holds_picture(header) else 0


def transfer_syntax(header: Dataset) -> str:
    """Transfer Syntax UID, or that which a file without one has."""
    return _meta(header, "TransferSyntaxUID") or str(pydicom.uid.ImplicitVRLittleEndian)


def study_header(header: Dataset) -> StudyHeader:
    """What the object says of its study."""
    return StudyHeader(
        uid=text(header, "StudyInstanceUID"),
        patient_name=_person(header),
        mrn=text(header, "PatientID", 64),
        accession_number=text(header, "AccessionNumber", 64),
        description=text(header, "StudyDescription"),
        study_date=_date(text(header, "StudyDate")),
        sex=text(header, "PatientSex", 16),
        age=text(header, "PatientAge", 16),
    )


def series_header(headers: Sequence[Dataset]) -> SeriesHeader:
    """What the objects of one series say of it; the first one speaks for all, but for the distance of the slices."""
    header = headers[0]
    orientation = _orientation(header, 0)
    spacing = _spacing(header, 0)
    if spacing and orientation and _transposed(orientation):
        spacing = spacing[::-1]
    between = _between(headers, orientation)
    return SeriesHeader(
        uid=text(header, "SeriesInstanceUID"),
        number=_integer(header, "SeriesNumber", 1),
        description=text(header, "SeriesDescription"),
        modality=text(header, "Modality", 16),
        scanner=f"{text(header, 'Manufacturer')} {text(header, 'ManufacturerModelName')}".strip()[:MAX_TEXT],
        plane=orientation.plane if orientation else None,
        spacing=(*spacing, between) if spacing and between else None,
        set_aside=set_aside(header),
    )


def set_aside(header: Dataset) -> str:
    """Return why a series is not scored, or "" for one that is."""
    modality = text(header, "Modality").upper()
    kind = pydicom.uid.UID(text(header, "SOPClassUID"))
    if not holds_picture(header):
        return "Holds no picture"
    if modality and modality != "MR":
        return f"Not MR: {modality[:16]}"
    if not modality and kind.name not in ("MR Image Storage", "Enhanced MR Image Storage"):
        return "Not said to be MR"
    if _integer(header, "SamplesPerPixel", 1) != 1:
        return "In colour: a derived picture"
    image_type = [str(value).upper() for value in _values(header, "ImageType")]
    if "LOCALIZER" in image_type or LOCALISER.search(text(header, "SeriesDescription")):
        return "Localiser"
    # Lossy compression alone makes an image DERIVED too (PS3.3 C.7.6.1.1.2); it still is the acquired slice.
    lossy = text(header, "LossyImageCompression") == "01" and "DerivationDescription" not in header
    if image_type[:1] == ["DERIVED"] and not lossy:
        return "Derived from other series"
    part = text(header, "BodyPartExamined").upper()
    return f"Not the head: {part.lower()}" if OTHER_PARTS.search(part) else ""


def decode(headers: Mapping[int, Dataset]) -> list[Series]:
    """Decode the objects of one study, by their place in the list of files.

    Raises
    ------
    RefusedError
        If pixels of a series that is not set aside cannot be decoded.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, header in headers.items():
        # A localiser or a derived picture can share a series with what it was made from.
        groups[f"{text(header, 'SeriesInstanceUID')} {set_aside(header)}"].append(index)
    return [_decode_series({index: headers[index] for index in members}) for members in groups.values()]


def as_stored(pixels: NDArray[np.float32], header: Dataset, frame: int) -> NDArray[np.float32]:
    """Turn what lies on an upright slice back to the rows and columns of the frame that it was made from."""
    orientation = _orientation(header, frame)
    if orientation is None:
        return pixels
    places, _ = upright(np.arange(pixels.size).reshape(int(header.Rows), int(header.Columns)), orientation)
    stored = np.empty(pixels.size, pixels.dtype)
    stored[places.ravel()] = pixels.ravel()
    return stored.reshape(int(header.Rows), int(header.Columns))


def text(header: Dataset, keyword: str, limit: int = MAX_TEXT) -> str:
    """Return an element as one line that can be shown, "" where it is missing or cannot be read."""
    value = _quiet(header.get, keyword)
    joined = "\\".join(map(str, value)) if isinstance(value, pydicom.multival.MultiValue) else str(value or "")
    return "".join(c for c in joined if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"}).strip()[:limit]


def _decode_series(headers: Mapping[int, Dataset]) -> Series:
    described = series_header(list(headers.values()))
    if described.set_aside:
        return Series(described, ())
    found: list[tuple[tuple[float, ...], int, int, NDArray[np.float32], Dataset]] = []
    for index, header in headers.items():
        for frame, pixels in enumerate(_quiet(stored_frames, header)):
            found.append((_place(header, frame), index, frame, pixels, header))
    found.sort(key=lambda item: item[:3])
    scaled = to_uint16([pixels for *_, pixels, _ in found])
    slices = []
    for pixels, (_, index, frame, _, header) in zip(scaled, found, strict=True):
        orientation, spacing = _orientation(header, frame), _spacing(header, frame)
        if orientation is not None:
            pixels, transposed = upright(pixels, orientation)
            spacing = spacing[::-1] if spacing and transposed else spacing
        slices.append(Slice(np.ascontiguousarray(pixels), spacing=spacing, instance=index, frame=frame))
    return Series(described, tuple(slices))


def _place(header: Dataset, frame: int) -> tuple[float, ...]:
    """Where a frame comes in its series: orientation, position along the normal, instance number."""
    number = float(_integer(header, "InstanceNumber", 0))
    orientation = _orientation(header, frame)
    position = _numbers(_functional(header, frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
    if orientation is None or position is None:
        located = _numbers(header, "SliceLocation", 1)
        return (0.0, located[0] if located else number, number)
    normal = orientation.normal
    axis = int(np.abs(normal).argmax())
    # Slices of one stack share their normal up to sign and noise; a series of several stacks keeps them apart.
    return (float(axis), round(float(np.array(position) @ (normal * np.sign(normal[axis]))), 3), number)


def _between(headers: Sequence[Dataset], orientation: Orientation | None) -> float | None:
    """Millimetres between neighbouring slices."""
    if orientation is not None:
        count = frames(headers[0]) if len(headers) == 1 else 1
        places = sorted({_place(header, frame)[1] for header in headers for frame in range(count)})
        if len(places) > 1:
            return round(float(np.median(np.diff(places))), 4)
    measures = _functional(headers[0], 0, "PixelMeasuresSequence")
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = _numbers(measures, keyword, 1)
        if found and found[0] > 0:
            return found[0]
    return None


def _orientation(header: Dataset, frame: int) -> Orientation | None:
    found = _numbers(_functional(header, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    if found is None:
        return None
    row, column = np.array(found[:3]), np.array(found[3:])
    if min(np.linalg.norm(row), np.linalg.norm(column)) < 0.5 or abs(row @ column) > 0.1:
        return None
    return Orientation(row, column)


def _transposed(orientation: Orientation) -> bool:
    return upright(np.empty((1, 1)), orientation)[1]


def _spacing(header: Dataset, frame: int) -> tuple[float, float] | None:
    found = _numbers(_functional(header, frame, "PixelMeasuresSequence"), "PixelSpacing", 2)
    return (found[0], found[1]) if found and min(found) > 0 else None


def _functional(header: Dataset, frame: int, macro: str) -> Dataset:
    """Return where a functional group's elements stand: in the frame's item, the shared one, or the object itself."""
    for keyword, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(keyword)
        if groups and index < len(groups) and groups[index].get(macro):
            item: Dataset = groups[index][macro].value[0]
            return item
    return header


def _numbers(header: Dataset, keyword: str, count: int) -> list[float] | None:
    try:
        values = [float(value) for value in _values(header, keyword)]
    except (TypeError, ValueError):
        return None
    return values if len(values) == count and all(map(np.isfinite, values)) else None


def _values(header: Dataset, keyword: str) -> list[Any]:
    value = _quiet(header.get, keyword)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, pydicom.multival.MultiValue | list | tuple) else [value]


def _integer(header: Dataset, keyword: str, default: int) -> int:
    try:
        return int(_quiet(header.get, keyword) or default)
    except (TypeError, ValueError):
        return default


def _person(header: Dataset) -> str:
    parts = text(header, "PatientName", 200).split("=")[0].split("^")
    return ", ".join(part.strip() for part in parts[:2] if part.strip())


def _date(value: str) -> date | None:
    try:
        return datetime.strptime(value[:8], "%Y%m%d").date()
    except ValueError:
        return None


def _meta(header: Dataset, keyword: str) -> str:
    return str(getattr(header, "file_meta", Dataset()).get(keyword) or "")


def _check_deflated(path: Path) -> None:
    """Refuse a deflated file that grows beyond the limit, before the parser inflates all of it at once."""
    meta = pydicom.filereader.read_file_meta_info(path) if _has_preamble(path) else Dataset()
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    with path.open("rb") as file:
        file.seek(132)
        pydicom.filereader._read_file_meta_info(file)
        inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        believed = max(RATIO_FROM, MAX_RATIO * path.stat().st_size)
        while chunk := inflater.unconsumed_tail or file.read(CHUNK):
            size += len(inflater.decompress(chunk, CHUNK))
            if size > MAX_INFLATED:
                raise RefusedError(f"The file inflates to more than {MAX_INFLATED >> 20} MB. Send it uncompressed.")
            if size > believed:
                raise RefusedError(
                    f"The file inflates to over {MAX_RATIO} times its size, as no image does. Send it uncompressed."
                )


def _is_closed(path: Path, header: Dataset) -> bool:
    """Whether pixels of undefined length end as they must (PS3.5 A.4); where they do not, the file was cut."""
    if "PixelData" not in header:
        return True
    pixels = header.get_item("PixelData")
    if not isinstance(pixels, RawDataElement) or pixels.length != UNDEFINED_LENGTH or not pixels.value:
        return True
    with path.open("rb") as file:
        file.seek(pixels.value_tell + len(pixels.value))
        return file.read(len(CLOSED)) == CLOSED


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _quiet(call: Any, *arguments: Any) -> Any:
    """Call into pydicom: its remarks are dropped, its errors become one that names the remedy."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*arguments)
    except RefusedError:
        raise
    except Exception as error:  # elements are converted when first read, and hostile ones raise anything
        raise RefusedError(DAMAGED) from error
