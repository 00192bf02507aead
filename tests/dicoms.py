"""DICOM files whose every element a test may choose."""

from __future__ import annotations

import io

import numpy as np
from drawn_dicom import instance
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.uid import generate_uid

from triage.phantoms import phantoms


def head(index: int = 0, side: int = 128) -> np.ndarray:
    """Return an axial slice of a phantom with a glioma as 12-bit gray values, each with noise of its own."""
    noise = np.random.default_rng(index).integers(0, 100, (side, side))
    picture = Image.open(io.BytesIO(next(phantoms(1)).png)).resize((side, side))
    return np.asarray(np.asarray(picture, np.uint16) * 10 + noise, np.uint16)


def mr(pixels: np.ndarray, *, number: int = 1, **elements: object) -> Dataset:
    """Return an axial MR slice, 5 mm above the one before, of a study of its own unless it is given."""
    given = {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
        "StudyDate": "20240229",
        "InstanceNumber": number,
        "ImagePositionPatient": [0, 0, 5 * number],
        "PatientSex": "O",
        "PatientAge": "050Y",
    }
    return instance(pixels, **given | elements)


def file_of(dataset: Dataset) -> bytes:
    """Return the dataset as a DICOM file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def item(**elements: object) -> Dataset:
    """Return an item of a sequence."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made
