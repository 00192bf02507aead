"""Every row of the table of bad input, and the pictures that look odd but are good."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from helpers import encode
from PIL import Image

from triage.errors import RefusedError
from triage.scans.formats.raster import MAX_BYTES, decode

GRAY = np.arange(100 * 80, dtype=np.uint32).reshape(100, 80) % 251


def png_header_only(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (30_000, 30_000), (5_000, 5_000), (2**31 - 1, 2**31 - 1)])
def test_a_huge_picture_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(RefusedError, match=r"matrix size|damaged"):
        decode(png_header_only(*size))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(RefusedError, match="0 bytes"):
        decode(b"")


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(RefusedError, match="larger than 64 MB"):
        decode(b"\xff\xd8\xff" + bytes(MAX_BYTES))


@pytest.mark.parametrize("data", [b"just a text, whatever it is called", b"GIF89a" + bytes(50), b"%PDF-1.7", b"MZ" * 9])
def test_other_content_is_refused_whatever_its_name(data: bytes) -> None:
    with pytest.raises(RefusedError, match=r"none of DICOM, NIfTI, PNG|starts with an executable"):
        decode(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_anywhere_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128), np.uint8)
    whole = encode(noise, kind)
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        with pytest.raises(RefusedError):
            decode(whole[: int(len(whole) * share)])


def test_flipped_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(1)
    whole = encode(GRAY.astype(np.uint8), "PNG"), encode(GRAY.astype(np.uint8), "JPEG")
    for number in range(2000):
        data = bytearray(whole[number % 2])
        for position in rng.integers(0, len(data), 5):
            data[position] = rng.integers(256)
        with contextlib.suppress(RefusedError):
            assert decode(bytes(data)).pixels.ndim == 2


def test_sixteen_bits_keep_their_depth() -> None:
    deep = (GRAY * 200).astype(np.uint16)
    picture = decode(encode(deep))
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, deep)


def test_alpha_is_laid_over_black() -> None:
    rgba = np.zeros((80, 80, 4), np.uint8)
    rgba[..., :3] = 200
    rgba[:40, :, 3] = 255
    pixels = decode(encode(rgba)).pixels
    assert (pixels[:40] == 200).all()
    assert (pixels[40:] == 0).all()


def test_cmyk_becomes_gray() -> None:
    buffer = io.BytesIO()
    Image.fromarray(GRAY.astype(np.uint8)).convert("CMYK").save(buffer, "JPEG", quality=95)
    pixels = decode(buffer.getvalue()).pixels
    assert pixels.shape == GRAY.shape
    assert np.abs(pixels.astype(int) - GRAY).mean() < 6


def test_the_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    picture = decode(encode(GRAY.astype(np.uint8), "JPEG", exif=exif, quality=95))
    assert picture.pixels.shape == (80, 100)
    assert np.abs(picture.pixels.astype(int) - np.rot90(GRAY, -1)).mean() < 6


def test_a_palette_and_one_bit_are_read() -> None:
    for mode in ("P", "1"):
        buffer = io.BytesIO()
        Image.fromarray(GRAY.astype(np.uint8)).convert(mode).save(buffer, "PNG")
        assert decode(buffer.getvalue()).pixels.shape == GRAY.shape


def test_colour_is_measured() -> None:
    red = np.zeros((80, 80, 3), np.uint8)
    red[..., 0] = 255
    assert decode(encode(red)).colourfulness == pytest.approx(1)
    assert decode(encode(np.repeat(GRAY[..., None].astype(np.uint8), 3, 2))).colourfulness == 0
