"""The transfer syntax that the pixels have, where the file states another one."""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from triage.errors import RefusedError
from triage.scans.formats.codestreams import FRAME_HEADERS, START_OF_SCAN
from triage.scans.formats.elements import integer, meta
from triage.text import visible

UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"
JPEG_2000_START = b"\xff\x4f\xff\x51"
#: How compressed frames begin: JPEG and JPEG-LS, JPEG 2000.
CODESTREAMS = (b"\xff\xd8\xff", JPEG_2000_START)
#: By JPEG frame header (ITU-T T.81, T.87): the syntaxes that it occurs in, first the one to take if another is stated.
JPEG_FRAMES = {
    0xC0: (JPEGBaseline8Bit, JPEGExtended12Bit),
    0xC1: (JPEGExtended12Bit, JPEGBaseline8Bit),
    0xC3: (JPEGLosslessSV1, JPEGLossless),
    0xF7: (JPEGLSNearLossless, JPEGLSLossless),
}
#: Syntaxes of JPEG 2000; a codestream with a capabilities marker is of the second kind (ISO/IEC 15444-15).
JPEG_2000 = (JPEG2000, JPEG2000Lossless)
#: Syntax of GE, in which only the pixels are in big endian; no decoder reads it.
BIG_ENDIAN_PIXELS = UID("1.2.840.113619.5.2")
HIGH_THROUGHPUT = (HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL)


def native_syntax(implicit: bool, little: bool) -> UID:
    """Return the syntax of uncompressed pixels in a data set of this encoding."""
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def pack_codestream(header: Dataset) -> None:
    """Encapsulate a compressed frame that a writer put into Pixel Data as it is (PS3.5 A.4)."""
    pixels = header.get_item("PixelData") if "PixelData" in header else None
    if not isinstance(pixels, RawDataElement) or not pixels.value or pixels.length == UNDEFINED_LENGTH:
        return
    sides = integer(header, "Rows", 0) * integer(header, "Columns", 0)
    expected = sides * integer(header, "BitsAllocated", 16) * integer(header, "SamplesPerPixel", 1) // 8
    frames = integer(header, "NumberOfFrames", 1)
    if frames == 1 and len(pixels.value) < expected and pixels.value.startswith(CODESTREAMS):
        packed = encapsulate([pixels.value])
        header[pixels.tag] = pixels._replace(VR="OB", value=packed, length=UNDEFINED_LENGTH)


def true_syntax(header: Dataset, native: UID) -> UID:
    """Return the transfer syntax that the pixels have; the stated one if they do not show another.

    Parameters
    ----------
    header
        As parsed.
    native
        The syntax of uncompressed pixels in the encoding that the data set has.

    Raises
    ------
    RefusedError
        If the pixels are compressed, unlike the stated syntax, and it is unknown how.
    """
    stated = UID(meta(header, "TransferSyntaxUID"))
    is_packed = not stated.is_private and stated.is_transfer_syntax and stated.is_encapsulated
    pixels = header.get_item("PixelData") if "PixelData" in header else None
    if not isinstance(pixels, RawDataElement) or not pixels.value:
        return stated if is_packed else native
    if pixels.value.startswith(ITEM) and (is_packed or pixels.length == UNDEFINED_LENGTH):
        possible = _syntaxes(_first_fragment(pixels.value))
        if not possible and not is_packed:
            raise RefusedError(
                f"Its pixels are compressed, and its transfer syntax ({visible(stated, 64) or 'none'}) does not say "
                "how. Send it again uncompressed (Explicit VR Little Endian)."
            )
        return stated if stated in possible or not possible else possible[0]
    return stated if stated == BIG_ENDIAN_PIXELS else native


def _first_fragment(pixels: bytes) -> bytes:
    """Return the fragment after the offset table (PS3.5 A.4)."""
    (table,) = struct.unpack_from("<I", pixels, 4)
    at = 8 + table
    if pixels[at : at + 4] != ITEM or len(pixels) < at + 8:
        return b""
    (length,) = struct.unpack_from("<I", pixels, at + 4)
    return pixels[at + 8 : at + 8 + length]


def _syntaxes(fragment: bytes) -> tuple[UID, ...]:
    """Return the syntaxes that a compressed frame can have; none if it is not known."""
    if fragment.startswith(JPEG_2000_START):
        (length,) = struct.unpack_from(">H", fragment, 4)
        return HIGH_THROUGHPUT if fragment[4 + length : 6 + length] == b"\xff\x50" else JPEG_2000
    if fragment.startswith(b"\xff\xd8"):
        return JPEG_FRAMES.get(_frame_header(fragment), ())
    # RLE begins with the number of segments, 1 to 15, and the place of the first one (PS3.5 G.5).
    if len(fragment) > 64 and 1 <= int.from_bytes(fragment[:4], "little") <= 15 and fragment[4:8] == b"\x40\0\0\0":
        return (RLELossless,)
    return ()


def _frame_header(stream: bytes) -> int:
    """Return the marker of the frame header of a JPEG, 0 without one."""
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in FRAME_HEADERS:
            return marker
        if marker == START_OF_SCAN:
            break
        at += 1 if marker == 0xFF else 2 + int.from_bytes(stream[at + 2 : at + 4])
    return 0
