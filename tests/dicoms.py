"""DICOM files drawn in code, as a scanner would write them."""

from __future__ import annotations

import io

import drawn
import numpy as np
from pydicom import Dataset, FileDataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


def head(index: int = 0, side: int = 128) -> np.ndarray:
    """Return a drawn head as 12-bit gray values."""
    return drawn.head("glioma", index, side).astype(np.uint16) * 16


def mr(pixels: np.ndarray, *, number: int = 1, study: str = "", series: str = "", **tags: object) -> FileDataset:
    """Return an axial MR Image Storage instance; what is not given is filled in plainly."""
    dataset = FileDataset("", {}, preamble=bytes(128))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study or generate_uid(), series or generate_uid()
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=[dataset.SeriesInstanceUID])
    dataset.ImageType, dataset.Modality, dataset.BodyPartExamined = ["ORIGINAL", "PRIMARY", "M", "SE"], "MR", "BRAIN"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Phantom Works", "P-1"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate, dataset.PatientSex = "Doe^Jo", "0815", "", "O"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20240229"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "101112"
    dataset.AccessionNumber = dataset.StudyID = dataset.ReferringPhysicianName = ""
    dataset.SeriesNumber, dataset.InstanceNumber = 2, number
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
    dataset.MRAcquisitionType, dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = "2D", 600, 10, 1
    dataset.PositionReferenceIndicator, dataset.PatientPosition = "", "HFS"
    dataset.ImageOrientationPatient, dataset.PixelSpacing = [1, 0, 0, 0, 1, 0], [1.0, 1.0]
    dataset.ImagePositionPatient, dataset.SliceThickness = [-64, -64, 5.0 * number], 5
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    return dataset


def file_of(dataset: FileDataset) -> bytes:
    """Return the dataset as a DICOM file."""
    buffer = io.BytesIO()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def item(**tags: object) -> Dataset:
    """Return an item of a sequence."""
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made
