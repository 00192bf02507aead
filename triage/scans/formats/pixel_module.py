"""The Image Pixel module of a DICOM object (PS3.3 C.7.6.3): what is missing is completed, or named."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.tag import Tag
from pydicom.uid import RLELossless

from triage.errors import RefusedError
from triage.scans.formats.elements import integer, text, values

#: The elements that hold pixels.
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
GRAY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
#: Bits of the cell of a pixel; 12 means two pixels in three bytes.
CELLS = (1, 8, 12, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels lie in the file.

    Attributes
    ----------
    allocated, stored, high
        Bits of a cell, bits of a value, and the highest bit of a value in its cell.
    signed
        Whether values are two's complement; None if the header does not say.
    floating
        Whether values are floating-point numbers.
    in_cells
        Whether the bytes are cells (native or RLE), not a codestream that states its own depth.
    photometric
        Photometric Interpretation; it states the polarity.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    high: int
    signed: bool | None
    floating: bool
    in_cells: bool
    photometric: str

    @property
    def size(self) -> int:
        """Samples of one frame."""
        return self.rows * self.columns * self.samples


def layout(header: Dataset) -> Layout:
    """Return the layout of the pixels, with what a missing or empty element can only mean.

    Raises
    ------
    RefusedError
        If an element is missing that nothing else determines, or contradicts another. It names the element.
    """
    rows, columns, frames = (
        _positive(header, keyword, default) for keyword, default in (("Rows", 0), ("Columns", 0), ("NumberOfFrames", 1))
    )
    meaning = photometric(header)
    samples = _positive(header, "SamplesPerPixel", 1 if meaning in GRAY else 3)
    if samples == 1 and meaning not in GRAY:
        raise _unusable("PhotometricInterpretation", f"is {meaning[:16]}, and there is one sample per pixel")
    syntax = header.file_meta.TransferSyntaxUID
    in_cells = not syntax.is_encapsulated or syntax == RLELossless
    keyword = next(name for name in PIXELS if name in header)
    if keyword != "PixelData":
        bits = 32 if keyword == "FloatPixelData" else 64
        return Layout(rows, columns, frames, samples, bits, bits, bits - 1, True, True, in_cells, meaning)
    allocated = integer(header, "BitsAllocated", 0) or _cell(header, rows * columns * frames * samples)
    if allocated not in CELLS:
        raise _unusable("BitsAllocated", f"is {allocated}, which is not supported")
    high = integer(header, "HighBit", 0)
    stored = integer(header, "BitsStored", 0) or (high + 1 if 0 < high < allocated else allocated)
    if not 0 < stored <= allocated:
        raise _unusable("BitsStored", f"is {stored}, and a pixel has {allocated} bits")
    if not stored - 1 <= high < allocated:
        high = stored - 1
    signed = _signed(header)
    if (
        in_cells
        and high == stored - 1
        and any(not _fits(end, stored, signed) for end in padding(header, signed, stored))
    ):
        # Padding beyond the bits of a value shows that the other bits of a cell are part of the value too.
        stored, high = allocated, allocated - 1
    return Layout(rows, columns, frames, samples, allocated, stored, high, signed, False, in_cells, meaning)


def overlays_in_cells(header: Dataset) -> bool:
    """Return whether the cells of pixels hold overlays above the values, as of old scanners (PS3.5 8.1.2)."""
    groups = [header.get(Tag(group, 0x0102)) for group in range(0x6000, 0x6020, 2)]
    return any(position is not None and position.value for position in groups)


def photometric(header: Dataset) -> str:
    """Return the Photometric Interpretation; without one, what the other elements imply."""
    if given := text(header, "PhotometricInterpretation").upper():
        return given
    if integer(header, "SamplesPerPixel", 1) != 1:
        return "RGB"
    return "MONOCHROME1" if text(header, "PresentationLUTShape").upper() == "INVERSE" else "MONOCHROME2"


def padding(header: Dataset, signed: bool | None, stored: int) -> list[int]:
    """Return Pixel Padding Value and Range Limit; an empty list without the former.

    Many writers say US where SS is meant, so 63536 can stand for -2000: the pixel representation decides.
    """
    if not values(header, "PixelPaddingValue"):
        return []
    ends = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        given = values(header, keyword)[:1]
        if given and isinstance(given[0], int):
            ends.append(_reread(given[0], bool(signed), stored))
    return ends


def as_signed(value: int, signed: bool, bits: int = 16) -> int:
    """Return a value of so many bits as the pixel representation means it, whatever its own representation says."""
    value %= 1 << bits
    return value - (1 << bits) if signed and value >= 1 << (bits - 1) else value


def _reread(value: int, signed: bool, stored: int) -> int:
    value = as_signed(value, signed)
    # Some writers fill only the bits of a value.
    return as_signed(value, signed, stored) if signed and 1 << (stored - 1) <= value < 1 << stored else value


def _fits(value: int, stored: int, signed: bool | None) -> bool:
    return -(1 << (stored - 1)) <= value < 1 << (stored - 1) if signed else 0 <= value < 1 << stored


def _positive(header: Dataset, keyword: str, default: int) -> int:
    value = integer(header, keyword, default)
    if value < 1:
        raise _unusable(keyword, "is missing or not above 0")
    return value


def _cell(header: Dataset, count: int) -> int:
    """Return the bits of a cell by the length of the pixels, or by the bits of a value if they are compressed."""
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        bits = integer(header, "BitsStored", 0)
        allocated = 0 if bits < 1 else 8 if bits <= 8 else 16
    else:
        length = len(header.PixelData)
        # Pixels are padded to an even number of bytes.
        allocated = next((bits for bits in (8, 16, 32) if 0 <= length - count * bits // 8 <= 1), 0)
    if not allocated:
        raise _unusable("BitsAllocated", "is missing")
    return allocated


def _signed(header: Dataset) -> bool | None:
    given = values(header, "PixelRepresentation")
    if not given:
        return None
    if given[0] not in (0, 1):
        raise _unusable("PixelRepresentation", "is neither 0 nor 1")
    return bool(given[0])


def _unusable(keyword: str, trouble: str) -> RefusedError:
    tag = Tag(tag_for_keyword(keyword) or 0)
    return RefusedError(
        f"{dictionary_description(tag)} ({tag.group:04X},{tag.element:04X}) {trouble}. "
        "Export the image again from the PACS, with a right value there."
    )


def ambiguous_sign() -> RefusedError:
    """Return the refusal of pixels that are read differently with and without a sign."""
    return _unusable("PixelRepresentation", "is missing, and its values can be read in two ways")
