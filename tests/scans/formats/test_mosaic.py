"""Siemens mosaics are taken apart; positions as nibabel's own reader of mosaics has them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import Dataset
from pydicom.dataelem import DataElement

from triage.domain import Plane
from triage.scans.formats.decode import decode_study
from triage.scans.formats.mosaic import UNKNOWN

COUNT, ROWS, COLUMNS = 7, 96, 80
TILTED = [1, 0, 0, 0, 0.96, -0.28]


def mosaic(count: int | None = COUNT, **elements: Any) -> Dataset:
    """Seven slices on a grid of three by three; each has its number in a corner."""
    pixels = np.zeros((3 * ROWS, 3 * COLUMNS), np.uint16)
    for number in range(COUNT):
        top, left = number // 3 * ROWS, number % 3 * COLUMNS
        pixels[top : top + ROWS, left : left + COLUMNS] = drawn()
        pixels[top, left] = 1 + number
    made = instance(
        pixels,
        ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"],
        ImageOrientationPatient=TILTED,
        ImagePositionPatient=[-50, -60, 10],
        SpacingBetweenSlices=6,
        **elements,
    )
    if count is not None:
        made.add(DataElement((0x0019, 0x0010), "LO", "SIEMENS MR HEADER"))
        made.add(DataElement((0x0019, 0x100A), "US", count))
    return made


def test_tiles_are_slices_in_their_places(tmp_path: Path) -> None:
    made = mosaic()
    (stack,) = decode_study([write(tmp_path / "a", made)])
    assert [one.frame for one in stack.slices] == list(range(COUNT))
    assert {one.pixels.shape for one in stack.slices} == {(ROWS, COLUMNS)}
    assert (stack.header.plane, stack.header.spacing) == (Plane.AXIAL, (0.5, 0.6, 6.0))

    assert [one.pixels[0, 0] for one in stack.slices] == list(range(1, COUNT + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom.dicomwrappers import MosaicWrapper
    csa = {"tags": {"NumberOfImagesInMosaic": {"items": [COUNT]}, "SliceNormalVector": {"items": [0, 0.28, 0.96]}}}
    theirs = MosaicWrapper(made, csa)
    corner = np.array(theirs.image_position)
    for number, one in enumerate(stack.slices):
        assert one.origin is not None
        expected = corner + number * 6 * np.array(theirs.slice_normal)
        assert one.origin.position == pytest.approx(expected.tolist(), abs=1e-4)


def test_the_volumes_of_a_series_are_passes(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        made = mosaic(AcquisitionNumber=3 - number)
        made.PixelData = (made.pixel_array + number).astype(np.uint16).tobytes()
        paths.append(write(tmp_path / str(number), made))
    assert [[one.instance for one in stack.slices] for stack in decode_study(paths)] == [
        [number] * COUNT for number in (2, 1, 0)
    ]


@pytest.mark.parametrize("block", [0x10, 0x11, 0x1F])
@pytest.mark.parametrize("creator", ["SIEMENS MR HEADER", "SIEMENS MR HEADER "])
def test_the_block_of_private_elements_may_lie_elsewhere(tmp_path: Path, block: int, creator: str) -> None:
    made = mosaic(None)
    made.add(DataElement((0x0019, 0x0010), "LO", "SOMEBODY ELSE"))
    made.add(DataElement((0x0019, 0x100A), "US", 3))
    made.add(DataElement((0x0019, block), "LO", creator))
    made.add(DataElement((0x0019, block << 8 | 0x0A), "US", COUNT))
    (stack,) = decode_study([write(tmp_path / "a", made)])
    assert len(stack.slices) == COUNT


@pytest.mark.parametrize("count", [None, 0, 65535])
def test_a_mosaic_of_unknown_tiles_is_set_aside_with_the_remedy(tmp_path: Path, count: int | None) -> None:
    (series,) = decode_study([write(tmp_path / "a", mosaic(count))])
    assert (series.header.set_aside, series.slices) == (UNKNOWN, ())
    assert "one image per slice" in UNKNOWN
