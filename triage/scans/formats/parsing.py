"""Parse a DICOM file; one that would inflate without limit is refused first."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset
from pydicom.filereader import _read_command_set_elements, _read_file_meta_info, read_dataset, read_preamble
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from triage.errors import RefusedError
from triage.scans.formats.archives import MAX_RATIO, RATIO_FROM
from triage.scans.formats.bare import Encoding, encoding
from triage.scans.formats.character_sets import to_unicode
from triage.scans.formats.elements import DAMAGED, forget_infinite_numbers, quietly
from triage.scans.formats.identify import IDENTIFY_BYTES, READ_BLOCK
from triage.scans.formats.true_syntax import ITEM, UNDEFINED_LENGTH, native_syntax, pack_codestream, true_syntax

#: Inflated size of a file, beyond what a scanner makes: bytes.
MAX_INFLATED = 512 * 2**20
PIXEL_DATA = Tag("PixelData")
#: Number of the first element of the group that holds pixels.
PIXEL_GROUP = PIXEL_DATA.group << 16
#: Window bits of a deflated data set (PS3.5 A.5), and of one that a writer has put a zlib or gzip header before.
DEFLATED = (-zlib.MAX_WBITS, zlib.MAX_WBITS + 32)
#: How pixels begin in little endian.
EXPLICIT_PIXELS = b"\xe0\x7f\x10\0"
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
        header, native, data = _parsed(file)
        header.filename = None  # later messages must not contain file names
        if not header or not _is_closed(data, header):
            raise RefusedError(DAMAGED)
    pack_codestream(header)
    header.file_meta.TransferSyntaxUID = true_syntax(header, native)
    forget_infinite_numbers(header)
    to_unicode(header)
    return header


@quietly
def read_header(path: Path) -> Dataset:
    """Parse a file that `read` has accepted up to its pixels, its text all Unicode."""
    with _Bounded(path) as file:
        header, *_ = _parsed(file, stop_at=PIXEL_GROUP)
    header.filename = None
    forget_infinite_numbers(header)
    to_unicode(header, nested=True)
    return header


def _parsed(file: BinaryIO, stop_at: int | None = None) -> tuple[FileDataset, UID, BinaryIO]:
    """Parse a file by what its bytes are, even if bytes that are no element follow the pixels.

    Returns
    -------
    header
        The data set, up to an element number if one is given.
    native
        The transfer syntax that uncompressed pixels have in it.
    data
        What the elements were read from: the file, or what it inflates to.
    """
    preamble = read_preamble(file, force=True)
    information = _read_file_meta_info(file)
    _read_command_set_elements(file)  # some tools store what they received with its network command
    data, found, native = _opened(file)
    begin = data.tell()
    for stop in (stop_at, PIXEL_DATA + 1):
        try:
            elements = read_dataset(
                data, *found, stop_when=None if stop is None else lambda tag, *_, end=stop: tag >= end
            )
            break
        except MemoryError:
            raise
        except Exception:  # a malformed file can raise any
            data.seek(begin)
    else:
        elements = read_dataset(data, *found, stop_when=lambda tag, *_: tag >= PIXEL_DATA)
        elements[PIXEL_DATA] = _unclosed_pixels(data)
    header = FileDataset(file, elements, preamble, information, *found)
    header.set_original_encoding(*found, elements.original_character_set)
    return header, native, data


def _unclosed_pixels(file: BinaryIO) -> RawDataElement:
    """Read compressed pixels that a writer left without their end, if all of their fragments are whole."""
    head = file.read(12)
    begin = file.tell()
    if head[:4] != EXPLICIT_PIXELS or int.from_bytes(head[8:], "little") != UNDEFINED_LENGTH:
        raise RefusedError(DAMAGED)
    value = file.read()
    end = 0
    while value[end : end + 4] == ITEM and len(value) >= end + 8:
        end += 8 + int.from_bytes(value[end + 4 : end + 8], "little")
    if end != len(value):
        raise RefusedError(DAMAGED)
    return RawDataElement(PIXEL_DATA, head[4:6].decode("ascii"), end, value, begin, False, True)


def _opened(file: BinaryIO) -> tuple[BinaryIO, Encoding, UID]:
    """Return a stream at the start of the data set, inflated if it is deflated, whatever the file states."""
    begin = file.tell()
    head = file.read(IDENTIFY_BYTES)
    file.seek(begin)
    if found := encoding(head):
        return file, found, native_syntax(*found)
    for bits in DEFLATED:
        with suppress(zlib.error):
            if found := encoding(zlib.decompressobj(bits).decompress(head, IDENTIFY_BYTES)):
                return _inflated(file, bits), found, DeflatedExplicitVRLittleEndian
    # Unusual first elements: the value representation, and the byte order of the group number.
    explicit = head[4:6].isalpha()
    found = Encoding(not explicit, not explicit or int.from_bytes(head[:2], "little") < 256)
    return file, found, native_syntax(*found)


def _inflated(file: BinaryIO, bits: int) -> BinaryIO:
    """Inflate the rest of a file, within limits."""
    begin = file.tell()
    plausible = max(RATIO_FROM, MAX_RATIO * (file.seek(0, io.SEEK_END) - begin))
    size = 0
    # Nothing is kept before all of it is known to be within the limits.
    for block in _inflated_blocks(file, begin, bits):
        size += len(block)
        if size > MAX_INFLATED:
            raise RefusedError(f"The file inflates to more than {MAX_INFLATED >> 20} MB. Send it uncompressed.")
        if size > plausible:
            raise RefusedError(
                f"The file inflates to over {MAX_RATIO} times its size, which no image does. Send it uncompressed."
            )
    inflated = io.BytesIO()
    inflated.writelines(_inflated_blocks(file, begin, bits))
    inflated.seek(0)
    return inflated


def _inflated_blocks(file: BinaryIO, begin: int, bits: int) -> Iterator[bytes]:
    """Inflate a file from a place on, block by block."""
    file.seek(begin)
    inflater = zlib.decompressobj(bits)
    while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(READ_BLOCK)):
        yield inflater.decompress(chunk, READ_BLOCK)
    if not inflater.eof:
        raise RefusedError(DAMAGED)


def _is_closed(file: BinaryIO, header: Dataset) -> bool:
    """Return whether pixels of undefined length end as required (PS3.5 A.4); otherwise the file was cut short."""
    if "PixelData" not in header:
        return True
    pixels = header.get_item("PixelData")
    if not isinstance(pixels, RawDataElement) or pixels.length != UNDEFINED_LENGTH or not pixels.value:
        return True
    file.seek(pixels.value_tell + len(pixels.value))
    return file.read(len(DELIMITATION_ITEM)) == DELIMITATION_ITEM
