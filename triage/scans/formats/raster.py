"""PNG and JPEG to an upright gray slice."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from triage.domain import Kind, Slice
from triage.errors import RefusedError
from triage.scans.formats.identify import IDENTIFY_BYTES, identify

#: Larger than any scanner's matrix (a 4096 x 4096 mosaic), small enough to decode in memory: pixels.
MAX_PIXELS = 4096 * 4096
#: Larger than any compressed slice of that size: bytes.
MAX_BYTES = 64 * 2**20
PNG_END = b"IEND\xaeB`\x82"
SIXTEEN_BIT = {"I", "I;16", "I;16B", "I;16L", "I;16N"}


def read(path: Path) -> Slice:
    """Decode a PNG or JPEG file as `decode` does, without reading all of a file that is too large."""
    with path.open("rb") as file:
        return decode(file.read(MAX_BYTES + 1))


def decode(data: bytes) -> Slice:
    """Decode a PNG or JPEG file.

    Transparent pixels become black, colour becomes luminance, the EXIF rotation is applied; 16-bit gray keeps its
    depth.

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
        return Slice(np.clip(np.asarray(image), 0, 65535).astype(np.uint16))
    if image.mode in {"1", "L"}:
        return Slice(np.asarray(image.convert("L")))
    rgba = image.convert("RGBA") if "A" in image.getbands() or "transparency" in image.info else image.convert("RGB")
    if rgba.mode == "RGBA":
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        rgba = Image.alpha_composite(black, rgba).convert("RGB")
    channels = np.asarray(rgba)
    spread = channels.max(axis=2).astype(np.float32) - channels.min(axis=2)
    return Slice(np.asarray(rgba.convert("L")), colourfulness=float(spread.mean() / 255))
