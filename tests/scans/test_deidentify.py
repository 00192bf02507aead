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
from pydicom import FileDataset, dcmread
from pydicom.uid import RLELossless, SecondaryCaptureImageStorage

from triage.domain import Kind, SeriesHeader, StudyHeader
from triage.errors import RefusedError
from triage.scans.deidentify import Deidentifier
from triage.scans.identity import Key, Pseudonym, draw
from triage.scans.inspect import Inspected
from triage.scans.raster import decode


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


def inspected(kind: Kind, dataset: FileDataset | None = None) -> Inspected:
    if dataset is None:
        return Inspected(kind, StudyHeader(description="Doe"), SeriesHeader(description="Doe", scanner="Doe"))
    return Inspected(
        kind,
        StudyHeader(
            uid=dataset.StudyInstanceUID,
            patient_name=str(dataset.PatientName),
            mrn=dataset.PatientID,
            study_date=date(2024, 2, 29),
            sex="O",
            age="050Y",
        ),
        SeriesHeader(uid=dataset.SeriesInstanceUID, description="Doe", modality="MR"),
        sop_class_uid=dataset.SOPClassUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        transfer_syntax=dataset.file_meta.TransferSyntaxUID,
    )


def admitted(deidentifier: Deidentifier, folder: Path, dataset: FileDataset) -> tuple[FileDataset, Inspected]:
    source = folder / "source"
    source.write_bytes(file_of(dataset))
    path, said, _ = deidentifier.admit(source, inspected(Kind.DICOM, dataset), "name")
    return dcmread(path), said


def found(marks: list[str], data: bytes) -> list[str]:
    return [mark for mark in marks if mark.lower().encode() in data.lower()]


def test_no_identifier_is_left_in_a_dicom_file(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants, source = Plants(), tmp_path / "source"
    dataset = dicom(plants)
    source.write_bytes(file_of(dataset))
    assert not (set(plants.marks) - set(found(plants.marks, source.read_bytes())))
    path, said, _ = deidentifier.admit(source, inspected(Kind.DICOM, dataset), "name")
    assert not found(plants.marks, path.read_bytes())
    assert not found(plants.marks, repr(said).encode())
    new = dcmread(path)
    assert np.array_equal(new.pixel_array, head())
    assert new.PatientIdentityRemoved == "YES"
    assert (
        new.SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeValue == "12738006"
    )
    assert not any(tag.is_private for tag in new)


def test_what_belongs_together_stays_together(deidentifier: Deidentifier, tmp_path: Path) -> None:
    first = mr(head(), PatientID="7", AccessionNumber="A1")
    second = mr(head(1), study=first.StudyInstanceUID, PatientID="7", AccessionNumber="A1")
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
    dataset, source = mr(head()), tmp_path / "source"
    source.write_bytes(file_of(dataset))
    paths = [deidentifier.admit(source, inspected(Kind.DICOM, dataset), "name")[0] for _ in range(2)]
    assert paths[0] != paths[1]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_compressed_stream_loses_what_stands_beside_the_pixels(deidentifier: Deidentifier, tmp_path: Path) -> None:
    dataset = mr(head())
    dataset.compress(RLELossless, generate_instance_uid=False)
    new, said = admitted(deidentifier, tmp_path, dataset)
    assert np.array_equal(new.pixel_array, head())
    assert not new.file_meta.TransferSyntaxUID.is_encapsulated
    assert said.transfer_syntax == new.file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    "tags",
    [
        {"BurnedInAnnotation": "YES"},
        {"SOPClassUID": SecondaryCaptureImageStorage},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"SeriesDescription": "Patient Protocol"},
    ],
)
def test_text_in_the_pixels_is_suspected(deidentifier: Deidentifier, tmp_path: Path, tags: dict[str, object]) -> None:
    with pytest.raises(RefusedError, match="text in the pixels"):
        admitted(deidentifier, tmp_path, mr(head(), **tags))


def test_a_picture_that_somebody_marked_as_clean_is_taken(deidentifier: Deidentifier, tmp_path: Path) -> None:
    dataset = mr(head(), SOPClassUID=SecondaryCaptureImageStorage, BurnedInAnnotation="NO")
    new, _ = admitted(deidentifier, tmp_path, dataset)
    assert new.BurnedInAnnotation == "NO"


