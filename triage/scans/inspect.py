"""Look at one file whole: what it is, whose, and that its pixels decode."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pydicom

from triage.domain import Kind, Plane, SeriesHeader, StudyHeader
from triage.scans.raster import decode, identify


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file says of itself."""

    kind: Kind
    study: StudyHeader
    series: SeriesHeader
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""
    frames: int = 1


def series_of(header: pydicom.Dataset) -> SeriesHeader:
    """Return the series of a file."""
    return SeriesHeader(
        str(header.SeriesInstanceUID),
        int(header.SeriesNumber),
        str(header.SeriesDescription),
        str(header.Modality),
        f"{header.Manufacturer} {header.ManufacturerModelName}",
        Plane.AXIAL,
        (float(header.PixelSpacing[0]), float(header.PixelSpacing[1]), float(header.SliceThickness)),
        "Localiser: planning images, not scored" if "LOCALIZER" in list(header.ImageType) else "",
    )


def inspect(path: Path) -> Inspected:
    """Decode a file and return what it says of itself."""
    data = path.read_bytes()
    if data[128:132] == b"DICM":
        header = pydicom.dcmread(path)
        _ = header.pixel_array
        study = StudyHeader(
            str(header.StudyInstanceUID),
            str(header.PatientName),
            str(header.PatientID),
            str(header.AccessionNumber),
            str(header.StudyDescription),
            datetime.strptime(header.StudyDate, "%Y%m%d").date(),
            str(header.PatientSex),
            str(header.PatientAge),
        )
        return Inspected(
            Kind.DICOM,
            study,
            series_of(header),
            header.SOPClassUID,
            header.SOPInstanceUID,
            str(header.file_meta.TransferSyntaxUID),
        )
    decode(data)
    return Inspected(Kind(identify(data)), StudyHeader(), SeriesHeader())
