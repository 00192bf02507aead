"""Stored pixels of a DICOM object to gray values: rescale, palette, polarity, padding.

Windows and VOI look-up tables are not applied: they say how somebody wanted to see the picture, often another tool or
for another organ, and would cut off for good what lies beyond.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames, get_frame, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import JPEG2000, ExplicitVRBigEndian, JPEG2000Lossless, RLELossless

from triage.domain import Meaning
from triage.errors import RefusedError
from triage.scans.formats import codestreams, lookup
from triage.scans.formats.elements import functional, integer, numbers, text, values
from triage.scans.formats.gray_scale import NO_NUMBERS, Line, Stored, to_uint16
from triage.scans.formats.neighbours import CLEARLY, likelier
from triage.scans.formats.offsets import without_wrong_offsets
from triage.scans.formats.pixel_module import (
    PIXELS,
    Layout,
    ambiguous_sign,
    layout,
    overlays_in_cells,
    padding,
    photometric,
)

#: Pixels of one frame: beyond what a scanner makes, small enough to decode in memory.
MAX_FRAME = 4096 * 4096
#: Pixels of one object.
MAX_OBJECT = 2**28
#: Decoder by transfer syntax, where the one that pydicom tries first is much slower.
FASTEST = {JPEG2000Lossless: "pylibjpeg", JPEG2000: "pylibjpeg", RLELossless: "pylibjpeg"}
#: Rescale Type: characters, and the values that name no unit (unspecified, normalised).
MAX_UNIT = 16
NO_UNIT = frozenset({"US", "normalized"})
#: Bits of a cell; of the words that two pixels in three bytes are unpacked to; of two words.
PACKED = 12
WORD = 16
DOUBLE = 32
TOO_FEW = "The header promises more pixels than the file holds. Send it again from the PACS."
TOO_LARGE = "A compressed frame is larger than its header says. Send it again from the PACS, or uncompressed."
UNSUPPORTED = "Its compression is not supported. Send it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE."


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame, with the header that says what its values mean."""

    stored: Stored
    header: Dataset
    index: int


def stored_frames(header: Dataset) -> Iterator[Stored]:
    """Decode the frames one by one: ``(rows, columns)`` or ``(rows, columns, 3)`` as stored.

    Raises
    ------
    RefusedError
        If the header promises more pixels than the file holds, or more than fit into memory, or an element is missing
        that the pixels cannot be read without: checked before decoding. At the end, if no pixel was a number.
    """
    try:
        get_decoder(header.file_meta.TransferSyntaxUID)
    except NotImplementedError as error:
        raise RefusedError(UNSUPPORTED) from error
    form = layout(header)
    header.NumberOfFrames = form.frames  # the decoders read it, and it can hold anything
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        without_wrong_offsets(header, form.frames)
    _check_size(header, form)
    empty = True
    # A negative value fills its cell with ones, so zeros above the bits of the values show that there is no sign.
    spare = form.in_cells and form.stored < form.allocated and form.high == form.stored - 1
    positive = 1 << (form.stored if spare else form.stored - 1)
    for stored in _packed(header, form) if form.allocated == PACKED else _decoded(header, form):
        if form.signed is None and stored.max() >= positive:
            raise ambiguous_sign()
        empty = empty and stored.dtype.kind == "f" and not np.isfinite(stored).any()
        yield stored
    if empty:
        raise RefusedError(NO_NUMBERS)


def gray_values(frames: Sequence[Frame]) -> list[tuple[NDArray[np.uint16], Meaning]]:
    """Return the frames of one series as gray values that keep the full range of the data, and what they stand for.

    All frames of one kind have one scale, so that the slices can be compared; magnitude and phase do not share one.
    """
    shown: dict[int, tuple[NDArray[np.uint16], Meaning]] = {}
    kinds: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, frame in enumerate(frames):
        kinds[_kind(frame)].append(at)
    for members in kinds.values():
        mapped = [_mapped(frames[at]) for at in members]
        gray, back = to_uint16([stored for stored, _ in mapped], [line for _, line in mapped])
        shown.update((at, (one, _meaning(frames[at], back))) for at, one in zip(members, gray, strict=True))
    return [shown[at] for at in range(len(frames))]


def _kind(frame: Frame) -> tuple[str, ...]:
    """Return what tells magnitude, phase and computed maps apart: image type, component, and unit."""
    described = functional(frame.header, frame.index, "MRImageFrameTypeSequence")
    types = values(described, "FrameType") or values(frame.header, "ImageType")
    unit = functional(frame.header, frame.index, "PixelValueTransformationSequence")
    return (*map(str, types[2:]), text(described, "ComplexImageComponent"), text(unit, "RescaleType"))


