"""Pixels are read whole whatever their offset table says; pydicom reads the same from a right one."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000Lossless, RLELossless

from triage.errors import RefusedError
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect

FRAMES = 4
ITEM = b"\xfe\xff\x00\xe0"
WRONG = {
    "zeros": [0] * FRAMES,
    "only the first": [0],
    "none of the first": [8, 16, 24, 32],
    "in another order": [30, 20, 10, 0],
    "far beyond": [0, 10**6, 2 * 10**6, 3 * 10**6],
}


def volume(table: bytes | None, fragments: int = 1, syntax: str = JPEG2000Lossless) -> Dataset:
    """Four frames; without a table, with the right one."""
    made = instance(np.stack([drawn() + at for at in range(FRAMES)]), syntax=syntax)
    begins, body = [], b""
    for frame in generate_frames(made.PixelData, number_of_frames=FRAMES):
        begins.append(len(body))
        size = -(-len(frame) // fragments // 2) * 2 + 2
        for piece in [frame[at : at + size] for at in range(0, len(frame), size)]:
            body += ITEM + struct.pack("<I", len(piece)) + piece
    table = table if table is not None else struct.pack(f"<{FRAMES}I", *begins)
    made["PixelData"].value = ITEM + struct.pack("<I", len(table)) + table + body
    return made


def levels(path: Path) -> list[int]:
    """The darkest value of each frame: its number."""
    (series,) = decode_study([path])
    return [int(one.pixels.min()) for one in series.slices]


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless], ids=lambda syntax: syntax.keyword)
def test_a_right_table_is_followed(tmp_path: Path, fragments: int, syntax: str) -> None:
    path = write(tmp_path / "a", volume(None, fragments, syntax))
    assert levels(path) == list(range(FRAMES)) == [int(one.min()) for one in dcmread(path).pixel_array]


@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("offsets", WRONG.values(), ids=WRONG)
def test_a_wrong_table_loses_no_frame(tmp_path: Path, offsets: Sequence[int], fragments: int) -> None:
    path = write(tmp_path / "a", volume(struct.pack(f"<{len(offsets)}I", *offsets), fragments))
    inspect(path)
    assert levels(path) == list(range(FRAMES))


@pytest.mark.parametrize("offsets", [bytes(8 * FRAMES), b"no table", struct.pack("<Q", 10**15) * FRAMES])
def test_an_extended_table_is_not_needed(tmp_path: Path, offsets: bytes) -> None:
    made = volume(b"")
    made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = offsets, offsets
    assert levels(write(tmp_path / "a", made)) == list(range(FRAMES))


def test_a_wrong_table_of_one_frame_costs_nothing(tmp_path: Path) -> None:
    made = instance(syntax=JPEG2000Lossless)
    frame = next(generate_frames(made.PixelData, number_of_frames=1))
    for table in (struct.pack("<I", 777), b"abc!de"):
        body = ITEM + struct.pack("<I", len(table)) + table + ITEM + struct.pack("<I", len(frame)) + frame
        made["PixelData"].value = body
        assert len(levels(write(tmp_path / "a", made))) == 1


def test_frames_that_are_missing_are_named(tmp_path: Path) -> None:
    made = volume(b"")
    made.NumberOfFrames = FRAMES + 1
    with pytest.raises(RefusedError, match="promises more"):
        inspect(write(tmp_path / "a", made))