def test_what_cannot_be_read_is_taken_out_or_refused_without_a_word_of_it(
    deidentifier: Deidentifier, tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    data = file_of(mr(head(), EchoTime="10", SeriesNumber="77", InstanceNumber="777777"))
    source.write_bytes(data.replace(b"777777", b"ZQ1XV "))
    said = inspected(Kind.DICOM, mr(head()))
    path, _, _ = deidentifier.admit(source, said, "name")
    assert b"ZQ1XV" not in path.read_bytes()
    source.write_bytes(data[:400].replace(b"Doe^Jo", b"ZQ1^XV"))
    with pytest.raises(RefusedError) as caught:
        deidentifier.admit(source, said, "name")
    assert "ZQ1" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not [warning for warning in recwarn if "ZQ1" in str(warning.message)]
    assert "ZQ1" not in "".join(capfd.readouterr())


def test_a_volume_keeps_its_voxels_and_its_place_only(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants, source = Plants(), tmp_path / "source"
    data = nifti(plants)
    source.write_bytes(data)
    path, said, name = deidentifier.admit(source, inspected(Kind.NIFTI), "file-1")
    new = path.read_bytes()
    assert not found(plants.marks, new)
    assert (said.study, said.series.description, said.series.scanner, name) == (StudyHeader(), "", "", "file-1.nii")
    before, after = (nibabel.Nifti1Image.from_bytes(one) for one in (gzip.decompress(data), new))
    assert np.array_equal(np.asanyarray(before.dataobj), np.asanyarray(after.dataobj))
    assert np.array_equal(before.affine, after.affine)


def test_big_endian_and_nifti_2_volumes(deidentifier: Deidentifier, tmp_path: Path) -> None:
    voxels, source = np.arange(60, dtype=np.int16).reshape(3, 4, 5), tmp_path / "source"
    swapped = nibabel.Nifti1Image(voxels.astype(">i2"), np.eye(4), nibabel.Nifti1Header(endianness=">"))
    for image in (nibabel.Nifti2Image(voxels, np.eye(4)), swapped):
        source.write_bytes(image.to_bytes())
        path, *_ = deidentifier.admit(source, inspected(Kind.NIFTI), "name")
        assert np.array_equal(np.asanyarray(type(image).from_bytes(path.read_bytes()).dataobj), voxels)


def test_pictures_keep_their_pixels_only(deidentifier: Deidentifier, tmp_path: Path) -> None:
    plants, source = Plants(), tmp_path / "source"
    for (_, data), kind in zip(pictures(plants), (Kind.PNG, Kind.JPEG), strict=True):
        source.write_bytes(data)
        path, said, name = deidentifier.admit(source, inspected(kind), "file-1")
        assert not found(plants.marks, path.read_bytes())
        assert (said.kind, name) == (Kind.PNG, "file-1.png")
        assert np.array_equal(decode(data).pixels, decode(path.read_bytes()).pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_a_picture_looks_the_same(deidentifier: Deidentifier, tmp_path: Path, mode: str) -> None:
    gray = Image.fromarray((head() >> 4).astype(np.uint8))
    image = Image.fromarray(head()) if mode == "I;16" else gray.convert(mode)
    buffer, source = io.BytesIO(), tmp_path / "source"
    image.save(buffer, "PNG")
    source.write_bytes(buffer.getvalue())
    path, *_ = deidentifier.admit(source, inspected(Kind.PNG), "name")
    before, after = decode(buffer.getvalue()), decode(path.read_bytes())
    assert np.array_equal(before.pixels, after.pixels)
    assert before.colourfulness == after.colourfulness


def test_a_name_is_replaced_once_and_for_all(deidentifier: Deidentifier, map_: Drawn) -> None:
    assert deidentifier.rename("doe.dcm") == deidentifier.rename("doe.dcm") != deidentifier.rename("roe.dcm")
    assert "doe" not in deidentifier.rename("doe.dcm")
    assert len(map_.known) == 2


def test_the_plants_are_more_than_forty() -> None:
    plants = Plants()
    planted = dicom(plants), nifti(plants), list(pictures(plants))
    assert len(set(plants.marks)) == len(plants.marks) >= 40
    assert planted
