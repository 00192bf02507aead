"""PNG and JPEG to an upright gray slice."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from triage.domain import Kind, Slice
from triage.errors import RefusedError
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.formats.neighbours import CLEARLY, likelier

#: Larger than any scanner's matrix (a 4096 x 4096 mosaic), small enough to decode in memory: pixels.
MAX_PIXELS = 4096 * 4096
#: Larger than any compressed slice of that size: bytes.
MAX_BYTES = 64 * 2**20
PNG_END = b"IEND\xaeB`\x82"
#: Where a PNG states its bits per sample and its colour type, and the types that Pillow reduces to 8 bits.
PNG_DEPTH = 24
PNG_COLOUR = 25
COLOURS = 2
GRAY_ALPHA = 4
COLOURS_ALPHA = 6
#: Weights of red, green and blue in the luminance (ITU-R BT.601), as Pillow has them: parts of 65536.
LUMINANCE = np.array([19595, 38470, 7471], np.uint32)
SIXTEEN_BIT = {"I", "I;16", "I;16B", "I;16L", "I;16N"}


def read(path: Path) -> Slice:
    """Decode a PNG or JPEG file as `decode` does, without reading all of a file that is too large."""
    with path.open("rb") as file:
        return decode(file.read(MAX_BYTES + 1))


def decode(data: bytes) -> Slice:
    """Decode a PNG or JPEG file.

    Transparent pixels become black, colour becomes luminance, the EXIF rotation is applied; 16 bits keep their depth.

    Parameters
    ----------
    data
        The contents of the file.

    Raises
    ------
    RefusedError
        If the bytes are empty, of another format, damaged, or larger than `MAX_PIXELS` once decoded. The size is
        read from the header, so that nothing large is inflated.
    """
    if len(data) > MAX_BYTES:
        raise RefusedError(f"The file is larger than {MAX_BYTES >> 20} MB. Upload single slices as PNG or JPEG.")
    kind = identify(data[:IDENTIFY_BYTES])
    if kind not in (Kind.PNG, Kind.JPEG):
        raise RefusedError(f"The content is {kind}, not PNG or JPEG. Upload the file unchanged.")
    if kind is Kind.PNG and PNG_END not in data:  # the file was cut short, which Pillow would not report
        raise RefusedError("The PNG is damaged or cut short. Export it again and upload the new file.")
    try:
        with warnings.catch_warnings():
            # A lower limit is applied right below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(data), formats=[kind])
        if image.width * image.height > MAX_PIXELS:
            raise RefusedError(_too_large(image.width, image.height))
        if kind is Kind.PNG and data[PNG_DEPTH] == 16 and data[PNG_COLOUR] in (COLOURS, GRAY_ALPHA, COLOURS_ALPHA):
            return _deep_to_gray(data, image)
        image.load()
        image = ImageOps.exif_transpose(image)
        return _to_gray(image)
    except RefusedError:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedError(
            f"The picture is larger than {MAX_PIXELS // 10**6} million pixels. Export the slice at its own matrix size."
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, OverflowError, MemoryError) as error:
        raise RefusedError(f"The {kind} is damaged or cut short. Export it again and upload the new file.") from error


def _too_large(width: int, height: int) -> str:
    return (
        f"The picture is {width} x {height} pixels; the limit is {MAX_PIXELS // 10**6} million pixels. "
        "Export the slice at its own matrix size."
    )


def _to_gray(image: Image.Image) -> Slice:
    if image.mode in SIXTEEN_BIT:
        gray = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        gray[gray == image.info.get("transparency", -1)] = 0
        return Slice(_in_order(gray))
    transparent = "A" in image.getbands() or "transparency" in image.info
    if image.mode in {"1", "L"} and not transparent:
        return Slice(np.asarray(image.convert("L")))
    rgba = image.convert("RGBA" if transparent else "RGB")
    if rgba.mode == "RGBA":
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        rgba = Image.alpha_composite(black, rgba).convert("RGB")
    return Slice(np.asarray(rgba.convert("L")), colourfulness=_colourfulness(np.asarray(rgba), 255))


def _deep_to_gray(data: bytes, image: Image.Image) -> Slice:
    """Return a PNG with several channels of 16 bits."""
    if data[PNG_COLOUR] == GRAY_ALPHA:  # as many bits as four channels of 8
        channels: NDArray[np.integer] = np.ascontiguousarray(_unpacked(data, "RGBA")).view(">u2")
    else:
        kind = "RGB" if data[PNG_COLOUR] == COLOURS else "RGBA"
        # Pillow keeps one byte of two: the first, or, told that the order is the other one, the second.
        channels = _unpacked(data, f"{kind};16B").astype(np.uint16) << 8 | _unpacked(data, f"{kind};16L")
    colours = channels = _in_order(channels.astype(np.uint16)).astype(np.uint32)
    if data[PNG_COLOUR] != COLOURS:
        colours, alpha = channels[..., :-1], channels[..., -1:]
        if alpha.min() < alpha.max() or not alpha.any():  # others say nothing; 12-bit writers mean opaque by 4095
            colours = (colours * alpha + 32767) // 65535
    elif "transparency" in image.info:
        colours[(colours == image.info["transparency"]).all(axis=2)] = 0
    gray = colours[..., 0] if colours.shape[2] == 1 else (colours @ LUMINANCE + 32768) >> 16
    # Values of 12 bits are common; they are compared with the depth that they use.
    white = 2 ** max(int(colours.max()).bit_length(), 8) - 1
    picture = Image.fromarray(gray.astype(np.uint16))
    picture.info["exif"] = image.info.get("exif", b"")
    return Slice(np.asarray(ImageOps.exif_transpose(picture)), colourfulness=_colourfulness(colours, white))


def _in_order(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the values with their bytes exchanged if a writer forgot that those of a PNG are in big endian."""
    gray = values if values.ndim == 2 else values[..., 0]
    swapped = gray.byteswap()
    return values.byteswap() if likelier(gray, swapped, CLEARLY) is swapped else values


def _unpacked(data: bytes, packing: str) -> NDArray[np.uint8]:
    """Return the channels of a PNG, of which Pillow takes the bits for another packing than it would."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.tile = [tile._replace(args=packing) for tile in image.tile]
    return np.asarray(image)


def _colourfulness(colours: NDArray[np.integer], white: int) -> float:
    spread = colours.max(axis=2).astype(np.float32) - colours.min(axis=2)
    return float(spread.mean() / white)
