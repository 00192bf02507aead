"""A DICOM file to its elements; what would grow without measure is refused before it does."""

from __future__ import annotations

import io
import logging
import zlib
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from triage.errors import RefusedError
from triage.scans.formats.archives import MAX_RATIO, RATIO_FROM
from triage.scans.formats.elements import DAMAGED, meta, quietly

#: A file of this many bytes, inflated, is larger than any that a scanner makes.
MAX_INFLATED = 512 * 2**20
CHUNK = 1 << 20
#: How pixels of undefined length end: the Sequence Delimitation Item.
UNDEFINED_LENGTH, CLOSED = 0xFFFFFFFF, b"\xfe\xff\xdd\xe0\0\0\0\0"
#: The parser's remarks quote the values that they are about, and a log must not name a patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


class _Bounded(io.BufferedReader):
    """A file of which nothing is read beyond its end: Python makes room for all that a wrong length asks for."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes, or those that there are."""
        if size is not None and 0 <= size <= CHUNK:  # most reads by far
            return super().read(size)
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


@quietly
def read(path: Path) -> Dataset:
    """Parse a file, with or without preamble and file meta information.

    Raises
    ------
    RefusedError
        If it is no DICOM file, is damaged, or would grow beyond `MAX_INFLATED`; nothing is inflated then.
    """
    if path.stat().st_size > MAX_INFLATED:
        raise RefusedError(f"The file is larger than {MAX_INFLATED >> 20} MB. Send its series in smaller files.")
    with _Bounded(path) as file:
        _check_deflated(file, path.stat().st_size)
        file.seek(0)
        header = pydicom.dcmread(file, force=True)
        header.filename = None  # names of the sender's or ours have no place in later messages
        if not header or not _is_closed(file, header):
            raise RefusedError(DAMAGED)
    if not meta(header, "TransferSyntaxUID"):  # the parser has found out how the elements are written
        implicit, little = header.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return header


def _check_deflated(file: BinaryIO, size: int) -> None:
    """Refuse a deflated file that grows beyond the limit, before the parser inflates all of it at once."""
    if size <= CHUNK and DeflatedExplicitVRLittleEndian.encode() not in file.read(size):
        return  # most files by far, and found out much faster than by parsing
    file.seek(0)
    read_preamble(file, force=True)
    if _read_file_meta_info(file).get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater, grown = zlib.decompressobj(-zlib.MAX_WBITS), 0
    believed = max(RATIO_FROM, MAX_RATIO * size)
    while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(CHUNK)):
        grown += len(inflater.decompress(chunk, CHUNK))
        if grown > MAX_INFLATED:
            raise RefusedError(f"The file inflates to more than {MAX_INFLATED >> 20} MB. Send it uncompressed.")
        if grown > believed:
            raise RefusedError(
                f"The file inflates to over {MAX_RATIO} times its size, as no image does. Send it uncompressed."
            )


def _is_closed(file: BinaryIO, header: Dataset) -> bool:
    """Whether pixels of undefined length end as they must (PS3.5 A.4); where they do not, the file was cut."""
    if "PixelData" not in header:
        return True
    pixels = header.get_item("PixelData")
    if not isinstance(pixels, RawDataElement) or pixels.length != UNDEFINED_LENGTH or not pixels.value:
        return True
    file.seek(pixels.value_tell + len(pixels.value))
    return file.read(len(CLOSED)) == CLOSED
