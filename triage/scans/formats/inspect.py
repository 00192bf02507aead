"""Inspect one received file: its format, its identity, and whether all of its pixels can be decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from triage.domain import Kind, SeriesHeader, StudyHeader
from triage.errors import RefusedError
from triage.scans.formats import data_set, dicom, nifti, raster
from triage.scans.formats.elements import quietly, text
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.formats.parsing import read
from triage.scans.formats.ties import ties


@dataclass(frozen=True, slots=True)
class Inspected:
    """Format and metadata of a file; the UIDs are empty unless it is DICOM.

    Attributes
    ----------
    frames
        Number of pictures; 0 for DICOM objects without any (reports, presentation states).
    content
        Digest of the data set, see `triage.scans.formats.data_set`; empty unless it is DICOM.
    ties
        What ties it to other files of its study, see `triage.scans.formats.ties`; empty unless it is DICOM without a
        Study Instance UID.
    """

    kind: Kind
    study: StudyHeader
    series: SeriesHeader
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""
    frames: int = 1
    content: str = ""
    ties: tuple[str, ...] = ()


def inspect(path: Path) -> Inspected:
    """Inspect a file; all of it is decoded once.

    Raises
    ------
    RefusedError
        If its format is unknown or an archive, or if it is damaged or shorter than its header promises.
    """
    kind = kind_of(path)
    if kind is Kind.DICOM:
        return _dicom(path)
    if kind is Kind.NIFTI:
        volumes = nifti.decode(path)
        header = volumes[0].header
        if len(volumes) > 1:
            header = replace(header, description=f"{len(volumes)} volumes")
        return Inspected(kind, StudyHeader(), header, frames=sum(len(series.slices) for series in volumes))
    raster.read(path)
    return Inspected(kind, StudyHeader(), SeriesHeader())


@quietly
def _dicom(path: Path) -> Inspected:
    header = read(path)
    content = data_set.digest(header)
    return Inspected(
        Kind.DICOM,
        dicom.study_header(header),
        dicom.series_header([header]),
        sop_class_uid=text(header, "SOPClassUID"),
        sop_instance_uid=text(header, "SOPInstanceUID"),
        transfer_syntax=dicom.transfer_syntax(header),
        frames=dicom.frames(header),
        content=content,
        ties=ties(header),
    )


def kind_of(path: Path) -> Kind:
    """Return the format of a file.

    Raises
    ------
    RefusedError
        As by `identify`, and for an archive, which has to be unpacked first.
    """
    with path.open("rb") as file:
        kind = identify(file.read(IDENTIFY_BYTES))
    if kind is Kind.ZIP:
        raise RefusedError("An archive within an archive is not opened. Unpack it and send what it holds.")
    return kind
