from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import AXIAL, SERIES, STUDY, drawn, encapsulated, instance, lossless_jpeg, write
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from triage.domain import Kind, Plane
from triage.errors import RefusedError
from triage.scans import dicom
from triage.scans.inspect import inspect
from triage.scans.volume import decode_study


def levels(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels / 65535, 2)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless],
    ids=lambda syntax: syntax.name,
)
def test_every_lossless_syntax_gives_the_same_pixels(tmp_path: Path, syntax: UID) -> None:
    path = write(tmp_path / "a", instance(syntax=syntax))
    (series,) = decode_study([path])
    assert np.array_equal(levels(series.slices[0].pixels), levels(drawn() / 2000 * 65535))
    assert inspect(path).transfer_syntax == syntax


def test_big_endian(tmp_path: Path) -> None:
    made = instance(drawn().astype(">u2"), syntax=ExplicitVRBigEndian)
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.array_equal(levels(series.slices[0].pixels), levels(drawn() / 2000 * 65535))


def test_baseline_jpeg(tmp_path: Path) -> None:
    gray = (drawn() // 10).astype(np.uint8)
    packed = io.BytesIO()
    Image.fromarray(gray).save(packed, "JPEG", quality=95)
    made = encapsulated(instance(gray), JPEGBaseline8Bit, packed.getvalue())
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.abs(series.slices[0].pixels / 65535 - gray / 200).mean() < 0.02


def test_lossless_jpeg(tmp_path: Path) -> None:
    made = encapsulated(instance(BitsStored=16, HighBit=15), JPEGLosslessSV1, lossless_jpeg(drawn()))
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.array_equal(levels(series.slices[0].pixels), levels(drawn() / 2000 * 65535))


def test_identity_is_kept(tmp_path: Path) -> None:
    found = inspect(write(tmp_path / "a", instance(PatientSex="F", PatientAge="041Y")))
    assert found.kind is Kind.DICOM
    assert found.study.uid == STUDY
    assert found.study.patient_name == "Doe, Jane"
    assert (found.study.mrn, found.study.accession_number, found.study.sex, found.study.age) == (
        "MRN1",
        "A1",
        "F",
        "041Y",
    )
    assert str(found.study.study_date) == "2026-01-02"
    assert found.series.uid == SERIES
    assert (found.series.scanner, found.series.plane, found.series.number) == ("Acme One", Plane.AXIAL, 3)
    assert found.series.spacing == (0.5, 0.6, 5.0)
    assert found.frames == 1


def test_signed_rescaled_windowed_and_inverted(tmp_path: Path) -> None:
    signed = drawn().astype(np.int16) - 1000
    made = instance(signed, RescaleSlope="2", RescaleIntercept="0", BitsStored=16, HighBit=15)
    (series,) = decode_study([write(tmp_path / "signed", made)])
    assert np.array_equal(levels(series.slices[0].pixels), levels(drawn() / 2000 * 65535))
    (series,) = decode_study([write(tmp_path / "dark", instance(PhotometricInterpretation="MONOCHROME1"))])
    assert series.slices[0].pixels[0, 0] == 65535
    (series,) = decode_study([write(tmp_path / "window", instance(WindowCenter="500.5", WindowWidth="1001"))])
    assert set(np.unique(levels(series.slices[0].pixels))) == {0.0, 1.0}, "1,000 and more are white in that window"


def test_slices_come_along_the_normal_whatever_their_names_and_numbers(tmp_path: Path) -> None:
    heights = [3.0, -7.0, 0.0, 12.5]
    paths = [
        write(
            tmp_path / f"{9 - index}.dcm",
            instance(
                ImagePositionPatient=[0, 0, height],
                InstanceNumber=7 - index,
            ),
        )
        for index, height in enumerate(heights)
    ]
    (series,) = decode_study(paths)
    assert [item.instance for item in series.slices] == [1, 2, 0, 3]
    assert series.header.spacing is not None
    assert series.header.spacing[2] == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("orientation", "plane", "bright"),
    [
        (AXIAL, Plane.AXIAL, (0, 0)),
        ([-1, 0, 0, 0, 1, 0], Plane.AXIAL, (0, 1)),
        ([0, 1, 0, 1, 0, 0], Plane.AXIAL, (0, 0)),
        ([1, 0, 0, 0, 0, -1], Plane.CORONAL, (0, 0)),
        ([1, 0, 0, 0, 0, 1], Plane.CORONAL, (1, 0)),
        ([0, 1, 0, 0, 0, -1], Plane.SAGITTAL, (0, 0)),
        ([0, -1, 0, 0, 0, -1], Plane.SAGITTAL, (0, 1)),
    ],
)
def test_slices_are_turned_to_the_radiologists_view(
    tmp_path: Path, orientation: list[int], plane: Plane, bright: tuple[int, int]
) -> None:
    (series,) = decode_study([write(tmp_path / "a", instance(ImageOrientationPatient=orientation))])
    pixels = series.slices[0].pixels
    assert series.header.plane is plane
    middle = [side // 2 for side in pixels.shape]
    quarters = {
        (row, column): pixels[
            row * middle[0] : (row + 1) * middle[0], column * middle[1] : (column + 1) * middle[1]
        ].mean()
        for row in (0, 1)
        for column in (0, 1)
    }
    assert max(quarters, key=quarters.__getitem__) == bright
    swapped = orientation == [0, 1, 0, 1, 0, 0]
    assert pixels.shape == ((80, 96) if swapped else (96, 80))
    assert series.slices[0].spacing == ((0.6, 0.5) if swapped else (0.5, 0.6))


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Modality": "CT", "SOPClassUID": CTImageStorage}, "Not MR: CT"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "Localiser"),
        ({"SeriesDescription": "3-plane Loc"}, "Localiser"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "Derived from other series"),
        ({"ImageType": ["DERIVED", "PRIMARY"], "LossyImageCompression": "01"}, ""),
        ({"BodyPartExamined": "KNEE"}, "Not the head: knee"),
        ({"BodyPartExamined": "BRAIN"}, ""),
        ({"Modality": None}, ""),
    ],
)
def test_what_is_not_scored_is_set_aside_with_the_reason(tmp_path: Path, elements: dict[str, Any], reason: str) -> None:
    (series,) = decode_study([write(tmp_path / "a", instance(**elements))])
    assert series.header.set_aside == reason
    assert bool(series.slices) is not bool(reason)


