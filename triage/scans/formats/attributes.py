"""What DICOMweb asks of a file besides its pictures: its place among studies, and its header as DICOM JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain import Kind
from triage.errors import RefusedError
from triage.scans.formats.dicom import transfer_syntax
from triage.scans.formats.elements import quietly, text
from triage.scans.formats.inspect import kind_of
from triage.scans.formats.parsing import read

#: Binary elements above this many bytes are bulk data (PS3.18 8.7.3) and stay out of the header.
BULK = 1024
#: PixelData and its relatives.
PIXELS = 0x7FE0


@dataclass(frozen=True, slots=True)
class Identity:
    """Where an object says that it belongs; empty where it does not say."""

    study_uid: str
    series_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str


@quietly
def identity(path: Path) -> Identity:
    """Read the identifiers of a DICOM file; its pixels are not looked at.

    Raises
    ------
    RefusedError
        If it is no DICOM file, or damaged.
    """
    if kind_of(path) is not Kind.DICOM:
        raise RefusedError("The content is not DICOM. Send DICOM files; upload others in the browser.")
    header = read(path)
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
    study, series, sop_class, sop_instance = (text(header, keyword) for keyword in keywords)
    return Identity(study, series, sop_class, sop_instance, transfer_syntax(header))


def metadata(path: Path) -> dict[str, Any]:
    """Return the header in the DICOM JSON model (PS3.18 F), without bulk data; elements that are broken are left out.

    Raises
    ------
    RefusedError
        If the file cannot be read.
    """
    header = read(path)
    for element in list(header.elements()):  # as they were read: looking at a broken one would raise
        if element.tag.group == PIXELS:
            del header[element.tag]
    said = header.to_json_dict(BULK, lambda _: "", suppress_invalid_tags=True)
    pruned: dict[str, Any] = _without_bulk(said)
    return pruned


def _without_bulk(said: Any) -> Any:
    if isinstance(said, list):
        return [_without_bulk(item) for item in said]
    if isinstance(said, dict):
        return {
            name: _without_bulk(value)
            for name, value in said.items()
            if not (isinstance(value, dict) and "BulkDataURI" in value)
        }
    return said
