from __future__ import annotations

import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from triage.errors import RefusedError
from triage.scans.formats import parsing
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect

#: Sequence Delimitation Item.
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda syntax: syntax.name)
def test_a_file_without_preamble_and_meta_information_is_read(tmp_path: Path, syntax: UID) -> None:
    made = instance(syntax=syntax)
    del made.file_meta
    path = tmp_path / "a"
    dcmwrite(path, made, implicit_vr=syntax.is_implicit_VR, little_endian=True)
    assert inspect(path).transfer_syntax == syntax
    (series,) = decode_study([path])
    assert series.slices[0].pixels.max() == 2000


def test_a_deflated_data_set_without_anything_before_it_is_read(tmp_path: Path) -> None:
    made = instance()
    del made.file_meta
    path = tmp_path / "a"
    dcmwrite(path, made, implicit_vr=False, little_endian=True)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    path.write_bytes(packer.compress(path.read_bytes()) + packer.flush())
    assert inspect(path).transfer_syntax == DeflatedExplicitVRLittleEndian
    (series,) = decode_study([path])
    assert series.slices[0].pixels.max() == 2000


def test_a_wrong_length_costs_no_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a", instance())
    data = bytearray(path.read_bytes())
    pixels = data.rindex(b"\xe0\x7f\x10\x00O")
    data[pixels + 8 : pixels + 12] = b"\xff\xff\xff\x7f"  # 2 GB
    path.write_bytes(data)
    tracemalloc.start()
    with suppress(RefusedError):
        inspect(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_the_header_cannot_promise_more_than_the_file_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a", instance(NumberOfFrames=2000))
    with pytest.raises(RefusedError, match="promises more"):
        inspect(path)
    path = write(tmp_path / "b", instance(Rows=60000, Columns=60000))
    with pytest.raises(RefusedError, match="more than can be decoded"):
        inspect(path)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless, JPEG2000Lossless], ids=lambda item: item.name)
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, syntax: UID) -> None:
    whole = write(tmp_path / "whole", instance(syntax=syntax)).read_bytes()
    for share in (0.01, 0.1, 0.3, 0.5, 0.9, 0.99):
        path = tmp_path / "cut"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RefusedError):
            inspect(path)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=lambda item: item.name)
@pytest.mark.parametrize("left", [0, 4, 8])
def test_compressed_pixels_may_lack_their_end(tmp_path: Path, syntax: UID, left: int) -> None:
    """Some writers stop after the last fragment; one that was cut is still known."""
    path = write(tmp_path / "a", instance(np.stack([drawn(), drawn() // 2]), syntax=syntax))
    whole = path.read_bytes()
    assert whole.endswith(END)
    path.write_bytes(whole[: len(whole) - 8 + left])
    if left == 4:
        with pytest.raises(RefusedError, match="cut short"):
            inspect(path)
        return
    assert inspect(path).frames == 2
    assert np.array_equal(decode_study([path])[0].slices[0].pixels, drawn())
    path.write_bytes(whole[:-10])
    with pytest.raises(RefusedError, match="cut short"):
        inspect(path)


@pytest.mark.parametrize("preamble", [True, False])
def test_a_deflated_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preamble: bool) -> None:
    monkeypatch.setattr(parsing, "MAX_INFLATED", 2**21)
    made = instance(np.zeros((1, 2048, 1024), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    whole = write(tmp_path / "a", made).read_bytes()
    assert len(whole) < 2**18
    path = tmp_path / "b"
    path.write_bytes(whole if preamble else whole[132:])
    with pytest.raises(RefusedError, match="inflates"):
        inspect(path)


def test_a_deflated_file_may_end_in_padding(tmp_path: Path) -> None:
    path = write(tmp_path / "a", instance(drawn(), syntax=DeflatedExplicitVRLittleEndian))
    path.write_bytes(path.read_bytes() + b"\0")
    assert inspect(path).frames == 1


@pytest.mark.parametrize("trailing", [bytes(512), b"\xff" * 300, b"some text after the last pixel " * 9])
def test_bytes_after_the_pixels_cost_nothing(tmp_path: Path, trailing: bytes) -> None:
    path = write(tmp_path / "a", instance())
    path.write_bytes(path.read_bytes() + trailing)
    (series,) = decode_study([path])
    assert series.slices[0].pixels.max() == drawn().max()


def test_unusual_elements_cost_nothing(tmp_path: Path) -> None:
    made = instance(SpecificCharacterSet="ISO_IR 192")
    made.add_new(0x00080000, "UL", 1234)  # group lengths, wrong ones
    made.add_new(0x00280000, "UL", 3)
    made.add_new(0x00091001, "UN", b"\1\2\3\4")  # private, without its creator
    made.add_new(0x00110010, "LO", "ACME")
    made.add_new(0x00111001, "SQ", [])
    made.add_new(0x00111002, "DS", "")
    for keyword in (
        "SharedFunctionalGroupsSequence",
        "VOILUTSequence",
        "ModalityLUTSequence",
        "DerivationCodeSequence",
    ):
        setattr(made, keyword, [])
    path = write(tmp_path / "a", made)
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999"))
    found = inspect(path)
    assert (found.frames, found.study.patient_name) == (1, "Doe^Jane")


def test_a_file_too_large_to_read_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MAX_INFLATED", 2**12)
    with pytest.raises(RefusedError, match="larger than"):
        inspect(write(tmp_path / "a", instance()))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize("number", ["1e400", "-1E999", "inf", "1\\1e400"])
def test_a_number_without_bounds_says_nothing(tmp_path: Path, syntax: UID, number: str) -> None:
    mark = "7" * len(number)
    elements = {"SeriesNumber": mark, "AcquisitionNumber": mark, "InstanceNumber": mark}
    data = write(tmp_path / "a", instance(syntax=syntax, **elements)).read_bytes()
    (tmp_path / "a").write_bytes(data.replace(mark.encode(), number.encode()))
    found = inspect(tmp_path / "a")
    assert (found.series.number, found.frames) == (1, 1)
    assert len(decode_study([tmp_path / "a"])[0].slices) == 1
    assert parsing.read_header(tmp_path / "a").SeriesNumber is None
