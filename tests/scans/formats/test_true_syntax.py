from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import drawn, encapsulated, instance, packed, write
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MRImageStorage,
    RLELossless,
)

from triage.errors import RefusedError
from triage.reports.sources import read_source
from triage.scans.formats.inspect import inspect
from triage.scans.formats.parsing import read
from triage.scans.formats.pixels import stored_frames


def stating(path: Path, stated: UID) -> Path:
    """Change what the file says of its transfer syntax, and nothing else."""
    data = path.read_bytes()
    at = data.index(b"\x02\0\x10\0UI") + 6
    end = at + 2 + int.from_bytes(data[at : at + 2], "little")
    value = stated.encode() + b"\0" * (len(stated) % 2)
    group = 132 + 8  # the value of the group length
    length = int.from_bytes(data[group : group + 4], "little") + len(value) - (end - at - 2)
    data = data[:at] + len(value).to_bytes(2, "little") + value + data[end:]
    path.write_bytes(data[:group] + length.to_bytes(4, "little") + data[group + 4 :])
    assert read_file_meta_info(path).get("TransferSyntaxUID", "") == stated
    return path


NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
#: What writers put there that is no transfer syntax, or an unknown one.
NONSENSE = [UID("1.2.3.4"), UID("1.2.840.10008.1.2.4.999"), MRImageStorage, UID("")]
STATED = [*NATIVE, *NONSENSE, RLELossless, JPEG2000, JPEGBaseline8Bit]
#: Syntax of the pixels, and as what it is read if another one is stated: the lossy kind may hold either.
READ_AS = {
    **{syntax: syntax for syntax in (*NATIVE, RLELossless)},
    JPEG2000Lossless: JPEG2000,
    JPEGLSLossless: JPEGLSNearLossless,
}


def lying(folder: Path, written: UID, stated: UID) -> Path:
    pixels = drawn().astype(">u2") if written == ExplicitVRBigEndian else drawn()
    return stating(write(folder / "a", instance(pixels, syntax=written)), stated)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("stated", STATED, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("written", READ_AS, ids=lambda syntax: syntax.name)
def test_a_file_is_read_by_what_it_is(tmp_path: Path, written: UID, stated: UID) -> None:
    path = lying(tmp_path, written, stated)
    assert inspect(path).transfer_syntax in ({written} if stated == written else {READ_AS[written], stated})
    (stored,) = stored_frames(read(path))
    assert np.array_equal(stored, drawn())
    assert read_source(0, path).header.PatientName == "Doe^Jane"


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, zlib.MAX_WBITS + 16])
@pytest.mark.parametrize("stated", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_deflated_data_set_may_have_a_header_of_zlib_or_gzip(tmp_path: Path, bits: int, stated: UID) -> None:
    whole = write(tmp_path / "a", instance(syntax=DeflatedExplicitVRLittleEndian)).read_bytes()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    packer = zlib.compressobj(wbits=bits)
    packed_again = packer.compress(zlib.decompress(whole[begin:], -zlib.MAX_WBITS)) + packer.flush()
    (tmp_path / "a").write_bytes(whole[:begin] + packed_again)
    found = read(stating(tmp_path / "a", stated))
    assert found.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    assert np.array_equal(next(stored_frames(found)), drawn())


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("stated", [ExplicitVRLittleEndian, None])
def test_a_compressed_frame_need_not_be_encapsulated(tmp_path: Path, syntax: UID, stated: UID | None) -> None:
    made = instance(BitsStored=16, HighBit=15)
    if syntax == JPEGBaseline8Bit:
        made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    frame = packed(syntax)
    expected = [
        np.asarray(one) for one in stored_frames(read(write(tmp_path / "a", encapsulated(made, syntax, frame))))
    ]
    made["PixelData"].is_undefined_length = False
    made.PixelData, made.file_meta.TransferSyntaxUID = frame + b"\0" * (len(frame) % 2), ExplicitVRLittleEndian
    found = read(stating(write(tmp_path / "b", made), stated or syntax))
    (stored,) = stored_frames(found)
    assert np.array_equal(stored, expected[0])
    assert found.file_meta.TransferSyntaxUID.is_encapsulated


@pytest.mark.parametrize("stated", [UID("1.2.3.4"), ExplicitVRLittleEndian, MRImageStorage])
def test_an_unknown_compression_is_named(tmp_path: Path, stated: UID) -> None:
    made = encapsulated(instance(), RLELossless, b"packed by somebody" * 20)
    with pytest.raises(RefusedError, match=f"compressed.*{stated}.*Send it again uncompressed"):
        inspect(stating(write(tmp_path / "a", made), stated))


def test_pixels_in_another_byte_order_than_their_header_are_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Send it uncompressed"):
        inspect(lying(tmp_path, ImplicitVRLittleEndian, UID("1.2.840.113619.5.2")))


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_what_is_stated_rightly_stays(tmp_path: Path, syntax: UID) -> None:
    made = encapsulated(instance(BitsStored=16, HighBit=15), syntax, packed(syntax))
    assert read(write(tmp_path / "a", made)).file_meta.TransferSyntaxUID == syntax
