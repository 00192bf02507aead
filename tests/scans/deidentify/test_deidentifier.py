from __future__ import annotations

import gzip
import io
from collections.abc import Collection
from datetime import date
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicoms import file_of, head, item, mr
from PIL import Image
from planted import Plants, dicom, nifti, pictures
from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from triage.domain import Kind, StudyHeader
from triage.errors import RefusedError
from triage.scans.deidentify.deidentifier import Deidentifier
from triage.scans.deidentify.pseudonym import Key, Pseudonym, draw
from triage.scans.formats.dicom import set_aside
from triage.scans.formats.inspect import Inspected, inspect
from triage.scans.formats.raster import decode


class Drawn:
    """A map that forgets with the test."""

    def __init__(self) -> None:
        self.known: dict[Key, Pseudonym] = {}

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        return {key: self.known.setdefault(key, draw(key[0])) for key in wanted}


@pytest.fixture
def map_() -> Drawn:
    return Drawn()


@pytest.fixture
def deidentifier(map_: Drawn, tmp_path: Path) -> Deidentifier:
    folder = tmp_path / "new"
    folder.mkdir()
    return Deidentifier(map_, folder)


def admit(deidentifier: Deidentifier, folder: Path, data: bytes) -> tuple[Path, Inspected]:
    """Bring a file through the look at the door and de-identification."""
    source = folder / "source"
    source.write_bytes(data)
    path, said, _ = deidentifier.admit(source, inspect(source), "name")
    return path, said


def admitted(deidentifier: Deidentifier, folder: Path, dataset: Dataset) -> tuple[Dataset, Inspected]:
    path, said = admit(deidentifier, folder, file_of(dataset))
    return dcmread(path), said


def found(marks: list[str], data: bytes) -> list[str]:
    return [mark for mark in marks if mark.lower().encode() in data.lower()]


def test_no_identifier_is_left_in_a_dicom_file(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants = Plants()
    data = file_of(dicom(plants))
    assert set(found(plants.marks, data)) == set(plants.marks)
    path, said = admit(deidentifier, tmp_path, data)
    assert not found(plants.marks, path.read_bytes())
    assert not found(plants.marks, repr(said).encode())
    new = dcmread(path)
    assert np.array_equal(new.pixel_array, head())
    assert new.PatientIdentityRemoved == "YES"
    (region,) = new.SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0].AnatomicRegionSequence
    assert (region.CodeValue, region.CodeMeaning) == ("12738006", "12738006")
    assert not any(tag.is_private for tag in new)


def test_what_belongs_together_stays_together(deidentifier: Deidentifier, tmp_path: Path) -> None:
    first = mr(head(), PatientID="7", AccessionNumber="A1")
    second = mr(head(1), StudyInstanceUID=first.StudyInstanceUID, PatientID="7", AccessionNumber="A1")
    second.ReferencedImageSequence = [
        item(ReferencedSOPClassUID=first.SOPClassUID, ReferencedSOPInstanceUID=first.SOPInstanceUID)
    ]
    stranger = mr(head(2), PatientID="8")
    (one, said), (two, _), (three, _) = (admitted(deidentifier, tmp_path, file) for file in (first, second, stranger))
    assert one.StudyInstanceUID == two.StudyInstanceUID != first.StudyInstanceUID
    assert two.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    assert one.PatientID == two.PatientID != three.PatientID
    assert one.AccessionNumber == two.AccessionNumber != "A1"
    assert said.study.uid == one.StudyInstanceUID
    assert (said.study.mrn, said.study.patient_name) == (one.PatientID, one.PatientID)
    assert (said.sop_instance_uid, said.series.uid) == (one.SOPInstanceUID, one.SeriesInstanceUID)
    assert (said.study.sex, said.study.age, said.series.description) == ("", "", "")
    assert two.file_meta.MediaStorageSOPInstanceUID == two.SOPInstanceUID


def test_intervals_between_the_dates_of_a_patient_stay(deidentifier: Deidentifier, tmp_path: Path) -> None:
    early, late = mr(head(), PatientID="7"), mr(head(1), PatientID="7", StudyDate="20250301")
    early.AcquisitionDateTime = "20240301123456.5+0100"
    (one, said), (two, _) = (admitted(deidentifier, tmp_path, file) for file in (early, late))
    days = [date.fromisoformat(file.StudyDate) for file in (one, two)]
    assert days[1] - days[0] == date(2025, 3, 1) - date(2024, 2, 29)
    assert date(2024, 2, 29) > days[0] == said.study.study_date
    assert one.AcquisitionDateTime[8:] == "000000"
    assert (date.fromisoformat(one.AcquisitionDateTime[:8]) - days[0]).days == 1
    assert one.LongitudinalTemporalInformationModified == "MODIFIED"


