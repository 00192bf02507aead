"""Look at one file at the door: what it is, whose it is, and whether its pixels can be decoded at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from triage.domain import Kind, SeriesHeader, StudyHeader
from triage.errors import RefusedError
from triage.scans.formats import dicom, nifti, raster
from triage.scans.formats.elements import quietly, text
from triage.scans.formats.identify import HEAD, identify
from triage.scans.formats.parsing import read


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file says of itself.

    Attributes
    ----------
    frames
        Pictures in it; 0 for DICOM objects that hold none (reports, presentation states).
    """

    kind: Kind
    study: StudyHeader
    series: SeriesHeader
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""
    frames: int = 1


def inspect(path: Path) -> Inspected:
    """Look at a file and decode all of it once.

    Raises
    ------
    RefusedError
        If it is of no kind that is taken in, an archive, damaged, or larger than its bytes can hold.
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
    dicom.check(header)
    return Inspected(
        Kind.DICOM,
        dicom.study_header(header),
        dicom.series_header([header]),
        sop_class_uid=text(header, "SOPClassUID"),
        sop_instance_uid=text(header, "SOPInstanceUID"),
        transfer_syntax=dicom.transfer_syntax(header),
        frames=dicom.frames(header),
    )


def kind_of(path: Path) -> Kind:
    """Return what a file is; an archive is to be unpacked first.

    Raises
    ------
    RefusedError
        As `identify` does, and for an archive.
    """
    with path.open("rb") as file:
        kind = identify(file.read(HEAD))
    if kind is Kind.ZIP:
        raise RefusedError("An archive within an archive is not opened. Unpack it and send what it holds.")
    return kind
