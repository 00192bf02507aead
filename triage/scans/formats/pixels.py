"""Stored pixels of a DICOM object to displayed gray values: rescale, window, polarity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_modality_lut, apply_windowing
from pydicom.pixels.utils import get_expected_length, iter_pixels
from pydicom.uid import JPEG2000, JPEG2000Lossless, RLELossless

from triage.errors import RefusedError
from triage.scans.formats import codestreams
from triage.scans.formats.elements import functional, integer, numbers, text, values
from triage.scans.formats.gray_scale import WHITE, Floats, Stored, to_uint16

#: Pixels of one frame: beyond what a scanner makes, small enough to decode in memory.
MAX_FRAME = 4096 * 4096
#: Pixels of one object.
MAX_OBJECT = 2**28
#: Decoder by transfer syntax, where the one that pydicom tries first is much slower.
FASTEST = {JPEG2000Lossless: "pylibjpeg", JPEG2000: "pylibjpeg", RLELossless: "pylibjpeg"}
TOO_FEW = "The header promises more pixels than the file holds. Send it again from the PACS."
TOO_LARGE = "A compressed frame is larger than its header says. Send it again from the PACS, or uncompressed."
UNSUPPORTED = "Its compression is not supported. Send it uncompressed, or as JPEG, JPEG-LS, JPEG 2000 or RLE."


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame, with the header that says how to display it."""

    stored: Stored
    header: Dataset
    index: int


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window (PS3.3 C.11.2.1.2) in rescaled units."""

    centre: float
    width: float
    function: str


@dataclass(frozen=True, slots=True)
class Table:
    """A VOI look-up table (PS3.3 C.11.2.1.1): the first mapped value, and the outputs, 0 to `WHITE`."""

    first: int
    outputs: Floats


def stored_frames(header: Dataset) -> Iterator[Stored]:
    """Decode the frames one by one: ``(rows, columns)`` or ``(rows, columns, 3)`` as stored.

    Raises
    ------
    RefusedError
        If the header promises more pixels than the file holds, or more than fit into memory. Checked before decoding.
    """
    _check_size(header)
    for stored in iter_pixels(header, raw=True, decoding_plugin=FASTEST.get(header.file_meta.TransferSyntaxUID, "")):
        if stored.dtype.kind == "f" and not np.isfinite(stored).all():
            raise RefusedError("The pixels are not all numbers (NaN or infinity). Replace them and send it again.")
        yield stored


def displayed(frames: Sequence[Frame]) -> list[NDArray[np.uint16]]:
    """Return the frames of one series as gray values on one scale, so that the slices can be compared.

    If every frame has a window, the median centre and width apply to the whole series: scanners choose a window for
    every slice, which would hide differences between slices. Look-up tables apply to their own frames. If any frame has
    neither, the rescaled values of the whole series, lowest to highest, are scaled to 16 bits.
    """
    vois = [_voi(frame) for frame in frames]
    windows = [voi for voi in vois if isinstance(voi, Window)]
    if windows:
        median = Window(
            float(np.median([window.centre for window in windows])),
            float(np.median([window.width for window in windows])),
            windows[0].function,
        )
        vois = [median if isinstance(voi, Window) else voi for voi in vois]
    defined = all(voi is not None for voi in vois)
    tones = [partial(_tone, frame, voi if defined else None) for frame, voi in zip(frames, vois, strict=True)]
    return to_uint16([_without_padding(frame) for frame in frames], tones, (0, WHITE) if defined else None)


def _tone(frame: Frame, voi: Window | Table | None, stored: Stored) -> Floats:
    gray = _rescaled(stored, functional(frame.header, frame.index, "PixelValueTransformationSequence"))
    if isinstance(voi, Table):
        gray = voi.outputs[np.clip(np.rint(gray) - voi.first, 0, len(voi.outputs) - 1).astype(np.intp)]
    elif voi is not None:
        gray = apply_windowing(gray, _as_dataset(voi))
    if not _is_inverted(frame.header):
        return gray
    return -gray if voi is None else WHITE - gray


def _rescaled(stored: Stored, given: Dataset) -> Floats:
    if given.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, given), np.float64)
    slope, intercept = (numbers(given, keyword, 1) for keyword in ("RescaleSlope", "RescaleIntercept"))
    # A slope of 0 would erase the image; it means that the value was not filled in.
    return np.asarray(stored, np.float64) * (slope[0] if slope and slope[0] else 1.0) + (
        intercept[0] if intercept else 0.0
    )


def _as_dataset(window: Window) -> Dataset:
    """Return a window as pydicom expects it, with an output range of 16 bits."""
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = window.centre, window.width, window.function
    voi.PhotometricInterpretation, voi.BitsStored, voi.PixelRepresentation = "MONOCHROME2", 16, 0
    return voi


def _voi(frame: Frame) -> Window | Table | None:
    """Return the first look-up table of a frame, otherwise its first window; None if neither is usable."""
    given = functional(frame.header, frame.index, "FrameVOILUTSequence")
    if given.get("VOILUTSequence") and frame.stored.dtype.kind in "iu":
        return _table(given.VOILUTSequence[0], frame.header)
    try:
        centre, width = (float(values(given, keyword)[0]) for keyword in ("WindowCenter", "WindowWidth"))
    except (IndexError, TypeError, ValueError):
        return None
    function = text(given, "VOILUTFunction") or "LINEAR"
    least = 1.0 if function == "LINEAR" else 1e-6
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID") or not least < width < np.inf or not np.isfinite(centre):
        return None
    return Window(centre, width, function)


def _table(item: Dataset, header: Dataset) -> Table:
    # Not by pydicom, which indexes tables of 8-bit outputs with 8 bits, however long they are.
    entries, first, bits = (int(value) for value in item.LUTDescriptor)
    order = "<" if header.original_encoding[1] is not False else ">"
    data = item.LUTData
    outputs = np.frombuffer(data, order + "u2") if isinstance(data, bytes) else np.asarray(data)
    if not len(outputs) or not 8 <= bits <= 16:
        raise RefusedError("The look-up table of the image cannot be read. Send it again without its VOI LUT.")
    return Table(first, np.minimum(outputs[: entries or 2**16] * (WHITE / (2**bits - 1)), WHITE))


def _without_padding(frame: Frame) -> Stored:
    """Return the pixels with the padding at the dark end of the others, so that it does not determine the scale."""
    padding = frame.header.get("PixelPaddingValue")
    if padding is None or frame.stored.dtype.kind not in "iu":
        return frame.stored
    filled = frame.stored == padding
    rest = frame.stored[~filled]
    if not filled.any() or not rest.size:
        return frame.stored
    return np.where(filled, rest.max() if _is_inverted(frame.header) else rest.min(), frame.stored)


def _is_inverted(header: Dataset) -> bool:
    return text(header, "PhotometricInterpretation") == "MONOCHROME1"


def _check_size(header: Dataset) -> None:
    rows, columns = integer(header, "Rows", 0), integer(header, "Columns", 0)
    count, samples = integer(header, "NumberOfFrames", 1), integer(header, "SamplesPerPixel", 1)
    if min(rows, columns, count, samples) < 1:
        raise RefusedError("The image has no size. Send it again from the PACS.")
    if rows * columns * samples > MAX_FRAME or rows * columns * count * samples > MAX_OBJECT:
        raise RefusedError(
            f"The image is {columns} x {rows} x {count} pixels, more than can be decoded. Send its series in parts."
        )
    syntax = header.file_meta.TransferSyntaxUID
    try:
        get_decoder(syntax)
    except NotImplementedError as error:
        raise RefusedError(UNSUPPORTED) from error
    pixels = next(
        header[name].value for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if name in header
    )
    if syntax.is_encapsulated:
        if parse_fragments(pixels)[0] < count:
            raise RefusedError(TOO_FEW)
        for frame in generate_frames(pixels, number_of_frames=count):
            if (codestreams.samples(frame, syntax) or 0) > rows * columns * samples:
                raise RefusedError(TOO_LARGE)
    elif get_expected_length(header) > len(pixels):
        raise RefusedError(TOO_FEW)
