"""DICOM objects drawn in code: a head-like ellipse with a mark in one corner, so that turning it shows."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    MRImageStorage,
    generate_uid,
)

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


def encapsulated(made: Dataset, syntax: UID, *frames: bytes) -> Dataset:
    """The image with its frames as somebody else packed them."""
    made.PixelData = encapsulate(list(frames))
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = syntax
    return made


def lossless_jpeg(pixels: NDArray[np.uint16]) -> bytes:
    """Lossless JPEG, process 14 with predictor 1 (ITU-T T.81, annex H): no library here writes it."""
    rows, columns = pixels.shape
    table = bytes([0, 0, 0, 0, 17, *[0] * 11, *range(17)])  # each of the 17 sizes has a code of five bits
    bits: list[str] = []
    values = pixels.astype(np.int64)
    for y in range(rows):
        for x in range(columns):
            before = values[y, x - 1] if x else values[y - 1, 0] if y else 1 << 15
            difference = int(values[y, x] - before + (1 << 15)) % (1 << 16) - (1 << 15)
            size = abs(difference).bit_length()
            bits.append(f"{size:05b}")
            if 0 < size < 16:
                bits.append(f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}")
    joined = "".join(bits)
    joined += "1" * (-len(joined) % 8)
    scan = int(joined, 2).to_bytes(len(joined) // 8, "big").replace(b"\xff", b"\xff\0")

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    size_of = rows.to_bytes(2, "big") + columns.to_bytes(2, "big")
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xC3, b"\x10" + size_of + b"\1\1\x11\0"),
            segment(0xC4, b"\0" + table),
            segment(0xDA, b"\1\1\0\1\0\0"),
            scan,
            b"\xff\xd9",
        ]
    )


def packed(syntax: UID) -> bytes:
    """The drawn slice as one frame."""
    if syntax == JPEGLosslessSV1:
        return lossless_jpeg(drawn())
    if syntax == JPEGBaseline8Bit:
        picture = io.BytesIO()
        Image.fromarray((drawn() // 10).astype(np.uint8)).save(picture, "JPEG")
        return picture.getvalue()
    return get_frame(instance(syntax=syntax).PixelData, 0, number_of_frames=1)


def swollen(frame: bytes, side: int) -> bytes:
    """The frame with another size in its own header."""
    changed = bytearray(frame)
    if (at := frame.find(b"\xff\x4f\xff\x51")) >= 0:
        changed[at + 8 : at + 16] = struct.pack(">2I", side, side)
        return bytes(changed)
    at = min(frame.index(mark) for mark in (b"\xff\xc0", b"\xff\xc3", b"\xff\xf7") if mark in frame)
    changed[at + 5 : at + 9] = struct.pack(">2H", side, side)
    return bytes(changed)
