"""What a reader measured as DICOM SR, held against dciodvfy and the stored pixels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicoms import head, item, mr
from helpers import complaints
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage
from reports.test_seg import TURNED, series
from reports.test_sr import stored

from triage.domain import Slice
from triage.records.marked import Marks, Measurement
from triage.records.marks import SignedMarks
from triage.reports.reader_sr import reader_report

SIGNED_AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
MARKER = f"{'a' * 64}/0"
LENGTH = ("length", [[10, 20], [40, 20]], {"mm": 27.5})
ANGLE = ("angle", [[10, 10], [20, 10], [20, 30]], {"degrees": 90.0})
ELLIPSE = ("ellipse", [[10, 20], [30, 60]], {"mm2": 628.3, "mean": 99.5, "sd": 4.5, "min": 80, "max": 120, "pixels": 9})
PROBE = ("probe", [[12.5, 30.5]], {"value": 101, "stored": 101})
BARE = ("length", [[1, 2], [3, 4]], {"px": 2.83})


def signed(reader: str = "Dr. Ada Müller") -> SignedMarks:
    return SignedMarks(Marks(), reader, 2, SIGNED_AT)


def measurement(kind: str, points: list[list[float]], values: dict[str, float], unit: str = "") -> Measurement:
    floats = [[float(x), float(y)] for x, y in points]
    numbers = {name: float(value) for name, value in values.items()}
    return Measurement.model_validate(
        {"id": "a1", "kind": kind, "marker": MARKER, "points": floats, "values": numbers, "unit": unit}
    )


def numbers(report: Dataset) -> list[Any]:
    """The numeric content items, in order."""
    found: list[Any] = []
    for one in report.get("ContentSequence", []):
        found += [one] if one.ValueType == "NUM" else numbers(one)
    return found


def values(report: Dataset) -> list[tuple[str, float, str]]:
    """Name, value and unit of each number."""
    return [
        (
            one.ConceptNameCodeSequence[0].CodeMeaning,
            float(one.MeasuredValueSequence[0].NumericValue),
            one.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for one in numbers(report)
    ]


def coordinates(number: Dataset) -> tuple[str, np.ndarray, Dataset]:
    (place,) = (one for one in number.ContentSequence if one.ValueType == "SCOORD")
    (image,) = place.ContentSequence
    return place.GraphicType, np.reshape(place.GraphicData, (-1, 2)), image.ReferencedSOPSequence[0]


def made(folder: Path, *measured: tuple[Any, ...], reader: str = "Dr. Ada Müller", **elements: object) -> Dataset:
    datasets, slices = series(folder, 1, **elements)
    sources = stored(folder, *datasets)
    report = reader_report(signed(reader), sources, [(slices[0], measurement(*one)) for one in measured], 1)
    assert report is not None
    return report


def test_every_kind_is_reported_under_the_name_of_the_reader(tmp_path: Path) -> None:
    report = made(tmp_path, LENGTH, ANGLE, ELLIPSE, PROBE, BARE)
    assert complaints(report, tmp_path) == []
    assert values(report) == [
        ("Length", 27.5, "mm"),
        ("Angle", 90.0, "deg"),
        ("Area", 628.3, "mm2"),
        ("MR signal intensity", 99.5, "1"),
        ("MR signal intensity", 4.5, "1"),
        ("MR signal intensity", 80, "1"),
        ("MR signal intensity", 120, "1"),
        ("MR signal intensity", 101, "1"),
        ("Length", 2.83, "{pixels}"),
    ]
    (name,) = (str(one.PersonName) for one in report.ContentSequence if one.ValueType == "PNAME")
    assert name.rstrip("^") == "Dr. Ada Müller"
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert (report.ContentDate, report.ContentTime) == ("20260301", "233000")


def test_shapes_lie_where_the_reader_drew_them(tmp_path: Path) -> None:
    length, angle, *ellipse, probe = (
        coordinates(one) for one in numbers(made(tmp_path, LENGTH, ANGLE, ELLIPSE, PROBE))
    )
    assert (length[0], length[1].tolist()) == ("POLYLINE", LENGTH[1])
    assert (angle[0], angle[1].tolist()) == ("POLYLINE", ANGLE[1])
    assert (probe[0], probe[1].tolist()) == ("POINT", PROBE[1])
    assert (ellipse[0][0], ellipse[0][1].tolist()) == ("ELLIPSE", [[20, 20], [20, 60], [10, 40], [30, 40]])


def test_a_slice_that_was_turned_for_the_reader_is_turned_back(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1, ImageOrientationPatient=TURNED)
    sources = stored(tmp_path, *datasets)
    row, column = np.unravel_index(slices[0].pixels.argmax(), slices[0].pixels.shape)
    probe = ("probe", [[column + 0.5, row + 0.5]], {"value": 1})
    report = reader_report(signed(), sources, [(slices[0], measurement(*probe))], 1)
    assert report is not None
    ((x, y),) = coordinates(numbers(report)[0])[1]
    assert datasets[0].pixel_array[int(y), int(x)] == datasets[0].pixel_array.max()


def test_a_frame_of_many_is_named(tmp_path: Path) -> None:
    enhanced = mr(np.stack([head(), head(1), head(2)]), SOPClassUID=EnhancedMRImageStorage)
    enhanced.PerFrameFunctionalGroupsSequence = [item()] * 3
    sources = stored(tmp_path, enhanced)
    report = reader_report(signed(), sources, [(Slice(head(), instance=0, frame=2), measurement(*LENGTH))], 1)
    assert report is not None
    assert coordinates(numbers(report)[0])[2].ReferencedFrameNumber == 3


@pytest.mark.parametrize("unit", ["HU", "10^-6 mm^2/s", "a unit that is far longer than any code", "µm"])
def test_any_unit_is_a_unit(tmp_path: Path, unit: str) -> None:
    report = made(tmp_path, (*PROBE, unit))
    assert complaints(report, tmp_path) == []


@pytest.mark.parametrize("reader", ["A^B=C\\D", "山田太郎", "x" * 80])
def test_any_name_is_a_name(tmp_path: Path, reader: str) -> None:
    assert complaints(made(tmp_path, LENGTH, reader=reader), tmp_path) == []


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1)
    sources = stored(tmp_path, *datasets)
    empty = measurement("probe", [[-5, -5]], {})
    assert reader_report(signed(), sources, [], 1) is None
    assert reader_report(signed(), sources, [(slices[0], empty)], 1) is None
    elsewhere = Slice(slices[0].pixels, instance=7, frame=0)
    assert reader_report(signed(), sources, [(elsewhere, measurement(*LENGTH))], 1) is None


def test_the_same_measurements_give_the_same_object(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1)
    sources = stored(tmp_path, *datasets)
    one, other = (reader_report(signed(), sources, [(slices[0], measurement(*LENGTH))], 1) for _ in range(2))
    assert one == other
