"""DICOM objects drawn in code: a head-like ellipse with a mark in one corner, so that turning it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

AXIAL = [1, 0, 0, 0, 1, 0]
STUDY, SERIES = generate_uid(), generate_uid()


def drawn(rows: int = 96, columns: int = 80) -> NDArray[np.uint16]:
    """An ellipse of 1,000 on 0, brighter in its upper left."""
    y, x = np.mgrid[:rows, :columns]
    inside = ((y - rows / 2) / (rows * 0.45)) ** 2 + ((x - columns / 2) / (columns * 0.45)) ** 2 < 1
    pixels = np.where(inside, 1000, 0)
    pixels[(y < rows / 2) & (x < columns / 2) & inside] = 2000
    return pixels.astype(np.uint16)


def instance(pixels: NDArray[Any] | None = None, syntax: UID = ExplicitVRLittleEndian, **elements: Any) -> Dataset:
    """An MR image; `elements` replace or add, None removes."""
    pixels = drawn() if pixels is None else pixels
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = MRImageStorage, generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    made.PatientName, made.PatientID, made.AccessionNumber = "Doe^Jane", "MRN1", "A1"
    made.StudyDate, made.StudyDescription, made.SeriesDescription = "20260102", "Head", "T1 post"
    made.Modality, made.SeriesNumber, made.InstanceNumber = "MR", 3, 1
    made.Manufacturer, made.ManufacturerModelName = "Acme", "One"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.ImageOrientationPatient, made.ImagePositionPatient = AXIAL, [0, 0, 0]
    made.PixelSpacing, made.SliceThickness = [0.5, 0.6], 5
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[-2:]
    made.BitsAllocated = 8 * pixels.dtype.itemsize
    made.BitsStored = made.BitsAllocated if made.BitsAllocated == 8 or pixels.max() > 4095 else 12
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    made.PixelData = pixels.tobytes()
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    made.file_meta.MediaStorageSOPClassUID = made.get("SOPClassUID", MRImageStorage)
    made.file_meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "1.2")
    if syntax.is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    else:
        made.file_meta.TransferSyntaxUID = syntax
    return made


def write(path: Path, made: Dataset) -> Path:
    """Write a file with its preamble."""
    made.save_as(path, enforce_file_format=True)
    return path