def _mapped(frame: Frame) -> tuple[Stored, Line]:
    """Return the values of a frame with its padding at the dark end, and the line to its gray values."""
    header, stored = frame.header, frame.stored
    given = functional(header, frame.index, "PixelValueTransformationSequence")
    filled = _padding(frame)
    table = _table(frame, given)
    if table:
        stored = table.of(stored)
    line = Line() if table else _rescale(given)
    if photometric(header) == "MONOCHROME1":
        line = Line(-line.slope, -line.intercept)
    if filled is None or filled.all():
        return stored, line
    rest = stored[~filled]
    return np.where(filled, rest.max() if line.slope < 0 else rest.min(), stored), line


def _meaning(frame: Frame, back: Line) -> Meaning:
    """Return what gray values of a frame stand for, given the line back from them."""
    header = frame.header
    given = functional(header, frame.index, "PixelValueTransformationSequence")
    shown = functional(header, frame.index, "FrameVOILUTSequence")
    # Some files name several windows; the first is the one to show first.
    centre, width = (_first(shown, keyword) for keyword in ("WindowCenter", "WindowWidth"))
    unit = text(given, "RescaleType", MAX_UNIT)
    sign = -1.0 if photometric(header) == "MONOCHROME1" else 1.0
    return Meaning(
        sign * back.slope,
        sign * back.intercept,
        "" if unit in NO_UNIT else unit,
        (centre, width) if centre is not None and width is not None and width > 0 else None,
    )


def _first(header: Dataset, keyword: str) -> float | None:
    """Return the first value of an element if it is a finite number."""
    try:
        found = [float(value) for value in values(header, keyword)[:1]]
    except (TypeError, ValueError):
        return None
    return found[0] if found and np.isfinite(found[0]) else None


def _table(frame: Frame, given: Dataset) -> lookup.Table | None:
    """Return what stands in the place of a rescale: a gray palette or a modality LUT."""
    header, signed = frame.header, frame.stored.dtype.kind == "i"
    if photometric(header) == "PALETTE COLOR":
        return lookup.gray_palette(header, signed)
    sequence = given.get("ModalityLUTSequence")
    return lookup.modality(sequence[0], header, signed) if sequence else None


