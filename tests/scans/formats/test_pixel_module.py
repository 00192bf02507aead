from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import Dataset
from pydicom.uid import JPEGLSLossless
from shown_dicom import seen, shades

from triage.errors import RefusedError
from triage.scans.formats.inspect import inspect


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize(
    "keyword",
    ["BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PhotometricInterpretation", "SamplesPerPixel"],
)
def test_a_missing_element_that_can_mean_one_thing_only_is_completed(tmp_path: Path, keyword: str, empty: bool) -> None:
    made = instance()
    made["PixelData"].VR = "OW"
    if empty:
        setattr(made, keyword, None)
    else:
        delattr(made, keyword)
    assert shades(seen(tmp_path, made)[0]) == [0, 1000, 2000]
    assert inspect(tmp_path / "0").series.set_aside == ""


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"Rows": None}, r"Rows \(0028,0010\) is missing"),
        ({"Columns": 0}, r"Columns \(0028,0011\)"),
        ({"BitsAllocated": 10, "BitsStored": 10, "HighBit": 9}, r"Bits Allocated \(0028,0100\) is 10"),
        ({"BitsStored": 20}, r"Bits Stored \(0028,0101\) is 20"),
        ({"PixelRepresentation": 7}, r"Pixel Representation \(0028,0103\)"),
        ({"PhotometricInterpretation": "GREY"}, r"Photometric Interpretation \(0028,0004\) is GREY"),
    ],
)
def test_an_element_that_cannot_be_used_is_named(tmp_path: Path, elements: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        inspect(write(tmp_path / "a", instance(**elements)))


def test_zeros_above_the_values_show_that_there_is_no_sign(tmp_path: Path) -> None:
    assert shades(seen(tmp_path, instance(drawn() + 2000, PixelRepresentation=None))[0]) == [0, 1000, 2000]


@pytest.mark.parametrize(
    "made",
    [
        instance((drawn().astype(np.int64) - 1000).astype(np.uint16), BitsStored=12, HighBit=11),
        instance(drawn() + 32000, BitsStored=16, HighBit=15),
        instance((drawn() + 2000) << 4, BitsStored=12, HighBit=15),
        instance(drawn() + 2000, JPEGLSLossless),
    ],
)
def test_values_that_can_be_read_in_two_ways_are_named(tmp_path: Path, made: Dataset) -> None:
    del made.PixelRepresentation
    with pytest.raises(RefusedError, match=r"Pixel Representation \(0028,0103\) is missing"):
        inspect(write(tmp_path / "a", made))


def test_a_missing_polarity_is_that_of_the_presentation(tmp_path: Path) -> None:
    made = instance(PhotometricInterpretation=None, PresentationLUTShape="INVERSE")
    assert shades(seen(tmp_path, made)[0]) == [2000, 1000, 0]


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(
    ("filler", "elements"),
    [
        (-2000, {"PixelPaddingValue": 63536}),
        (-2000, {"PixelPaddingValue": -2000}),
        (-30000, {"PixelPaddingValue": 35536, "PixelPaddingRangeLimit": 35546}),
        (-30000, {"PixelPaddingValue": -29990, "PixelPaddingRangeLimit": -30010}),
    ],
)
@pytest.mark.parametrize("bits", [12, 16])
def test_what_only_fills_the_frame_is_dark(
    tmp_path: Path, photometric: str, filler: int, elements: dict[str, int], bits: int
) -> None:
    """Padding says US where SS is meant as often as not: the pixel representation decides."""
    pixels = drawn().astype(np.int16)
    pixels[:8] = filler
    made = instance(pixels, BitsStored=bits, HighBit=bits - 1, PhotometricInterpretation=photometric)
    for keyword, value in elements.items():
        made.add_new(keyword, "SS" if value < 0 else "US", value)
    (shown,) = seen(tmp_path, made)
    assert shown[0, 0] == 0
    assert sorted({int(value) for value in np.unique(shown)}) == [0, 1000, 2000]


@pytest.mark.parametrize("signed", [0, 1])
def test_padding_beyond_the_bits_of_a_value_is_dark(tmp_path: Path, signed: int) -> None:
    """The values have 12 bits, and the padding the 16 of their cells."""
    pixels = drawn().astype(np.int16 if signed else np.uint16)
    pixels[:8] = -30000 if signed else 63536
    made = instance(pixels, BitsStored=12, HighBit=11)
    made.add_new("PixelPaddingValue", "US", 35536 if signed else 63536)
    (shown,) = seen(tmp_path, made)
    assert shown[0, 0] == 0
    assert np.unique(shown).tolist() == [0, 1000, 2000]
