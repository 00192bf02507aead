from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG4HP41, CTImageStorage

from triage.errors import RefusedError
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect

#: The three stored values of the drawn slice.
DARK, HALF, FULL = 0, 1000, 2000


def seen(folder: Path, *instances: Dataset) -> list[NDArray[Any]]:
    """The slices of one series, bottom first."""
    for height, made in enumerate(instances):
        made.ImagePositionPatient = [0, 0, height]
    (series,) = decode_study([write(folder / str(index), made) for index, made in enumerate(instances)])
    return [item.pixels for item in series.slices]


def shades(pixels: NDArray[Any], stored: NDArray[Any] | None = None) -> list[int]:
    """What became of the drawn slice's values."""
    stored = drawn() if stored is None else stored
    return [int(pixels[stored == value][0]) for value in (DARK, HALF, FULL)]


def voi_table(outputs: list[int], bits: int, first: int = 0) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [len(outputs), first, bits], np.array(outputs, "<u2").tobytes()
    return [item]


def test_without_a_window_the_whole_series_has_one_scale(tmp_path: Path) -> None:
    low, high = seen(tmp_path, instance(drawn() // 2), instance())
    assert shades(high) == [0, 32768, 65535]
    assert shades(low) == [0, 16384, 32768], "half as bright as the slice above"


def test_signed_pixels_and_the_rescale(tmp_path: Path) -> None:
    signed = drawn().astype(np.int16) - 1000
    (pixels,) = seen(tmp_path, instance(signed, RescaleSlope="2", RescaleIntercept="3", BitsStored=16, HighBit=15))
    assert shades(pixels) == [0, 32768, 65535]
    steep = instance(RescaleSlope="2", RescaleIntercept="0")
    low, high = seen(tmp_path, instance(RescaleSlope="1", RescaleIntercept="0"), steep)
    assert (shades(low)[2], shades(high)[2]) == (32768, 65535), "each has the slope of its own file"


@pytest.mark.parametrize("elements", [{"RescaleSlope": None}, {"RescaleSlope": "0", "RescaleIntercept": ""}])
def test_a_rescale_that_is_not_filled_in_does_nothing(tmp_path: Path, elements: dict[str, Any]) -> None:
    made = instance(RescaleSlope="1", RescaleIntercept="0")
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]


def test_bits_that_are_no_pixels_are_left_out(tmp_path: Path) -> None:
    """Old scanners keep overlays in the bits above the twelve that are stored."""
    for kind, sign in ((np.uint16, 0), (np.int16, -1000)):
        pixels = (drawn().astype(np.int64) + sign) & 0x0FFF | 0x5000
        made = instance(pixels.astype(kind), BitsStored=12, HighBit=11)
        assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]