def test_enhanced_mr_has_its_geometry_by_frame(tmp_path: Path) -> None:
    made = instance(
        np.stack([drawn() // 2, drawn()]),
        SOPClassUID=EnhancedMRImageStorage,
        ImageOrientationPatient=None,
        ImagePositionPatient=None,
        PixelSpacing=None,
    )
    shared, frames = Dataset(), []
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [Dataset()], [Dataset()]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = AXIAL
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.5, 0.6]
    for height in (8.0, 2.0):
        frame = Dataset()
        frame.PlanePositionSequence = [Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, height]
        frames.append(frame)
    made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence = [shared], frames
    path = write(tmp_path / "a", made)
    (series,) = decode_study([path])
    assert [item.frame for item in series.slices] == [1, 0]
    assert series.header.spacing == (0.5, 0.6, 6.0)
    assert inspect(path).frames == 2


def test_missing_tags_cost_nothing_but_themselves(tmp_path: Path) -> None:
    geometry = ["ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"]
    gone = dict.fromkeys(["PatientName", "PatientID", "StudyDate", "ImageType", *geometry])
    path = write(tmp_path / "a", instance(**gone))
    found = inspect(path)
    assert (found.study.patient_name, found.study.study_date, found.series.plane) == ("", None, None)
    (series,) = decode_study([path])
    assert len(series.slices) == 1


def test_the_header_cannot_promise_more_than_the_file_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a", instance(NumberOfFrames=2000))
    with pytest.raises(RefusedError, match="promises more"):
        inspect(path)
    path = write(tmp_path / "b", instance(Rows=60000, Columns=60000))
    with pytest.raises(RefusedError, match="more than can be decoded"):
        inspect(path)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless], ids=lambda item: item.name)
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, syntax: UID) -> None:
    whole = write(tmp_path / "whole", instance(syntax=syntax)).read_bytes()
    for share in (0.01, 0.1, 0.3, 0.5, 0.9, 0.99):
        path = tmp_path / "cut"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RefusedError):
            inspect(path)


def test_a_deflated_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "MAX_INFLATED", 2**22)
    made = instance(np.zeros((1, 4096, 4096), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    path = write(tmp_path / "a", made)
    assert path.stat().st_size < 2**20
    with pytest.raises(RefusedError, match="inflates"):
        inspect(path)
