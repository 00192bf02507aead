"""Identifiers planted in files, each a word of its own that can be looked for."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from itertools import count

import nibabel
import numpy as np
from dicoms import file_of, head, item, mr
from PIL import Image, PngImagePlugin
from pydicom import Dataset
from pydicom.config import disable_value_validation
from pydicom.dataset import PrivateBlock


class Plants:
    """Hands out marks and knows them all."""

    def __init__(self) -> None:
        self._numbers = count(101)
        self.marks: list[str] = []

    def word(self) -> str:
        """Return a mark that fits every text value, names of files included."""
        return self._keep(f"ZQ{next(self._numbers)}XV")

    def uid(self) -> str:
        """Return a mark that is a UID."""
        return self._keep(f"1.2.826.0.1.3680043.777{next(self._numbers)}777.1")

    def _keep(self, mark: str) -> str:
        self.marks.append(mark)
        return mark


def dicom(plants: Plants) -> Dataset:
    """Return an MR instance that names its patient wherever somebody has been seen to do so."""
    word, uid = plants.word, plants.uid
    uids = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    dataset = mr(head(), **{keyword: uid() for keyword in uids})
    for keyword in (
        "PatientName",
        "PatientID",
        "PatientBirthName",
        "PatientMotherBirthName",
        "OtherPatientNames",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "MilitaryRank",
        "PatientComments",
        "AdditionalPatientHistory",
        "AccessionNumber",
        "StudyID",
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "ImageComments",
        "InstitutionName",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "ReferringPhysicianName",
        "PerformingPhysicianName",
        "OperatorsName",
        "StationName",
        "DeviceSerialNumber",
        "RequestedProcedureDescription",
        "IssuerOfPatientID",
        # not named by the profile, but free text all the same
        "SequenceName",
        "SoftwareVersions",
        "PositionReferenceIndicator",
    ):
        setattr(dataset, keyword, word())
    with disable_value_validation():
        dataset.BodyPartExamined = f"{word()} lower"  # no code string any more
        dataset.InstanceCreationDate = word()  # no date at all
    dataset.RequestAttributesSequence = [
        item(RequestedProcedureID=word(), ScheduledProtocolCodeSequence=[item(CodeMeaning=word())])
    ]
    dataset.OtherPatientIDsSequence = [item(PatientID=word(), IssuerOfPatientID=word())]
    dataset.ReferencedImageSequence = [
        item(ReferencedSOPClassUID=dataset.SOPClassUID, ReferencedSOPInstanceUID=uid(), PatientComments=word())
    ]
    local = item(CodeValue=word(), CodingSchemeDesignator="99HERE", CodeMeaning=word())
    known = item(CodeValue="12738006", CodingSchemeDesignator="SCT", CodeMeaning=word())
    deep = item(ContributionDescription=word(), AnatomicRegionSequence=[known])
    known.AnatomicRegionModifierSequence = [local, item(PatientName=word())]
    dataset.AnatomicRegionSequence = [known]
    dataset.ViewCodeSequence = [local]
    dataset.SharedFunctionalGroupsSequence = [item(FrameAnatomySequence=[deep])]
    _private(dataset.private_block(0x0029, word(), create=True), plants)
    overlay = dataset.group_dataset(0x6000)
    overlay.add_new(0x60000022, "LO", word())
    overlay.add_new(0x60004000, "LT", word())
    dataset.update(overlay)
    dataset.PixelData += word().encode()  # behind the last row
    dataset.DataSetTrailingPadding = word().encode()
    dataset.preamble = word().encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = word()
    dataset.file_meta.PrivateInformationCreatorUID = uid()
    dataset.file_meta.PrivateInformation = word().encode()
    return dataset


def _private(block: PrivateBlock, plants: Plants) -> None:
    block.add_new(1, "LO", plants.word())
    block.add_new(2, "SQ", [item(PatientName=plants.word())])
    block.add_new(3, "UN", plants.word().encode())


def nifti(plants: Plants) -> bytes:
    """Return a compressed volume with names in its header, its extension, around and behind it."""
    image = nibabel.Nifti1Image(np.stack([head(0, 96)] * 4, axis=2).astype(np.int16), np.diag([1.0, 1.0, 5.0, 1.0]))
    for field in ("descrip", "aux_file", "db_name", "intent_name", "data_type"):
        image.header[field] = plants.word().encode()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", plants.word().encode()))
    buffer = io.BytesIO()
    with gzip.GzipFile(f"{plants.word()}.nii", "wb", fileobj=buffer) as file:
        file.write(image.to_bytes() + plants.word().encode())
    return buffer.getvalue()


def pictures(plants: Plants) -> Iterator[tuple[str, bytes]]:
    """Yield a PNG and a JPEG with names in everything that is not a pixel."""
    gray = Image.fromarray((head(2) >> 4).astype(np.uint8))
    text, exif = PngImagePlugin.PngInfo(), Image.Exif()
    text.add_text("Patient", plants.word())
    text.add_itxt("Physician", plants.word(), zip=True)
    exif[0x010E] = plants.word()
    buffer = io.BytesIO()
    gray.save(buffer, "PNG", pnginfo=text, exif=exif, icc_profile=plants.word().encode())
    yield f"{plants.word()}.png", buffer.getvalue() + plants.word().encode()
    exif = Image.Exif()
    exif[0x0112], exif[0x9286], exif[0x010E] = 6, plants.word(), plants.word()
    buffer = io.BytesIO()
    Image.fromarray((head(3) >> 4).astype(np.uint8)).save(buffer, "JPEG", exif=exif, comment=plants.word().encode())
    yield f"{plants.word()}.jpg", buffer.getvalue() + plants.word().encode()


def archive(plants: Plants, dataset: Dataset) -> bytes:
    """Return a ZIP that names the patient in folders, members and its comment; one member is no picture."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(f"{plants.word()}/{plants.word()}.dcm", file_of(dataset))
        file.writestr(f"{plants.word()}.txt", f"Letter to {plants.word()}")
        file.comment = plants.word().encode()
    return buffer.getvalue()
