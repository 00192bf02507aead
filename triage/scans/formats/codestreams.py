"""The size in the header of a compressed picture, read before a decoder allocates memory for it.

The DICOM header can be small and the compressed picture huge. Decoders follow the picture, and then take gigabytes or
crash. Sources: ITU-T T.81 annex B (JPEG), T.87 annex C (JPEG-LS), T.800 annex A (JPEG 2000).
"""

from __future__ import annotations

import re
import struct

from pydicom.uid import UID, JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from triage.errors import RefusedError
from triage.scans.formats.elements import DAMAGED

#: Frame headers: every SOF of JPEG (the range less DHT, JPG and DAC) and that of JPEG-LS.
FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN = 0xDA
#: JPEG 2000: start of codestream with the image and tile size; these bytes cannot occur within its packets.
SIZES = re.compile(rb"\xff\x4f\xff\x51.{4}(.{32})(..)(.)", re.DOTALL)
#: Bit of the depth there that says that samples are signed.
SIGNED = 0x80


def samples(stream: bytes, syntax: UID) -> int | None:
    """Return rows x columns x components of a compressed frame.

    Parameters
    ----------
    stream
        One frame.
    syntax
        Its transfer syntax according to the DICOM header.

    Returns
    -------
    int or None
        None for a syntax without such a header: its decoders use the DICOM header.

    Raises
    ------
    RefusedError
        If the frame is in another syntax, or its header is incomplete.
    """
    found = _size(stream, syntax)
    return found[0] if found else None


def depth(stream: bytes, syntax: UID) -> int | None:
    """Return the bits of a sample, as `samples` returns their number."""
    found = _size(stream, syntax)
    return found[1] if found else None


def signed(stream: bytes, syntax: UID) -> bool | None:
    """Return whether a JPEG 2000 frame says that its samples are signed; None for a syntax that does not say it."""
    found = SIZES.search(stream) if syntax in JPEG2000TransferSyntaxes else None
    return found[3][0] >= SIGNED if found else None


def _size(stream: bytes, syntax: UID) -> tuple[int, int] | None:
    """Return the number of samples and the bits of each."""
    if syntax in JPEGTransferSyntaxes or syntax in JPEGLSTransferSyntaxes:
        return _jpeg(stream)
    if syntax in JPEG2000TransferSyntaxes:
        return _jpeg_2000(stream)
    return None


def _jpeg(stream: bytes) -> tuple[int, int]:
    if not stream.startswith(b"\xff\xd8"):
        raise RefusedError(DAMAGED)
    at = 2
    while at + 10 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in FRAME_HEADERS:
            rows, columns, components = struct.unpack_from(">HHB", stream, at + 5)
            if rows and columns and components:
                return int(rows * columns * components), stream[at + 4]
            break
        if marker == START_OF_SCAN:
            break
        at += 2 + int.from_bytes(stream[at + 2 : at + 4])
    raise RefusedError(DAMAGED)


def _jpeg_2000(stream: bytes) -> tuple[int, int]:
    found: list[tuple[int, int]] = []
    for sizes, count, bits in SIZES.findall(stream):
        right, bottom, left, top, *_ = struct.unpack(">8I", sizes)
        found.append(((right - left) * (bottom - top) * int.from_bytes(count), bits[0] % SIGNED + 1))
    if not found or min(found)[0] < 1:
        raise RefusedError(DAMAGED)
    return max(found)
