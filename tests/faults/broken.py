"""Files that must be refused: huge, cut short, bombs, headers that lie, programs."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

import nibabel
import numpy as np
from drawn_dicom import drawn, encapsulated, instance, packed, swollen
from faults.samples import archive, dicom, nifti, samples, zeros_deflated
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
)

Files = Iterator[tuple[str, bytes]]
CODESTREAMS = [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]


def huge_pictures() -> Files:
    """PNG of 50,000 x 50,000 in every depth and colour, with some or all of its pixels."""
    side = 50_000
    for depth, colour in [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 4), (8, 6)]:
        for interlaced in (0, 1):
            # One bit a pixel is written whole: 312 MB, deflated to 0.3 MB.
            content = zeros_deflated(side * (side // 8 + 1), wbits=15) if depth == 1 else zlib.compress(bytes(100_000))
            body = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlaced)
            chunks = [_chunk(b"IHDR", body), _chunk(b"IDAT", content), _chunk(b"IEND", b"")]
            yield f"{depth} bits, colour {colour}, interlaced {interlaced}", b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


#: The item after the last fragment of compressed pixels; without it, no pixel is missing.
LAST_FRAGMENT = b"\xfe\xff\xdd\xe0\0\0\0\0"


def cut_short(count: int) -> Files:
    """Each format cut at its seams (chunks, markers, elements), one byte short, and at even distances."""
    families = {
        "PNG": ["PNG", "PNG of 16 bits"],
        "JPEG": ["JPEG"],
        "DICOM": ["DICOM", "DICOM, implicit VR", "DICOM, deflated", "DICOM, RLE", "DICOM, JPEG-LS", "DICOM, JPEG 2000"],
        "NIfTI": ["NIfTI", "NIfTI, gzip"],
    }
    for members in families.values():
        share, more = divmod(count // len(families), len(members))
        for number, kind in enumerate(members):
            whole = _without_padding(samples()[kind]) if "deflated" in kind else samples()[kind]
            for place in _places(kind, whole, share + (number < more)):
                yield f"{kind} cut at {place} of {len(whole)}", whole[:place]


def _without_padding(whole: bytes) -> bytes:
    """A deflated file without what pads it to an even length: nothing that could be missed."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(whole[_after_meta(whole) :])
    return whole[: len(whole) - len(inflater.unused_data)]


def _after_meta(whole: bytes) -> int:
    return 132 + 12 + int(struct.unpack_from("<I", whole, 140)[0])


