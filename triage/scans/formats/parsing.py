"""Parse a DICOM file; one that would inflate without limit is refused first."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.filereader import _read_file_meta_info, read_dataset, read_partial, read_preamble
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from triage.errors import RefusedError
from triage.scans.formats.archives import MAX_RATIO, RATIO_FROM
from triage.scans.formats.character_sets import to_unicode
from triage.scans.formats.elements import DAMAGED, meta, quietly
from triage.scans.formats.identify import READ_BLOCK
from triage.scans.formats.true_syntax import UNDEFINED_LENGTH, native_syntax, true_syntax

#: Inflated size of a file, beyond what a scanner makes: bytes.
MAX_INFLATED = 512 * 2**20
PIXEL_DATA = Tag("PixelData")
#: Start of an element with a value representation, in little endian.
EXPLICIT_START = struct.Struct("<HH2s")
#: Sequence Delimitation Item, which ends pixels of undefined length.
DELIMITATION_ITEM = b"\xfe\xff\xdd\xe0\0\0\0\0"
# Log messages of the parser quote values, and a log must not name a patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


class _Bounded(io.BufferedReader):
    """A file that limits each read to its size: Python would allocate memory for any wrong length."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes, or those that are left."""
        if size is not None and 0 <= size <= READ_BLOCK:  # almost all reads
            return super().read(size)
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


@quietly
def read(path: Path) -> Dataset:
    """Parse a file, with or without preamble and file meta information.

    Raises
    ------
    RefusedError
        If it is not a DICOM file, is damaged, or would inflate beyond `MAX_INFLATED`; it is not inflated then.
    """
    if path.stat().st_size > MAX_INFLATED:
        raise RefusedError(f"The file is larger than {MAX_INFLATED >> 20} MB. Send its series in smaller files.")
    with _Bounded(path) as file:
        _check_deflated(file, path.stat().st_size)
        file.seek(0)
        header = _parsed(file)
        header.filename = None  # later messages must not contain file names
        if not header or not _is_closed(file, header):
            raise RefusedError(DAMAGED)
    if not meta(header, "TransferSyntaxUID"):  # the parser has detected the encoding
        header.file_meta.TransferSyntaxUID = native_syntax(*header.original_encoding)
    if (syntax := true_syntax(header)) != header.file_meta.TransferSyntaxUID:
        header.file_meta.TransferSyntaxUID = syntax
    to_unicode(header)
    return header


def _parsed(file: BinaryIO) -> Dataset:
    """Parse a file, even one that states the wrong byte order, or has bytes that are no element after its pixels.

    The parser notices by itself if a file states wrongly whether it names value representations.
    """
    try:
        header: Dataset | None = pydicom.dcmread(file, force=True)
    except MemoryError:
        raise
    except Exception:  # a malformed file can raise any
        header = None
    first = next(iter(header.keys()), None) if header else None
    # In the wrong byte order, group 0008 becomes 0800.
    if header and first and first.group % 256:
        return header
    return _swapped(file) or _until_pixels(file)


def _swapped(file: BinaryIO) -> Dataset | None:
    """Parse a file whose byte order is not the stated one; None for others."""
    file.seek(0)
    preamble = read_preamble(file, force=True)
    information = _read_file_meta_info(file)
    begin = file.tell()
    start = file.read(EXPLICIT_START.size)
    if len(start) < EXPLICIT_START.size:
        return None
    group, _, representation = EXPLICIT_START.unpack(start)
    little = group < 256
    if not representation.isalpha() or little is not (information.get("TransferSyntaxUID") == ExplicitVRBigEndian):
        return None
    file.seek(begin)
    elements = read_dataset(file, is_implicit_VR=False, is_little_endian=little)
    information.TransferSyntaxUID = native_syntax(False, little)
    return FileDataset(file, elements, preamble, information, False, little)


def _until_pixels(file: BinaryIO) -> Dataset:
    """Parse a file up to its pixels."""
    file.seek(0)
    return read_partial(file, lambda tag, *_: tag > PIXEL_DATA, force=True)


def _check_deflated(file: BinaryIO, size: int) -> None:
    """Refuse a deflated file beyond the limit, before the parser inflates all of it at once."""
    if size <= READ_BLOCK and DeflatedExplicitVRLittleEndian.encode() not in file.read(size):
        return  # almost all files, and much faster than parsing
    file.seek(0)
    read_preamble(file, force=True)
    if _read_file_meta_info(file).get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflater, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    plausible = max(RATIO_FROM, MAX_RATIO * size)
    while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(READ_BLOCK)):
        inflated += len(inflater.decompress(chunk, READ_BLOCK))
        if inflated > MAX_INFLATED:
            raise RefusedError(f"The file inflates to more than {MAX_INFLATED >> 20} MB. Send it uncompressed.")
        if inflated > plausible:
            raise RefusedError(
                f"The file inflates to over {MAX_RATIO} times its size, which no image does. Send it uncompressed."
            )


def _is_closed(file: BinaryIO, header: Dataset) -> bool:
    """Return whether pixels of undefined length end as required (PS3.5 A.4); otherwise the file was cut short."""
    if "PixelData" not in header:
        return True
    pixels = header.get_item("PixelData")
    if not isinstance(pixels, RawDataElement) or pixels.length != UNDEFINED_LENGTH or not pixels.value:
        return True
    file.seek(pixels.value_tell + len(pixels.value))
    return file.read(len(DELIMITATION_ITEM)) == DELIMITATION_ITEM
