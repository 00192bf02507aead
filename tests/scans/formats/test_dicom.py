from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import AXIAL, SERIES, STUDY, drawn, encapsulated, instance, lossless_jpeg, write
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    MRSpectroscopyStorage,
    RawDataStorage,
    RLELossless,
    generate_uid,
)

from triage.domain import Kind, Plane
from triage.errors import RefusedError
from triage.scans.formats import dicom
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect
from triage.scans.formats.parsing import read
from triage.scans.formats.pixels import stored_frames


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless],
    ids=lambda syntax: syntax.name,
)
def test_every_lossless_syntax_gives_the_same_pixels(tmp_path: Path, syntax: UID) -> None:
    path = write(tmp_path / "a", instance(syntax=syntax))
    (series,) = decode_study([path])
    assert np.array_equal(series.slices[0].pixels, drawn())
    assert inspect(path).transfer_syntax == syntax


def test_big_endian(tmp_path: Path) -> None:
    made = instance(drawn().astype(">u2"), syntax=ExplicitVRBigEndian)
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.array_equal(series.slices[0].pixels, drawn())


def test_baseline_jpeg(tmp_path: Path) -> None:
    gray = (drawn() // 10).astype(np.uint8)
    packed = io.BytesIO()
    Image.fromarray(gray).save(packed, "JPEG", quality=95)
    made = encapsulated(instance(gray), JPEGBaseline8Bit, packed.getvalue())
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.abs(series.slices[0].pixels - gray.astype(float)).mean() < 4


def test_lossless_jpeg(tmp_path: Path) -> None:
    made = encapsulated(instance(BitsStored=16, HighBit=15), JPEGLosslessSV1, lossless_jpeg(drawn()))
    (series,) = decode_study([write(tmp_path / "a", made)])
    assert np.array_equal(series.slices[0].pixels, drawn())


def test_identity_is_kept(tmp_path: Path) -> None:
    found = inspect(write(tmp_path / "a", instance(PatientSex="F", PatientAge="041Y")))
    assert found.kind is Kind.DICOM
    assert found.study.uid == STUDY
    assert found.study.patient_name == "Doe^Jane"
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
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "Computed map or projection"),
        ({"ImageType": ["DERIVED", "PRIMARY"], "LossyImageCompression": "01"}, ""),
        ({"BodyPartExamined": "KNEE"}, "Not the head: knee"),
        ({"BodyPartExamined": "BRAIN"}, ""),
        ({"BodyPartExamined": "BRAIN AND SPINE"}, ""),
        ({"BodyPartExamined": "HIPPOCAMPUS"}, ""),
        ({"SeriesDescription": "T1 localized shim"}, ""),
        ({"Modality": None}, ""),
        ({"Modality": "MRI"}, ""),
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


def test_slices_of_two_stacks_are_not_mixed(tmp_path: Path) -> None:
    paths = []
    for height in (2.0, 0.0, 1.0):
        for name, row in (("a", AXIAL), ("b", [1, 0, 0, 0, 0, -1])):
            position = [0, 0, height] if row == AXIAL else [0, -height, 0]
            made = instance(ImageOrientationPatient=row, ImagePositionPatient=position)
            paths.append(write(tmp_path / f"{name}{height}", made))
    stacks = decode_study(paths)
    assert [[item.instance for item in series.slices] for series in stacks] == [[2, 4, 0], [1, 5, 3]]
    assert [series.header.plane for series in stacks] == [Plane.AXIAL, Plane.CORONAL]


def test_an_oblique_stack_lies_one_way(tmp_path: Path) -> None:
    """At 45 degrees, the last digit of a direction would decide the view of each slice."""
    paths = []
    for height in range(6):
        tilt = 0.5**0.5 + (-1) ** height * 1e-6
        made = instance(ImageOrientationPatient=[1, 0, 0, 0, tilt, tilt], ImagePositionPatient=[0, -height, height])
        paths.append(write(tmp_path / str(height), made))
    (series,) = decode_study(paths)
    assert [item.instance for item in series.slices] == list(range(6))
    assert all(np.array_equal(item.pixels, series.slices[0].pixels) for item in series.slices)
    assert series.header.plane is Plane.AXIAL


def test_names_in_other_alphabets_are_kept(tmp_path: Path) -> None:
    made = instance(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Åsa\u202e", StudyDescription="Schädel")
    found = inspect(write(tmp_path / "a", made)).study
    assert (found.patient_name, found.description) == ("Müller^Åsa", "Schädel")


def test_a_study_too_large_for_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "MAX_STUDY", 3 * 96 * 80)
    paths = [write(tmp_path / str(index), instance(ImagePositionPatient=[0, 0, index])) for index in range(4)]
    assert len(decode_study(paths[:3])[0].slices) == 3
    with pytest.raises(RefusedError, match="decoded at once"):
        decode_study(paths)


def test_the_contents_of_a_disc_is_no_study(tmp_path: Path) -> None:
    listing = Dataset()
    listing.file_meta = FileMetaDataset()
    listing.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    listing.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    listing.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    listing.FileSetID = "DISC"
    with pytest.raises(RefusedError, match="DICOMDIR"):
        inspect(write(tmp_path / "DICOMDIR", listing))


@pytest.mark.parametrize("kind", [MRSpectroscopyStorage, RawDataStorage])
def test_an_object_without_pixels_is_kept_and_named_even_with_rows(tmp_path: Path, kind: UID) -> None:
    found = inspect(write(tmp_path / "a", instance(SOPClassUID=kind, PixelData=None)))
    assert (found.frames, found.series.set_aside) == (0, f"Contains no image: {kind.name}")


def test_an_image_without_pixels_is_refused_by_the_name_of_the_element(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"Pixel Data \(7FE0,0010\) is missing"):
        inspect(write(tmp_path / "a", instance(PixelData=None)))


SAMPLES = ["RLE", "bigendian", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"]


@pytest.mark.filterwarnings("ignore:The pixel data is .* excess padding:UserWarning")
@pytest.mark.parametrize("name", SAMPLES)
def test_a_scanners_own_file_in_every_syntax(name: str) -> None:
    """One slice of a real scanner, which pydicom ships as it was and as other toolkits packed it."""
    plain, packed = (get_testdata_file(f"MR_small{rest}.dcm", download=False) for rest in ("", f"_{name}"))
    found = inspect(Path(packed))
    assert (found.frames, found.series.modality, found.series.plane) == (1, "MR", Plane.AXIAL)
    (expected,), (pixels,) = (list(stored_frames(read(Path(path)))) for path in (plain, packed))
    assert np.array_equal(pixels, expected)