def test_the_same_file_gives_the_same_bytes(deidentifier: Deidentifier, tmp_path: Path) -> None:
    data = file_of(mr(head()))
    (one, _), (two, _) = (admit(deidentifier, tmp_path, data) for _ in range(2))
    assert one != two
    assert one.read_bytes() == two.read_bytes()


def test_a_compressed_stream_loses_what_stands_beside_the_pixels(deidentifier: Deidentifier, tmp_path: Path) -> None:
    dataset = mr(head())
    dataset.compress(RLELossless, generate_instance_uid=False)
    new, said = admitted(deidentifier, tmp_path, dataset)
    assert np.array_equal(new.pixel_array, head())
    assert not new.file_meta.TransferSyntaxUID.is_encapsulated
    assert said.transfer_syntax == new.file_meta.TransferSyntaxUID


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_overlays_in_the_upper_bits_of_pixels_are_removed(
    deidentifier: Deidentifier, tmp_path: Path, syntax: UID
) -> None:
    dataset = mr((head() | (np.eye(128, dtype=np.uint16) << 12)).astype(np.uint16), BitsStored=12, HighBit=11)
    dataset.add_new(0x60000100, "US", 16)
    dataset.add_new(0x60000102, "US", 12)
    if syntax == RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    new, _ = admitted(deidentifier, tmp_path, dataset)
    assert np.array_equal(np.frombuffer(new.PixelData, "<u2").reshape(128, 128), head())


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        (ImplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ExplicitVRBigEndian, ImplicitVRLittleEndian),
        (DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian),
        (ExplicitVRLittleEndian, UID("1.2.3.4")),
        (RLELossless, MRImageStorage),
    ],
)
def test_a_file_that_states_another_transfer_syntax_is_read_by_what_it_is(
    deidentifier: Deidentifier, tmp_path: Path, written: UID, stated: UID
) -> None:
    dataset = mr(head(), SpecificCharacterSet="ISO_IR 100", Manufacturer="Müller")
    if written == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif written == ExplicitVRBigEndian:
        dataset.PixelData = head().astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = written
    data = file_of(dataset)
    at = data.index(b"\x02\0\x10\0UI")
    old, new = data[at:].split(b"\x02\0\x12\0")[0], stated.encode() + b"\0" * (len(stated) % 2)
    new = old[:6] + len(new).to_bytes(2, "little") + new
    length = int.from_bytes(data[140:144], "little") + len(new) - len(old)
    path, said = admit(deidentifier, tmp_path, data[:140] + length.to_bytes(4, "little") + data[144:].replace(old, new))
    found = dcmread(path)
    assert found.Manufacturer == "Müller"
    assert np.array_equal(found.pixel_array, head())
    assert said.transfer_syntax == found.file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    "elements",
    [
        {"BurnedInAnnotation": "YES"},
        {"SOPClassUID": SecondaryCaptureImageStorage},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"SeriesDescription": "Patient Protocol"},
    ],
)
def test_text_in_the_pixels_is_suspected(
    deidentifier: Deidentifier, tmp_path: Path, elements: dict[str, object]
) -> None:
    with pytest.raises(RefusedError, match="text in the pixels"):
        admitted(deidentifier, tmp_path, mr(head(), **elements))


def test_a_picture_that_somebody_marked_as_clean_is_taken(deidentifier: Deidentifier, tmp_path: Path) -> None:
    dataset = mr(head(), SOPClassUID=SecondaryCaptureImageStorage, BurnedInAnnotation="NO")
    new, _ = admitted(deidentifier, tmp_path, dataset)
    assert new.BurnedInAnnotation == "NO"


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"SeriesDescription": "ZQ1XV localizer"}, "Localiser"),
        ({"ImageType": ["DERIVED", "PRIMARY"]}, "Derived from other series"),
        ({"ImageType": ["DERIVED", "PRIMARY"], "SeriesDescription": "ZQ1XV ADC"}, "Computed map or projection"),
        (
            {
                "ImageType": ["DERIVED", "PRIMARY"],
                "LossyImageCompression": "01",
                "DerivationDescription": "ZQ1XV, reformatted",
            },
            "Derived from other series",
        ),
        ({"BodyPartExamined": "KNEE"}, "Not the head: knee"),
    ],
)
def test_what_is_set_aside_stays_so(
    deidentifier: Deidentifier, tmp_path: Path, elements: dict[str, object], reason: str
) -> None:
    path, said = admit(deidentifier, tmp_path, file_of(mr(head(), **elements)))
    assert said.series.set_aside == set_aside(dcmread(path)) == reason
    assert b"ZQ1XV" not in path.read_bytes()


