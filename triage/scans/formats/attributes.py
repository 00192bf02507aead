"""Metadata of a DICOM file for DICOMweb: its UIDs, and its header as DICOM JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain import Kind
from triage.errors import RefusedError
from triage.scans.formats.character_sets import to_unicode
from triage.scans.formats.dicom import transfer_syntax
from triage.scans.formats.elements import quietly, text
from triage.scans.formats.inspect import kind_of
from triage.scans.formats.parsing import read

#: Larger binary elements are bulk data (PS3.18 8.7.3), which is left out: bytes.
MAX_INLINE = 1024
#: Group of PixelData and related elements.
PIXEL_GROUP = 0x7FE0


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs of an object; empty if missing."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@quietly
def identity(path: Path) -> Identity:
    """Read the UIDs of a DICOM file without decoding its pixels.

    Raises
    ------
    RefusedError
        If it is not a DICOM file, or damaged.
    """
    if kind_of(path) is not Kind.DICOM:
        raise RefusedError("The content is not DICOM. Send DICOM files; upload others in the browser.")
    header = read(path)
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    study, series, sop_class, sop_instance = (text(header, keyword) for keyword in keywords)
    return Identity(study, series, sop_class, sop_instance, transfer_syntax(header))


def metadata(path: Path) -> dict[str, Any]:
    """Return the header in the DICOM JSON model (PS3.18 F), without bulk data and damaged elements.

    Raises
    ------
    RefusedError
        If the file cannot be read.
    """
    header = read(path)
    for element in list(header.elements()):  # raw elements: converting a damaged one would raise
        if element.tag.group == PIXEL_GROUP:
            del header[element.tag]
    to_unicode(header, nested=True)
    model = header.to_json_dict(MAX_INLINE, lambda _: "", suppress_invalid_tags=True)
    pruned: dict[str, Any] = _without_bulk(model)
    return pruned


def _without_bulk(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_bulk(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _without_bulk(item)
            for name, item in value.items()
            if not (isinstance(item, dict) and "BulkDataURI" in item)
        }
    return value
