"""What a reader measured and signed, as a DICOM structured report (TID 1500) under the reader's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from highdicom.sr import (
    CodedConcept,
    ComprehensiveSR,
    CoordinatesForMeasurement,
    GraphicTypeValues,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    SourceImageForMeasurement,
    SourceImageForRegion,
    TrackingIdentifier,
)
from highdicom.sr import Measurement as Number
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from triage.domain import Slice
from triage.records.marked import Measurement
from triage.records.marks import SignedMarks
from triage.reports.sources import MANUFACTURER, MR_BRAIN, RESEARCH, Source, person, stamp
from triage.scans.formats.dicom import as_stored
from triage.scans.formats.mosaic import is_mosaic
from triage.text import visible

SERIES_NUMBER = 9004
SCHEME = "99NEUROTRIAGE"
PIXELS = Code("{pixels}", "UCUM", "pixels")
#: Name and unit of each value that is a size; those of gray values depend on the image.
SIZES = {
    "mm": (codes.SCT.Length, codes.UCUM.Millimeter),
    "px": (codes.SCT.Length, PIXELS),
    "degrees": (codes.SCT.Angle, codes.UCUM.Degree),
    "mm2": (codes.SCT.Area, codes.UCUM.SquareMillimeter),
    "px2": (codes.SCT.Area, PIXELS),
}
#: How each gray value of a region was computed; that of a probe was read.
GRAY = {
    "mean": codes.SCT.Mean,
    "sd": codes.SCT.StandardDeviation,
    "min": codes.SCT.Minimum,
    "max": codes.SCT.Maximum,
    "value": None,
}
#: Units as files state them and as UCUM does; MR mostly has none.
UNITS = {"": codes.UCUM.NoUnits, "HU": codes.UCUM.HounsfieldUnit}
#: Characters of the code of another unit.
MAX_CODE = 16


def reader_report(
    signed: SignedMarks, sources: Sequence[Source], measured: Sequence[tuple[Slice, Measurement]], number: int
) -> Dataset | None:
    """Return the measurements of a reader as a Comprehensive SR, or None without any.

    It is complete but not verified: a reading of this installation is for research.

    Parameters
    ----------
    signed
        The marks that the measurements belong to.
    sources
        The DICOM files of the study.
    measured
        Slices of these files with their measurements.
    number
        Number of the object in the study, from 1.
    """
    known = {source.instance: source for source in sources}
    study = str(sources[0].header.StudyInstanceUID)

    def uid(purpose: str) -> str:
        return str(generate_uid(entropy_srcs=[purpose, study, signed.reader, signed.signed_at.isoformat()]))

    groups = [
        MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(
                uid(f"measurement {one.id}"), f"{MANUFACTURER} reading {signed.version}, {one.kind} {at}"
            ),
            measurements=list(_numbers(one, slice_, known[slice_.instance])),
        )
        for at, (slice_, one) in enumerate(measured, start=1)
        if slice_.instance in known and (SIZES.keys() | GRAY.keys()) & one.values.keys()
    ]
    if not groups:
        return None
    reader = PersonObserverIdentifyingAttributes(name=person(signed.reader))
    content = MeasurementReport(
        observation_context=ObservationContext(ObserverContext(codes.DCM.Person, reader)),
        procedure_reported=MR_BRAIN,
        imaging_measurements=groups,
    )
    report = ComprehensiveSR(
        evidence=[source.header for source in sources],
        content=content,
        series_instance_uid=uid("reader sr series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=uid("reader sr"),
        instance_number=number,
        manufacturer=MANUFACTURER,
        is_complete=True,
        series_description=f"Measured by a reader. {RESEARCH}",
    )
    stamp(report, signed.signed_at)
    return report


def _numbers(one: Measurement, slice_: Slice, source: Source) -> Iterator[Number]:
    """Return the values of a measurement, each with the place where it was taken."""
    several = int(source.header.get("NumberOfFrames") or 1) > 1
    frames = [slice_.frame + 1] if several else None
    place: dict[str, Any]
    if is_mosaic(source.header):  # its tiles are no frames that coordinates could refer to
        place = {"referenced_images": [SourceImageForMeasurement.from_source_image(source.header)]}
    else:
        image = SourceImageForRegion.from_source_image(source.header, frames)
        shape = _shape(one, _as_stored(one.points, slice_, source.header))
        place = {"referenced_coordinates": [CoordinatesForMeasurement(*shape, image)]}
    for key, value in one.values.items():
        if key in SIZES:
            name, unit = SIZES[key]
            yield Number(name=name, value=value, unit=unit, **place)
        elif key in GRAY:
            name, unit = codes.cid7469.MRSignalIntensity, _unit(one.unit)
            yield Number(name=name, value=value, unit=unit, derivation=GRAY[key], **place)


def _unit(stated: str) -> Code | CodedConcept:
    return UNITS.get(stated) or CodedConcept(visible(stated, MAX_CODE), SCHEME, visible(stated, MAX_CODE))


def _shape(one: Measurement, points: NDArray[np.float64]) -> tuple[GraphicTypeValues, NDArray[np.float64]]:
    if one.kind == "probe":
        return GraphicTypeValues.POINT, points
    if one.kind != "ellipse":
        return GraphicTypeValues.POLYLINE, points
    (left, top), (right, bottom) = points.min(0), points.max(0)
    middle = (left + right) / 2, (top + bottom) / 2
    across = np.array([[left, middle[1]], [right, middle[1]]])
    down = np.array([[middle[0], top], [middle[0], bottom]])
    # The ends of the longer axis come first (PS3.3 C.10.5.1.2).
    return GraphicTypeValues.ELLIPSE, np.vstack([across, down] if right - left >= bottom - top else [down, across])


def _as_stored(points: Sequence[Sequence[float]], slice_: Slice, header: Dataset) -> NDArray[np.float64]:
    """Turn points on an upright slice to columns and rows of the stored frame, 0 at the corner of the first pixel."""
    down, along = np.mgrid[: slice_.pixels.shape[0], : slice_.pixels.shape[1]].astype(np.float32) + np.float32(0.5)
    x, y = as_stored(along, header, slice_.frame), as_stored(down, header, slice_.frame)
    first = np.array([x[0, 0], y[0, 0]])
    column = np.sign([x[0, -1] - x[0, 0], y[0, -1] - y[0, 0]])
    row = np.sign([x[-1, 0] - x[0, 0], y[-1, 0] - y[0, 0]])
    # Both are unit vectors at right angles: the inverse of the turn is its transpose.
    turned: NDArray[np.float64] = (np.asarray(points) - first) @ np.stack([column, row], axis=1) + 0.5
    return turned