def test_dark_and_bright_are_exchanged_by_one_scale(tmp_path: Path) -> None:
    inverted = {"PhotometricInterpretation": "MONOCHROME1"}
    low, high = seen(tmp_path, instance(drawn() // 2, **inverted), instance(**inverted))
    assert shades(high) == [65535, 32768, 0]
    assert shades(low) == [65535, 49151, 32768]


def test_a_window_of_the_file_is_applied(tmp_path: Path) -> None:
    (pixels,) = seen(tmp_path, instance(WindowCenter="500.5", WindowWidth="1001"))
    assert shades(pixels) == [0, 65535, 65535]
    (pixels,) = seen(tmp_path, instance(WindowCenter=["2000", "40"], WindowWidth=["4000", "80"]))
    assert shades(pixels) == pytest.approx([0, 16384, 32768], abs=20), "the first of several; not stretched again"
    exact = instance(WindowCenter="1000", WindowWidth="4000", VOILUTFunction="LINEAR_EXACT")
    assert shades(seen(tmp_path, exact)[0]) == [16384, 32768, 49151]
    sigmoid = instance(WindowCenter="1000", WindowWidth="1000", VOILUTFunction="SIGMOID")
    assert shades(seen(tmp_path, sigmoid)[0]) == pytest.approx([1179, 32768, 64356], abs=2)
    dark = instance(WindowCenter="500.5", WindowWidth="1001", PhotometricInterpretation="MONOCHROME1")
    assert shades(seen(tmp_path, dark)[0]) == [65535, 0, 0]


def test_a_series_is_seen_through_one_window(tmp_path: Path) -> None:
    """Scanners give every slice a window of its own; the slices are to compare all the same."""
    windows = [("900", "1800"), ("1000", "2000"), ("3000", "6000")]
    slices = seen(tmp_path, *(instance(WindowCenter=centre, WindowWidth=width) for centre, width in windows))
    assert all(np.array_equal(pixels, slices[0]) for pixels in slices)
    assert shades(slices[0]) == pytest.approx([0, 32768, 65535], abs=50)


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"WindowCenter": "500"},
        {"WindowCenter": "500", "WindowWidth": "0"},
        {"WindowCenter": "500", "WindowWidth": "-7"},
        {"WindowCenter": "500", "WindowWidth": "900", "VOILUTFunction": "CUBIC"},
    ],
)
def test_one_slice_without_a_window_of_use_leaves_the_range_of_all(tmp_path: Path, elements: dict[str, Any]) -> None:
    slices = seen(tmp_path, instance(WindowCenter="500.5", WindowWidth="1001"), instance(**elements))
    assert [shades(pixels) for pixels in slices] == [[0, 32768, 65535]] * 2


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_table_of_the_file_is_applied(tmp_path: Path, bits: int) -> None:
    white = 2**bits - 1
    outputs = [white * min(value, 1500) // 1500 for value in range(4096)]
    (pixels,) = seen(tmp_path, instance(VOILUTSequence=voi_table(outputs, bits)))
    assert shades(pixels) == pytest.approx([0, 43690, 65535], abs=2 * 65535 / white)
    (pixels,) = seen(tmp_path, instance(VOILUTSequence=voi_table([0, white], bits, first=1500)))
    assert shades(pixels) == [0, 0, 65535], "values on either side of the table take its ends"


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="look-up table"):
        seen(tmp_path, instance(VOILUTSequence=voi_table([0, 1], 40)))


def test_what_only_fills_the_frame_does_not_set_the_scale(tmp_path: Path) -> None:
    for photometric, corner in (("MONOCHROME2", 0), ("MONOCHROME1", 0)):
        pixels = drawn().astype(np.int16)
        pixels[:8] = -30000
        made = instance(pixels, PixelPaddingValue=-30000, BitsStored=16, HighBit=15)
        made.PhotometricInterpretation = photometric
        (shown,) = seen(tmp_path, made)
        assert shown[0, 0] == corner
        assert sorted({int(value) for value in np.unique(shown)}) == [0, 32768, 65535]


def test_floating_point_pixels(tmp_path: Path) -> None:
    made = instance(drawn().astype(np.float32))
    made.FloatPixelData = made.PixelData
    del made.PixelData
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]
    broken = drawn().astype(np.float32)
    broken[3, 3] = np.nan
    made.FloatPixelData = broken.tobytes()
    with pytest.raises(RefusedError, match="NaN"):
        inspect(write(tmp_path / "a", made))


def test_thirty_two_bits(tmp_path: Path) -> None:
    wide = drawn().astype(np.uint32) * 10**6
    made = instance(wide, BitsStored=32, HighBit=31)
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]


def test_colour_of_half_the_columns_is_not_called_cut(tmp_path: Path) -> None:
    made = instance(
        np.zeros((96, 160), np.uint8),
        SOPClassUID=CTImageStorage,
        Modality="US",
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
    )
    made.Columns = 80
    assert inspect(write(tmp_path / "a", made)).series.set_aside == "Not MR: US"


def test_a_film_is_refused(tmp_path: Path) -> None:
    made = instance()
    made.file_meta.TransferSyntaxUID = MPEG4HP41
    made["PixelData"].is_undefined_length = True
    made["PixelData"].VR = "OB"
    made.PixelData = encapsulate([b"\0\0\0\x01film"])
    with pytest.raises(RefusedError, match="compression is not supported"):
        inspect(write(tmp_path / "a", made))
