"""Small valid files of every format, drawn in code; what is broken on purpose starts from these."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from functools import lru_cache
from typing import Any

import nibabel
import numpy as np
from drawn_dicom import drawn, instance
from helpers import encode
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)


def dicom(pixels: np.ndarray | None = None, **elements: Any) -> bytes:
    """An MR image as a file."""
    buffer = io.BytesIO()
    instance(pixels, **elements).save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def nifti(voxels: np.ndarray | None = None, affine: np.ndarray | None = None) -> bytes:
    """A NIfTI-1 file."""
    voxels = np.dstack([drawn(64, 64)] * 6).astype(np.int16) if voxels is None else voxels
    return bytes(nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine).to_bytes())


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def samples() -> dict[str, bytes]:
    """One file of each format and compression, each some kilobytes."""
    stored = drawn(64, 48)
    gray = np.clip(stored / 10 + np.random.default_rng(0).normal(0, 6, stored.shape), 0, 255).astype(np.uint8)
    return {
        "PNG": encode(gray),
        "PNG of 16 bits": encode(stored),
        "JPEG": encode(gray, "JPEG"),
        "DICOM": dicom(stored),
        "DICOM, implicit VR": dicom(stored, syntax=ImplicitVRLittleEndian),
        "DICOM, deflated": dicom(stored, syntax=DeflatedExplicitVRLittleEndian),
        "DICOM, RLE": dicom(stored, syntax=RLELossless),
        "DICOM, JPEG-LS": dicom(stored, syntax=JPEGLSLossless),
        "DICOM, JPEG 2000": dicom(stored, syntax=JPEG2000Lossless),
        "NIfTI": nifti(),
        "NIfTI, gzip": gzip.compress(nifti(), mtime=0),
        "ZIP": archive({"a.png": encode(gray), "study/b.dcm": dicom(stored)}),
    }


def zeros_deflated(size: int, lead: bytes = b"", wbits: int = -15) -> bytes:
    """Deflate `lead` and so many zero bytes without ever holding them: one block, over and over.

    The checksum of a zlib or gzip wrapper is not that of the content; nobody gets that far.
    """
    block = 1 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    begun = packer.compress(lead) + packer.compress(bytes(1)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = again.compress(bytes(block)) + again.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15)
    tail = {-15: b"", 15: bytes(4), 31: bytes(4) + struct.pack("<I", (len(lead) + size) % 2**32)}[wbits]
    return begun + one * (size // block) + end.flush() + tail
