from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, encapsulated, instance, lossless_jpeg, write
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    MPEG4HP41,
    UID,
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

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


def lut(outputs: Any, bits: int, first: int = 0) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(outputs), first, bits])
    item.LUTData = np.array(outputs, "<u2").tobytes()
    item.ModalityLUTType = "US"
    return [item]


def by_dcmtk(path: Path, *options: str) -> NDArray[np.int64]:
    """The picture as dcmtk shows it: a gray map, 0 to 65535."""
    tool = shutil.which("dcmj2pnm")
    if tool is None:
        pytest.skip("dcmtk is not installed")
    shown = subprocess.run([tool, "+Wm", "+opw", *options, path], capture_output=True, timeout=60, check=True)
    return np.asarray(Image.open(io.BytesIO(shown.stdout)), np.int64)


def test_the_steps_of_a_series_are_kept(tmp_path: Path) -> None:
    low, high = seen(tmp_path, instance(drawn() // 2), instance())
    assert shades(high) == [0, 1000, 2000]
    assert shades(low) == [0, 500, 1000], "half as bright as the slice above"


def test_signed_pixels_and_the_rescale(tmp_path: Path) -> None:
    signed = drawn().astype(np.int16) - 1000
    (pixels,) = seen(tmp_path, instance(signed, RescaleSlope="2", RescaleIntercept="3", BitsStored=16, HighBit=15))
    assert shades(pixels) == [0, 1000, 2000]
    steep = instance(RescaleSlope="2", RescaleIntercept="0")
    low, high = seen(tmp_path, instance(RescaleSlope="1", RescaleIntercept="0"), steep)
    assert (shades(low)[2], shades(high)[2]) == (32768, 65535), "each has the slope of its own file"


@pytest.mark.parametrize("elements", [{"RescaleSlope": None}, {"RescaleSlope": "0", "RescaleIntercept": ""}])
def test_a_rescale_that_is_not_filled_in_does_nothing(tmp_path: Path, elements: dict[str, Any]) -> None:
    made = instance(RescaleSlope="1", RescaleIntercept="0")
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    assert shades(seen(tmp_path, made)[0]) == [0, 1000, 2000]


def test_bits_that_are_no_pixels_are_left_out(tmp_path: Path) -> None:
    """Old scanners keep overlays in the bits above the twelve that are stored."""
    for kind, sign in ((np.uint16, 0), (np.int16, -1000)):
        pixels = (drawn().astype(np.int64) + sign) & 0x0FFF | 0x5000
        made = instance(pixels.astype(kind), BitsStored=12, HighBit=11)
        assert shades(seen(tmp_path, made)[0]) == [0, 1000, 2000]


def test_dark_and_bright_are_exchanged_by_one_scale(tmp_path: Path) -> None:
    inverted = {"PhotometricInterpretation": "MONOCHROME1"}
    low, high = seen(tmp_path, instance(drawn() // 2, **inverted), instance(**inverted))
    assert shades(high) == [2000, 1000, 0]
    assert shades(low) == [2000, 1500, 1000]


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": "40", "WindowWidth": "80"},
        {"WindowCenter": ["2000", "40"], "WindowWidth": ["4000", "80"]},
        {"WindowCenter": "1000", "WindowWidth": "1000", "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": "500", "WindowWidth": "0"},
        {"VOILUTSequence": lut([0, 4095], 12, first=1500)},
        {"VOILUTSequence": lut([0, 1], 40)},
    ],
)
def test_how_somebody_showed_the_picture_takes_nothing_from_it(tmp_path: Path, elements: dict[str, Any]) -> None:
    plain, windowed = seen(tmp_path, instance(), instance(**elements))
    assert shades(windowed) == [0, 1000, 2000]
    assert np.array_equal(plain, windowed)


@pytest.mark.parametrize("first", [1000, 64536])
def test_a_modality_table_is_applied(tmp_path: Path, first: int) -> None:
    """The first mapped value is signed where the pixels are, whatever its own representation says."""
    outputs = np.arange(1001) ** 2 // 20
    pixels = drawn() if first == 1000 else drawn().astype(np.int16) - 2000
    made = instance(pixels, ModalityLUTSequence=lut(outputs, 16, first), BitsStored=16, HighBit=15)
    values = np.clip(pixels.astype(np.int64) - (first if first == 1000 else -1000), 0, 1000)
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, outputs[values])


def test_a_modality_table_of_bytes_is_read(tmp_path: Path) -> None:
    item = lut(range(100), 8)
    item[0].LUTData = bytes(range(100))
    (shown,) = seen(tmp_path, instance(drawn() // 50, ModalityLUTSequence=item))
    assert shades(shown) == [0, 20, 40]


def test_a_table_without_outputs_is_named(tmp_path: Path) -> None:
    item = lut([], 16)
    item[0].LUTData = b""
    with pytest.raises(RefusedError, match=r"LUT Data \(0028,3006\)"):
        seen(tmp_path, instance(ModalityLUTSequence=item))


@pytest.mark.parametrize("component", ["ComplexImageComponent", "ImageType"])
def test_magnitude_and_phase_have_scales_of_their_own(tmp_path: Path, component: str) -> None:
    """Frames of one object, each with a rescale of its own."""
    made = instance(np.stack([drawn(), drawn() // 2, drawn(), drawn() // 4]), SOPClassUID=EnhancedMRImageStorage)
    made.PerFrameFunctionalGroupsSequence = []
    for at in range(4):
        kind, place, value = Dataset(), Dataset(), Dataset()
        if component == "ComplexImageComponent":
            kind.ComplexImageComponent = "MAGNITUDE" if at < 2 else "PHASE"
        else:
            kind.FrameType = ["ORIGINAL", "PRIMARY", "M" if at < 2 else "PHASE MAP"]
        place.ImagePositionPatient = [0, 0, at]
        value.RescaleSlope, value.RescaleIntercept = ("30", str(at)) if at < 2 else ("0.003", f"-{at}")
        group = Dataset()
        group.MRImageFrameTypeSequence, group.PlanePositionSequence = [kind], [place]
        group.PixelValueTransformationSequence = [value]
        made.PerFrameFunctionalGroupsSequence.append(group)
    (series,) = decode_study([write(tmp_path / "a", made)])
    bright = [int(item.pixels.max()) for item in series.slices]
    assert bright[0] == 65535
    assert bright[1] == pytest.approx(32768, abs=20)
    assert min(bright[2:]) > 10000, "not squeezed into the scale of the magnitude"


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_a_bright_pixel_leaves_the_others_their_levels(tmp_path: Path, kind: type) -> None:
    pixels = (drawn() // 10 + np.arange(80, dtype=np.uint16)).astype(kind)
    top = 65000 if kind is np.uint16 else 3 * 10**8
    outlier = pixels.copy()
    outlier[50, 40] = top
    found = []
    for at, data in enumerate((pixels, outlier)):
        made = instance(data, BitsStored=8 * data.itemsize, HighBit=8 * data.itemsize - 1)
        if kind is np.float32:
            made.FloatPixelData = made.PixelData
            del made.PixelData
        (tmp_path / str(at)).mkdir()
        found.append(seen(tmp_path / str(at), made)[0])
    assert found[1][50, 40] == found[1].max()
    assert len(np.unique(found[1])) == len(np.unique(outlier)), "no two values fell together"
    assert [int(value) for value in np.unique(found[1])] == sorted({int(value) for value in found[1].ravel()})


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


def test_floating_point_padding_is_dark(tmp_path: Path) -> None:
    pixels = drawn().astype(np.float32)
    pixels[:8] = -1e30
    made = instance(pixels, FloatPixelPaddingValue=-1e30)
    made.FloatPixelData = made.PixelData
    del made.PixelData
    assert shades(seen(tmp_path, made)[0][8:], drawn()[8:]) == [0, 32768, 65535]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("signed", [0, 1])
def test_the_high_bit_says_where_the_value_lies(tmp_path: Path, syntax: UID, signed: int) -> None:
    noise = np.random.default_rng(0).integers(0, 16, drawn().shape)
    kind = np.int16 if signed else np.uint16
    cells = ((drawn().astype(np.int64) - 1000 * signed) << 4 | noise).astype(np.uint16).view(kind)
    made = instance(cells, syntax=syntax, BitsStored=12, HighBit=15)
    path = write(tmp_path / "a", made)
    (shown,) = seen(tmp_path, made)
    assert shades(shown) == [0, 1000, 2000]
    assert shades(by_dcmtk(path)) == pytest.approx([0, 32768, 65535], abs=1)


def test_the_high_bit_of_a_codestream_depends_on_its_depth(tmp_path: Path) -> None:
    cells = (drawn() << 4) | 5
    whole = encapsulated(instance(cells, BitsStored=12, HighBit=15), JPEGLosslessSV1, lossless_jpeg(cells))
    (shown,) = seen(tmp_path, whole)
    assert shades(shown) == [0, 1000, 2000]
    values = instance(BitsStored=12, HighBit=11, syntax=JPEGLSLossless)
    values.HighBit = 15
    (shown,) = seen(tmp_path, values)
    assert shades(shown) == [0, 1000, 2000], "the codestream holds 12 bits"


@pytest.mark.parametrize("frames", [1, 3])
def test_two_pixels_in_three_bytes(tmp_path: Path, frames: int) -> None:
    """BitsAllocated 12 of the first scanners (PS3.5 D)."""
    pixels = np.stack([drawn(95, 81) + at for at in range(frames)])
    pairs = np.pad(pixels.ravel(), (0, pixels.size % 2)).reshape(-1, 2)
    packed = np.stack([pairs[:, 0] & 255, pairs[:, 0] >> 8 | (pairs[:, 1] & 15) << 4, pairs[:, 1] >> 4], axis=1)
    data = packed.astype(np.uint8).tobytes()
    made = instance(pixels, BitsAllocated=12, BitsStored=12, HighBit=11, PixelData=data + bytes(len(data) % 2))
    (series,) = decode_study([write(tmp_path / "a", made)])
    for at, item in enumerate(series.slices):
        assert np.array_equal(item.pixels, pixels[at])
    assert np.array_equal(by_dcmtk(tmp_path / "a") > 30000, pixels[0] > 900)
    made.PixelData = data[:-400]
    with pytest.raises(RefusedError, match="promises more"):
        inspect(write(tmp_path / "b", made))


def palette(colours: NDArray[Any], pixels: NDArray[np.uint8]) -> Dataset:
    """An image whose values are places in a palette."""
    made = instance(pixels, PhotometricInterpretation="PALETTE COLOR")
    for at, name in enumerate(("Red", "Green", "Blue")):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{name}PaletteColorLookupTableData", colours[:, at].astype("<u2").tobytes())
    return made


def test_a_gray_palette_is_applied(tmp_path: Path) -> None:
    places = (drawn() // 10).astype(np.uint8)
    shuffled = np.random.default_rng(0).permutation(256) * 257
    (shown,) = seen(tmp_path, palette(np.stack([shuffled] * 3, axis=1), places))
    darkest = shuffled[places].min()
    assert np.array_equal(shown, shuffled[places] - darkest)
    assert np.array_equal(
        apply_color_lut(places, palette(np.stack([shuffled] * 3, axis=1), places))[..., 0] - darkest, shown
    )


def test_a_palette_of_colours_is_set_aside(tmp_path: Path) -> None:
    colours = np.stack([np.arange(256) * 257, np.arange(256)[::-1] * 257, np.zeros(256)], axis=1)
    places = (drawn() // 10).astype(np.uint8)
    made = palette(colours, places)
    assert inspect(write(tmp_path / "a", made)).series.set_aside == "Colour: a derived image"
    del made.RedPaletteColorLookupTableData
    assert inspect(write(tmp_path / "b", made)).series.set_aside == "Colour: a derived image"


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


def test_floating_point_pixels(tmp_path: Path) -> None:
    made = instance(drawn().astype(np.float32))
    made.FloatPixelData = made.PixelData
    del made.PixelData
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]
    outside = np.where(drawn() == DARK, np.nan, drawn()).astype(np.float32)
    made.FloatPixelData = outside.tobytes()
    assert shades(seen(tmp_path, made)[0]) == [0, 0, 65535], "what is no number is dark, as the lowest value"
    made.FloatPixelData = np.full_like(outside, np.nan).tobytes()
    with pytest.raises(RefusedError, match="NaN"):
        seen(tmp_path, made)


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
