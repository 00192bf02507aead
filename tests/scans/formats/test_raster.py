"""Every row of the table of bad input, and the pictures that look odd but are good."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from dicoms import head
from helpers import encode
from PIL import Image

from triage.errors import RefusedError
from triage.scans.formats.raster import MAX_BYTES, decode

GRAY = np.arange(100 * 80, dtype=np.uint32).reshape(100, 80) % 251


#: Colour types of PNG, by the number of channels.
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def png(header: bytes, body: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks (ISO/IEC 15948)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(body)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def png_header_only(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds almost nothing."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), bytes(1000))


def deep_png(channels: np.ndarray, *more: tuple[bytes, bytes], interlaced: bool = False) -> bytes:
    """A PNG of 16 bits per channel, which Pillow does not write; ``(height, width, channels)``."""
    height, width, count = channels.shape
    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    body = b""
    for top, down, left, across in passes if interlaced else [(0, 1, 0, 1)]:
        for number, row in enumerate(channels[top::down, left::across].astype(">u2")):
            line = np.frombuffer(row.tobytes(), np.uint8)
            shifted = np.concatenate([np.zeros(2 * count, np.uint8), line])[: len(line)]
            filtered = number % 2  # as they are, or as differences to the pixel before
            body += bytes([filtered]) + (line - shifted if filtered else line).tobytes()
    return png(struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[count], 0, 0, interlaced), body, *more)


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


#: Gray values of 12 bits, as scanners make them, and of 16 bits.
TWELVE = (GRAY * 16 + GRAY % 13).astype(np.uint16)
SIXTEEN = (GRAY * 257 + GRAY % 13).astype(np.uint16)
OPAQUE = np.full_like(TWELVE, 65535)


@pytest.mark.parametrize("gray", [TWELVE, SIXTEEN])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_sixteen_bits_of_colour_and_alpha_keep_their_depth(gray: np.ndarray, interlaced: bool, count: int) -> None:
    channels = np.stack([gray] * (1 if count < 3 else 3) + [OPAQUE] * (count in (2, 4)), axis=2)
    picture = decode(deep_png(channels, interlaced=interlaced))
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, gray)
    assert picture.colourfulness == 0


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("white", [1023, 4095, 40000])
def test_bytes_in_the_wrong_order_are_exchanged(count: int, white: int) -> None:
    """As some programs write them, against an independent reader of the right file."""
    gray = (head().astype(np.float64) / head().max() * white).astype(np.uint16)
    channels = np.stack([gray] * (1 if count < 3 else 3) + [np.full_like(gray, 65535)] * (count in (2, 4)), axis=2)
    right, wrong = deep_png(channels), deep_png(channels.byteswap())
    independent = cv2.imdecode(np.frombuffer(right, np.uint8), cv2.IMREAD_UNCHANGED)
    independent = independent if independent.ndim == 2 else independent[..., 0]
    assert np.array_equal(decode(right).pixels, independent)
    assert np.array_equal(decode(wrong).pixels, independent)


def test_an_alpha_of_one_value_does_not_darken() -> None:
    channels = np.stack([TWELVE, np.full_like(TWELVE, 4095)], axis=2)
    assert np.array_equal(decode(deep_png(channels)).pixels, TWELVE)
    channels[..., 1] = 0
    assert not decode(deep_png(channels)).pixels.any(), "all of it is transparent"


@pytest.mark.parametrize("white", [4095, 65535])
def test_colour_of_sixteen_bits_becomes_luminance(white: int) -> None:
    red = np.zeros((100, 80, 3), np.uint16)
    red[..., 0] = white
    picture = decode(deep_png(red))
    assert picture.colourfulness == pytest.approx(1), "in parts of the depth that is used"
    assert np.unique(picture.pixels).tolist() == [round(0.299 * white)]


def test_alpha_of_sixteen_bits_is_laid_over_black() -> None:
    alpha = OPAQUE // 3
    alpha[:40] = 0
    for count in (1, 3):
        pixels = decode(deep_png(np.stack([TWELVE] * count + [alpha], axis=2))).pixels
        assert not pixels[:40].any()
        assert np.abs(pixels[40:].astype(int) - TWELVE[40:] / 3).max() <= 1


def test_a_transparent_value_becomes_black() -> None:
    hidden = int(TWELVE.max())
    expected = np.where(hidden == TWELVE, 0, TWELVE)
    for count in (1, 3):
        data = deep_png(np.stack([TWELVE] * count, axis=2), (b"tRNS", struct.pack(">H", hidden) * count))
        assert np.array_equal(decode(data).pixels, expected)
    small = GRAY.astype(np.uint8)
    assert np.array_equal(decode(encode(small, transparency=250)).pixels, np.where(small == 250, 0, small))


def test_the_rotation_of_sixteen_bits_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = deep_png(np.stack([TWELVE] * 3, axis=2), (b"eXIf", exif.tobytes()[6:]))
    assert np.array_equal(decode(data).pixels, np.rot90(TWELVE, -1))


@pytest.mark.parametrize("count", [2, 3, 4])
def test_sixteen_bits_cut_short_are_refused(count: int) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (64, 64, count))
    whole = deep_png(noise)
    for share in (0.3, 0.9):
        with pytest.raises(RefusedError):
            decode(whole[: int(len(whole) * share)] + whole[-12:])


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_spread(bits: int) -> None:
    levels = GRAY % 2**bits
    groups = levels.reshape(100, -1, 8 // bits) << np.arange(8 - bits, -1, -bits)
    body = b"".join(b"\0" + row.tobytes() for row in groups.sum(axis=2).astype(np.uint8))
    pixels = decode(png(struct.pack(">IIBBBBB", 80, 100, bits, 0, 0, 0, 0), body)).pixels
    assert np.array_equal(pixels, levels * (255 // (2**bits - 1)))


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