def test_only_pictures_are_taken(deidentifier: Deidentifier, tmp_path: Path) -> None:
    report = mr(head(), SOPClassUID=BasicTextSRStorage, TextValue="Jo Doe", PixelData=None, Rows=None)
    with pytest.raises(RefusedError, match="not an image"):
        admit(deidentifier, tmp_path, file_of(report))


def test_what_cannot_be_read_is_taken_out_or_refused_without_a_word_of_it(
    deidentifier: Deidentifier, tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    data = file_of(mr(head(), InstanceNumber="777777"))
    path, _ = admit(deidentifier, tmp_path, data.replace(b"777777", b"ZQ1XV "))
    assert b"ZQ1XV" not in path.read_bytes()
    with pytest.raises(RefusedError, match="De-identification failed") as caught:
        admit(deidentifier, tmp_path, file_of(mr(head(), SOPInstanceUID=None, PatientName="ZQ1^XV")))
    assert "ZQ1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not [warning for warning in recwarn if "ZQ1" in str(warning.message)]
    assert "ZQ1" not in "".join(capfd.readouterr())


def test_a_volume_keeps_its_voxels_and_its_place_only(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants = Plants()
    data = nifti(plants)
    path, said = admit(deidentifier, tmp_path, data)
    new = path.read_bytes()
    assert not found(plants.marks, new)
    assert (said.kind, said.study, said.frames) == (Kind.NIFTI, StudyHeader(), 4)
    before, after = (nibabel.Nifti1Image.from_bytes(one) for one in (gzip.decompress(data), new))
    assert np.array_equal(np.asanyarray(before.dataobj), np.asanyarray(after.dataobj))
    assert np.array_equal(before.affine, after.affine)


def test_big_endian_and_nifti_2_volumes(deidentifier: Deidentifier, tmp_path: Path) -> None:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    swapped = nibabel.Nifti1Image(voxels.astype(">i2"), np.eye(4), nibabel.Nifti1Header(endianness=">"))
    for image in (nibabel.Nifti2Image(voxels, np.eye(4)), swapped):
        path, _ = admit(deidentifier, tmp_path, image.to_bytes())
        assert np.array_equal(np.asanyarray(type(image).from_bytes(path.read_bytes()).dataobj), voxels)


@pytest.mark.parametrize("offset", [0, 348, 400])
def test_whatever_volume_is_read_is_taken(deidentifier: Deidentifier, tmp_path: Path, offset: int) -> None:
    voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 1, 5)
    data = nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()
    data = data[:108] + np.float32(offset).tobytes() + data[112:352] + b"\7" * max(offset - 352, 0) + data[352:]
    path, said = admit(deidentifier, tmp_path, gzip.compress(data) + b"appended by a transfer")
    assert said.frames == 5
    assert np.array_equal(np.asanyarray(nibabel.Nifti1Image.from_bytes(path.read_bytes()).dataobj), voxels)


def test_pictures_keep_their_pixels_only(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants = Plants()
    for _, data in pictures(plants):
        path, said = admit(deidentifier, tmp_path, data)
        assert not found(plants.marks, path.read_bytes())
        assert said.kind is Kind.PNG
        assert np.array_equal(decode(data).pixels, decode(path.read_bytes()).pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_a_picture_looks_the_same(deidentifier: Deidentifier, tmp_path: Path, mode: str) -> None:
    gray = Image.fromarray((head() >> 4).astype(np.uint8))
    image = Image.fromarray(head()) if mode == "I;16" else gray.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    path, _ = admit(deidentifier, tmp_path, buffer.getvalue())
    before, after = decode(buffer.getvalue()), decode(path.read_bytes())
    assert np.array_equal(before.pixels, after.pixels)
    assert before.colourfulness == after.colourfulness


def test_a_name_is_replaced_once_and_for_all(deidentifier: Deidentifier) -> None:
    first, again = deidentifier.rename(["doe.dcm", "roe.dcm", "doe.dcm"]), deidentifier.rename(["doe.dcm"])
    assert first["doe.dcm"] == again["doe.dcm"] != first["roe.dcm"]
    assert "doe" not in first["doe.dcm"]


def test_the_plants_are_more_than_forty() -> None:
    plants = Plants()
    planted = dicom(plants), nifti(plants), list(pictures(plants))
    assert len(set(plants.marks)) == len(plants.marks) >= 40
    assert planted
