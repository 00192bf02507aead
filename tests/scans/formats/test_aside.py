"""What is set aside can be looked at: every picture that came and is not shown already, and none twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import instance, write
from pydicom.uid import generate_uid

from triage.domain import Plane, Series
from triage.scans.formats.aside import decode_aside
from triage.scans.formats.decode import decode_study

DERIVED_MIP = {"ImageType": ["DERIVED", "PRIMARY", "MIP"], "SeriesDescription": "MIP"}


def shown(series: tuple[Series, ...]) -> set[tuple[int, int]]:
    return {(one.instance, one.frame) for stack in series for one in stack.slices}


def picture(folder: Path, name: str, value: int, **elements: Any) -> Path:
    pixels = np.full((40, 60), value, np.uint16)
    pixels[5:10, 5:10] += 50
    return write(folder / name, instance(pixels, InstanceNumber=value, **elements))


def study(folder: Path, **elements: Any) -> list[Path]:
    """Three slices that are scored, and three pictures of one series that are not."""
    uid = generate_uid()
    scored = [picture(folder, f"{at}.dcm", 10 + at, ImagePositionPatient=[0, 0, 5.0 * at]) for at in range(3)]
    given = {"SeriesInstanceUID": uid, "SeriesNumber": 1} | elements
    return scored + [
        picture(folder, f"aside-{at}.dcm", 100 + at, ImagePositionPatient=[0, 0, 9.0 * at], **given) for at in range(3)
    ]


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"SeriesDescription": "localizer"}, "Localiser"),
        ({"Modality": "CT"}, "Not MR: CT"),
        (DERIVED_MIP, "Computed map or projection"),
    ],
)
def test_what_is_not_scored_is_there_with_its_reason(tmp_path: Path, elements: dict[str, Any], reason: str) -> None:
    paths = study(tmp_path, **elements)
    decoded = decode_study(paths)
    assert len(shown(decoded)) == 3
    (aside,) = decode_aside(paths, shown(decoded))
    assert aside.header.set_aside == reason
    assert aside.header.note == ""
    assert [one.instance for one in aside.slices] == [3, 4, 5]
    meaning = aside.slices[1].meaning
    assert aside.slices[1].pixels[0, 0] * meaning.slope + meaning.intercept == pytest.approx(101)


def test_a_localiser_of_three_planes_is_three_stacks(tmp_path: Path) -> None:
    planes = {"axial": [1, 0, 0, 0, 1, 0], "coronal": [1, 0, 0, 0, 0, -1], "sagittal": [0, 1, 0, 0, 0, -1]}
    paths = [
        picture(tmp_path, plane, at, ImageOrientationPatient=cosines, SeriesDescription="scout")
        for at, (plane, cosines) in enumerate(planes.items(), 1)
    ]
    assert {one.header.plane for one in decode_aside(paths, set())} == set(Plane)


def test_colours_are_shown_as_bright_as_they_are(tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:20] = (30, 60, 90)
    made = instance(pixels[..., 0])
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.PixelData = pixels.tobytes()
    (aside,) = decode_aside([write(tmp_path / "colour.dcm", made)], set())
    (one,) = aside.slices
    values = one.pixels * one.meaning.slope + one.meaning.intercept
    assert (values[0, 0], values[-1, 0]) == pytest.approx((60, 0))


def test_copies_reports_and_damaged_files_are_left_out(tmp_path: Path) -> None:
    paths = study(tmp_path, SeriesDescription="localizer")
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(paths[0].read_bytes())
    report = instance(Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    del report.PixelData
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(paths[4].read_bytes()[:-2000])
    text = tmp_path / "no.png"
    text.write_bytes(b"\x89PNG\r\n\x1a\n")
    paths += [copy, write(tmp_path / "report.dcm", report), damaged, text]
    (aside,) = decode_aside(paths, {(0, 0), (1, 0), (2, 0)})
    assert [one.instance for one in aside.slices] == [3, 4, 5]