def _rescale(given: Dataset) -> Line:
    slope, intercept = (numbers(given, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    # A slope of 0 would erase the image; it means that the value was not filled in.
    return Line(slope[0] if slope and slope[0] else 1.0, intercept[0] if intercept else 0.0)


def _padding(frame: Frame) -> NDArray[np.bool_] | None:
    """Return the pixels that only fill the frame; None if the header names no value for them."""
    stored, header = frame.stored, frame.header
    ends: Sequence[float]
    if stored.dtype.kind == "f":
        prefix = "Float" if stored.dtype.itemsize == 4 else "DoubleFloat"
        found = [numbers(header, f"{prefix}PixelPadding{end}", 1) for end in ("Value", "RangeLimit")]
        ends = [float(stored.dtype.type(end[0])) for end in found if end] if found[0] else []
    else:
        ends = padding(header, stored.dtype.kind == "i", integer(header, "BitsStored", 8 * stored.dtype.itemsize))
    if not ends:
        return None
    return np.asarray((stored >= min(ends)) & (stored <= max(ends)))


def _decoded(header: Dataset, form: Layout) -> Iterator[Stored]:
    syntax = header.file_meta.TransferSyntaxUID
    width, sign = form.allocated, form.signed
    if not form.in_cells:
        first = get_frame(header.PixelData, 0, number_of_frames=form.frames)
        width = codestreams.depth(first, syntax) or form.stored
        sign = codestreams.signed(first, syntax)
    # In a codestream of the depth of the values, the highest bit means nothing.
    aside = width > form.stored and form.high != form.stored - 1
    spare = width > form.stored and not aside and form.signed is not None
    found = iter_pixels(
        header,
        raw=True,
        decoding_plugin=FASTEST.get(syntax, ""),
        rows=form.rows,
        columns=form.columns,
        number_of_frames=form.frames,
        samples_per_pixel=form.samples,
        photometric_interpretation=form.photometric,
        planar_configuration=integer(header, "PlanarConfiguration", 0),
        bits_allocated=form.allocated,
        bits_stored=form.allocated if aside or form.signed is None else width if spare else form.stored,
        pixel_representation=int(bool(form.signed)),
    )
    if syntax == ExplicitVRBigEndian and form.allocated == DOUBLE:
        found = map(_words_in_order, found)
    if spare:
        holds_planes = overlays_in_cells(header)
        return (_meant(cells, _value_bits(cells, form, form.allocated), holds_planes) for cells in found)
    if aside:
        return (_value_bits(cells, form, form.allocated) for cells in found)
    doubtful = None not in (sign, form.signed) and sign != form.signed
    return (likelier(cells, _other_sign(cells, form.stored)) for cells in found) if doubtful else found


def _meant(cells: Stored, values: Stored, holds_planes: bool) -> Stored:
    """Return cells whose values are larger than stated as they are, and others without the bits that are no values.

    Cut off, larger values begin again at 0, so that neighbouring pixels have less in common. With overlays or a missing
    sign in the upper bits, it is the other way round.
    """
    if np.array_equal(cells, values):
        return values
    meant = values if holds_planes else likelier(values, cells)
    # Some programs rewrite a file in the other byte order, but not its pixels.
    return likelier(meant, cells.byteswap(), CLEARLY) if cells.dtype.itemsize > 1 else meant


def _words_in_order(cells: Stored) -> Stored:
    """Return pixels of two words in the order of their words: dcmtk writes the lower one first, in big endian too."""
    words = np.ascontiguousarray(cells).view(np.uint16).reshape(*cells.shape, 2)
    other = np.ascontiguousarray(words[..., ::-1]).view(cells.dtype.str)[..., 0]
    if not _fit_a_word(cells) and _fit_a_word(other):
        return other  # neighbours have as much in common
    return likelier(cells, other, CLEARLY)


def _fit_a_word(cells: Stored) -> bool:
    return bool(cells.min() >= -(1 << WORD - 1) and cells.max() < 1 << WORD)


def _other_sign(cells: Stored, bits: int) -> Stored:
    """Return values of so many bits, read as unsigned if they were read as signed, and the other way round."""
    spare = 8 * cells.dtype.itemsize - bits
    other = cells.view(f"{'u' if cells.dtype.kind == 'i' else 'i'}{cells.dtype.itemsize}")
    return (other << spare) >> spare


def _packed(header: Dataset, form: Layout) -> Iterator[Stored]:
    """Unpack two pixels in three bytes (PS3.5 D)."""
    data = np.frombuffer(header.PixelData, np.uint8)
    count = form.size * form.frames
    data = np.pad(data[: -(-count * 3 // 2)], (0, -len(data[: -(-count * 3 // 2)]) % 3)).reshape(-1, 3).astype("u2")
    pairs = np.stack([data[:, 0] | (data[:, 1] & 15) << 8, data[:, 1] >> 4 | data[:, 2] << 4], axis=1)
    cells = pairs.ravel()[:count].view("i2" if form.signed else "u2")
    shape = (form.rows, form.columns) if form.samples == 1 else (form.rows, form.columns, form.samples)
    return (_value_bits(frame.reshape(shape), form, WORD) for frame in cells.reshape(form.frames, -1))


def _value_bits(cells: NDArray[np.integer], form: Layout, width: int) -> Stored:
    """Return the values within cells of so many bits; shifting back down repeats the sign."""
    return (cells << (width - 1 - form.high)) >> (width - form.stored)


def _check_size(header: Dataset, form: Layout) -> None:
    if form.size > MAX_FRAME or form.size * form.frames > MAX_OBJECT:
        raise RefusedError(
            f"The image is {form.columns} x {form.rows} x {form.frames} pixels, more than can be decoded. "
            "Send its series in parts."
        )
    syntax = header.file_meta.TransferSyntaxUID
    pixels = next(header[name].value for name in PIXELS if name in header)
    if syntax.is_encapsulated:
        if parse_fragments(pixels)[0] <= form.frames:  # the offset table is one more
            raise RefusedError(TOO_FEW)
        found = 0
        for frame in generate_frames(pixels, number_of_frames=form.frames):
            if (codestreams.samples(frame, syntax) or 0) > form.size:
                raise RefusedError(TOO_LARGE)
            found += 1
        if found < form.frames:
            raise RefusedError(TOO_FEW)
        return
    length = -(-form.size * form.frames * form.allocated // 8)
    # Every other colour is left out.
    if (length // 3 * 2 if form.photometric == "YBR_FULL_422" else length) > len(pixels):
        raise RefusedError(TOO_FEW)