def _places(kind: str, whole: bytes, count: int) -> list[int]:
    last = [len(whole) - 1, len(whole) - 2, len(whole) - 4, len(whole) - 8, 1, 4]
    if kind.startswith("PNG"):
        seams = [found.start() - 4 for found in re.finditer(rb"IHDR|IDAT|IEND", whole)]
    elif kind == "JPEG":
        seams = [found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]", whole)]
    elif kind.startswith("DICOM"):
        seams = [128, 132, 144, *(element.file_tell or 0 for element in dcmread(io.BytesIO(whole)))]
    else:
        seams = [40, 108, 344, 347, 348, 352]
    seams = [place for place in dict.fromkeys([*last, *seams]) if whole[place:] not in (whole, b"", LAST_FRAGMENT)]
    seams = seams[: max(count * 2 // 3, 6)]
    even = [int(share * len(whole)) for share in np.linspace(0.01, 0.99, 3 * count)]
    even = [place for place in even if 0 < place < len(whole) and place not in seams]
    missing = count - len(seams)
    return sorted(seams + even[:: max(len(even) // max(missing, 1), 1)][: max(missing, 0)])


def deflated_dicom(count: int) -> Files:
    """Deflated DICOM of 40 MB to 4 GB of zeros, about 1000:1."""
    whole = dicom(np.zeros((16, 16), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    meta = _after_meta(whole)
    plain = zlib.decompressobj(-15).decompress(whole[meta:])
    at = plain.index(struct.pack("<HH", 0x7FE0, 0x0010))
    for number in range(count):
        frames = 2 ** (number % 7) * 20
        size = frames * 1024 * 1024 * 2
        lead = plain[:at].replace(
            _element(0x28, 0x10, struct.pack("<H", 16)), _element(0x28, 0x10, struct.pack("<H", 1024))
        )
        lead = lead.replace(_element(0x28, 0x11, struct.pack("<H", 16)), _element(0x28, 0x11, struct.pack("<H", 1024)))
        told = f"{frames} ".encode()[: len(str(frames)) + len(str(frames)) % 2]
        lead = lead.replace(
            _element(0x28, 0x10, struct.pack("<H", 1024)),
            struct.pack("<HH2sH", 0x28, 0x08, b"IS", len(told)) + told + _element(0x28, 0x10, struct.pack("<H", 1024)),
        )
        if number % 2:
            lead += struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size)
        else:  # the size is in a private element before the pixels, which nobody needs
            lead += struct.pack("<HH2sHI", 0x29, 0x1010, b"OB", 0, size)
        yield f"{size >> 20} MB", whole[:meta] + zeros_deflated(size, lead)


def _element(group: int, element: int, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, element, b"US", len(value)) + value


def nifti_bombs(count: int) -> Files:
    """A .nii.gz of 10 GB, its header telling the truth, a small volume, or something in between."""
    for number in range(count):
        header = bytearray(nifti(np.zeros((8, 8, 8), np.int16))[:352])
        sides = [(2048, 2048, 1280), (8, 8, 8), (1024, 1024, 512), (512, 512, 200)][number % 4]
        header[42:48] = struct.pack("<3h", *sides)
        yield f"{sides} and 10 GB", zeros_deflated(10 * 2**30 + number * 2**20, bytes(header), wbits=31)


def nested_archives(count: int) -> Files:
    """ZIP in ZIP, up to as many deep as there are files, each around a bomb."""
    inner = archive({"a.png": bytes(10 * 2**20)})
    for number in range(count):
        inner = archive({f"{number}.zip": inner} | {f"copy {copy}.zip": inner for copy in range(number % 3)})
        yield f"{number + 1} deep", inner


def huge_archives(count: int) -> Files:
    """ZIP that would inflate to gigabytes: one large member, many large ones, many that share their bytes."""
    for number in range(count):
        size = (64 << 20) * (1 + number)
        members = 1 + 7 * (number % 3)
        yield f"{members} x {size >> 20} MB", _zip_of_zeros(members, size)


def _zip_of_zeros(members: int, size: int) -> bytes:
    """Write local headers and a directory by hand, since nobody has the gigabytes to pack."""
    packed = zeros_deflated(size)
    body, directory = b"", b""
    for number in range(members):
        name = f"{number}.nii".encode()
        common = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, 0, len(packed), size + 1, len(name), 0)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        )
        body += b"PK\x03\x04" + common + name + packed
    return body + directory + _end(members, len(directory), len(body))


def _end(members: int, size: int, start: int) -> bytes:
    return b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, members, members, size, start, 0)


def archives_that_lead_out(count: int) -> Files:
    """ZIP whose member would be written elsewhere."""
    picture = samples()["PNG"]
    ways = ["../{}.png", "a/../../{}.png", "/tmp/{}.png", "C:\\{}.png", "..\\{}.png", "a/b/../../../../{}.png"]
    for number in range(count):
        name = ways[number % len(ways)].format(f"escaped-{number}")
        yield name, archive({name: picture})


def archives_of_links(count: int) -> Files:
    """ZIP of links, devices and pipes."""
    kinds = [stat.S_IFLNK, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
    for number in range(count):
        info = zipfile.ZipInfo(f"{number}.png")
        info.external_attr = (kinds[number % len(kinds)] | 0o777) << 16
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(info, ["/etc/passwd", "../../triage.db", "."][number % 3])
        yield f"{kinds[number % len(kinds)]:o}", buffer.getvalue()


def crowded_archives(count: int) -> Files:
    """ZIP of more than 10,000 entries, up to 200,000."""
    for number in range(count):
        entries = 10_001 if number % 2 else 10_000 * (number + 1) + 1
        yield f"{entries} entries", _crowd(entries)


def _crowd(entries: int) -> bytes:
    body, directory = bytearray(), bytearray()
    for number in range(entries):
        name = f"{number}.png".encode()
        common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, 0, 0, 0, len(name), 0)
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        )
        body += b"PK\x03\x04" + common + name
    return bytes(body + directory) + _end(min(entries, 0xFFFF), len(directory), len(body))


def strange_volumes(count: int) -> Files:
    """NIfTI with impossible dimensions, positions and values."""
    rng = np.random.default_rng(0)
    plain = np.dstack([np.arange(4096).reshape(64, 64)] * 6)
    for number in range(count):
        kind = number % 7
        if kind < 2:  # huge, negative
            data = bytearray(nifti())
            sides = rng.integers(2**12, 2**15, 3) if kind == 0 else -rng.integers(1, 2**15, 3)
            place = int(rng.integers(3))
            struct.pack_into("<h", data, 42 + 2 * place, int(sides[place]))
            yield ("huge", "negative")[kind], bytes(data)
        elif kind == 2:
            affine = np.eye(4)
            affine[tuple(rng.integers(0, 3, 2))] = rng.choice([np.nan, np.inf])
            yield "NaN affine", _with_affine(affine)
        elif kind in (3, 4):
            voxels = plain.astype(np.float32)
            voxels[tuple(rng.integers(0, 6, 3))] = np.nan if kind == 3 else rng.choice([np.inf, -np.inf])
            yield ("NaN", "infinite")[kind - 3], nifti(voxels)
        elif kind == 5:
            yield "complex", nifti((plain + 1j * rng.integers(1, 99)).astype(rng.choice([np.complex64, np.complex128])))
        else:
            colour = np.zeros(plain.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
            colour["R"] = rng.integers(0, 255, plain.shape)
            yield "RGB", nifti(colour)


def _with_affine(affine: np.ndarray) -> bytes:
    image = nibabel.Nifti1Image(np.dstack([np.arange(4096).reshape(64, 64)] * 6).astype(np.int16), np.eye(4))
    data = bytearray(image.to_bytes())
    struct.pack_into("<hh", data, 252, 0, 1)  # the position is in the sform, which we write by hand
    struct.pack_into("<12f", data, 280, *affine[:3].ravel())
    return bytes(data)


def short_payloads(count: int) -> Files:
    """DICOM whose frames x rows x columns exceed the pixels that it holds."""
    rng = np.random.default_rng(1)
    for number in range(count):
        kind, data = list(samples().items())[3 + number % 6]
        made = dcmread(io.BytesIO(data))
        what = number % 3
        if what != 1 and "JPEG" not in kind:  # a codestream has a size of its own, which is the one to be believed
            made.Rows, made.Columns = (int(side) for side in rng.integers(200, 65535, 2))
        else:
            made.NumberOfFrames = int(rng.integers(2, 2**31))
        buffer = io.BytesIO()
        made.save_as(buffer, enforce_file_format=True)
        yield f"{kind}: {made.Rows} x {made.Columns} x {made.get('NumberOfFrames', 1)}", buffer.getvalue()


def programs(count: int) -> Files:
    """DICOM with a program in its preamble."""
    for number in range(count):
        kind, data = list(samples().items())[3 + number % 6]
        start = [b"MZ\x90\0", b"\x7fELF\x02\x01\x01", b"MZ", b"\x7fELF", b"#!/bin/sh\n"][number % 5]
        yield f"{start[:4]!r} before {kind}", start + data[len(start) :]


def swollen_frames(count: int) -> Files:
    """DICOM whose compressed frame, or the second of two, says in its own header that it is far larger."""
    rng = np.random.default_rng(2)
    for number in range(count):
        syntax = CODESTREAMS[number % len(CODESTREAMS)]
        pixels = drawn() if syntax != JPEGBaseline8Bit else (drawn() // 10).astype(np.uint8)
        most = 2**31 if syntax == JPEG2000Lossless else 2**16
        side = most - 1 if number < len(CODESTREAMS) else int(2 ** rng.uniform(8, np.log2(most)))
        frames = [packed(syntax)] * (number // 4 % 2) + [swollen(packed(syntax), side)]
        made = encapsulated(instance(np.stack([pixels] * len(frames)) if frames[1:] else pixels), syntax, *frames)
        buffer = io.BytesIO()
        made.save_as(buffer, enforce_file_format=True)
        yield f"{syntax.name}: {side} x {side}, frame {len(frames)}", buffer.getvalue()
