"""Synthetic volumes as DICOM studies; none is of a patient. Tested in tests/test_phantoms.py."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from triage.domain import Finding
from triage.phantoms import VOLUME, VOLUME_MM, volume

#: Factor from the 8 bits of a phantom to the 12 bits of a scanner.
GAIN = 16
DAY = date(2026, 3, 2)
PEOPLE = (("PHANTOM^ADA", "F", "054Y"), ("PHANTOM^BRAM", "M", "061Y"), ("PHANTOM^CLEO", "F", "047Y"))


def phantom_study(finding: Finding, slices: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Make a study of a localiser and one axial series after contrast.

    Parameters
    ----------
    finding
        Class of the lesion.
    slices
        Number of slices of the axial series.
    seed
        Not negative; the same seed gives the same study, with the same UIDs.

    Yields
    ------
    tuple of str and bytes
        File name as scanners give it, in no order, and the file.
    """
    pictures = list(volume(finding, slices, seed))
    step = (VOLUME[1] - VOLUME[0]) / max(slices - 1, 1)
    place = np.random.default_rng(seed).permutation(slices)
    for number, pixels in enumerate(pictures):
        header = _header(seed, 2, "t1_mprage_tra_ce", number, ["ORIGINAL", "PRIMARY", "M"])
        yield f"IM{place[number]:06d}", _file(header, pixels, VOLUME[0] + number * step, step)
    middle = pictures[slices // 2]
    header = _header(seed, 1, "localizer", 0, ["ORIGINAL", "PRIMARY", "LOCALIZER"])
    yield f"IM{slices:06d}", _file(header, middle[::2, ::2], 0.0, 2 * VOLUME_MM, 2 * VOLUME_MM)


def _header(seed: int, series: int, description: str, number: int, image_type: list[str]) -> Dataset:
    name, sex, age = PEOPLE[seed % len(PEOPLE)]
    header = Dataset()
    header.SOPClassUID = MRImageStorage
    header.SOPInstanceUID = generate_uid(entropy_srcs=[f"phantom {seed} {series} {number}"])
    header.StudyInstanceUID = generate_uid(entropy_srcs=[f"phantom {seed}"])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=[f"phantom {seed} {series}"])
    header.FrameOfReferenceUID = generate_uid(entropy_srcs=[f"phantom {seed} frame"])
    header.PatientName, header.PatientID = name, f"PH{1000 + seed}"
    header.PatientSex, header.PatientAge, header.PatientBirthDate = sex, age, ""
    header.StudyDate = (DAY + timedelta(days=seed)).strftime("%Y%m%d")
    header.StudyTime, header.StudyID, header.ReferringPhysicianName = "081500", str(seed), ""
    header.AccessionNumber = f"ACC{2000 + seed}"
    header.StudyDescription, header.SeriesDescription = "MRI brain with contrast", description
    header.Modality, header.BodyPartExamined = "MR", "BRAIN"
    header.Manufacturer, header.ManufacturerModelName = "Drawn", "Phantom 3T"
    header.SeriesNumber, header.InstanceNumber, header.ImageType = series, number + 1, image_type
    header.ScanningSequence, header.SequenceVariant, header.MRAcquisitionType = "GR", "SP", "3D"
    return header


def _file(header: Dataset, pixels: NDArray[np.uint8], level: float, thickness: float, mm: float = VOLUME_MM) -> bytes:
    rows, columns = pixels.shape
    # The patient axes of DICOM run to the left, the back and the head; those of the picture to the left and the back.
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.ImagePositionPatient = [-columns * mm / 2, -rows * mm / 2, level]
    header.PixelSpacing, header.SliceThickness = [mm, mm], thickness
    header.Rows, header.Columns, header.SamplesPerPixel = rows, columns, 1
    header.PhotometricInterpretation, header.PixelRepresentation = "MONOCHROME2", 0
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 11
    header.PixelData = (pixels.astype(np.uint16) * GAIN).tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
