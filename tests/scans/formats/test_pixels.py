from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicoms import head
from drawn_dicom import drawn, encapsulated, instance, lossless_jpeg, write
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_rescale
from pydicom.uid import (
    MPEG4HP41,
    UID,
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from shown_dicom import DARK, lut, seen, shades

from triage.errors import RefusedError
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect


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


@pytest.mark.parametrize("bits", [8, 10, 11])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1]
)
def test_values_may_have_more_bits_than_stated(tmp_path: Path, bits: int, signed: int, syntax: UID) -> None:
    values = head().astype(np.int16) - 300 if signed else head()
    made = instance(values, BitsStored=16, HighBit=15)
    if syntax == JPEGLosslessSV1:
        made = encapsulated(made, syntax, lossless_jpeg(values.astype(np.uint16)))
    elif syntax.is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    made.BitsStored, made.HighBit = bits, bits - 1
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, head() - head().min())


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_pixels_in_the_other_byte_order_than_their_file_are_read(tmp_path: Path, signed: int, syntax: UID) -> None:
    values = head().astype(np.int16) - 300 if signed else head()
    made = instance(
        values.astype(">i2" if syntax == ExplicitVRLittleEndian else "<i2"),
        syntax,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=signed,
    )
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, head() - head().min())


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
@pytest.mark.parametrize("factor", [1, 1000])
def test_big_endian_of_32_bits_by_dcmtk_is_read(tmp_path: Path, kind: type, factor: int) -> None:
    """It exchanges the bytes within words of 16 bits, and pydicom within the cell of 32."""
    tool = shutil.which("dcmconv")
    if tool is None:
        pytest.skip("dcmtk is not installed")
    values = (head().astype(np.int64) * factor - 300 * factor * (kind == np.int32)).astype(kind)
    elements = {"BitsStored": 32, "HighBit": 31, "PixelRepresentation": int(kind == np.int32)}
    write(tmp_path / "little", instance(values, **elements))
    subprocess.run([tool, "+tb", tmp_path / "little", tmp_path / "dcmtk"], check=True, timeout=60)
    big = values.astype(values.dtype.newbyteorder(">"))
    write(tmp_path / "pydicom", instance(big, ExplicitVRBigEndian, **elements))
    shown = [decode_study([tmp_path / name])[0].slices[0].pixels for name in ("little", "dcmtk", "pydicom")]
    assert np.array_equal(shown[1], shown[0])
    assert np.array_equal(shown[2], shown[0])


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("named", [True, False])
def test_overlays_in_the_upper_bits_are_no_values(tmp_path: Path, signed: int, named: bool) -> None:
    """A circle and a caption; an object that does not name its overlays has to show them by their edges."""
    y, x = np.mgrid[:128, :128]
    plane = (abs(np.hypot(y - 60, x - 70) - 30) < 1.5) | ((y > 110) & (y % 3 == 0) & (x % 2 == 0))
    values = head().astype(np.int64) - 600 * signed
    cells = (values & 0x0FFF | plane.astype(np.int64) << 12).astype(np.uint16)
    made = instance(cells.view(np.int16) if signed else cells, BitsStored=12, HighBit=11)
    if named:
        made.add_new(0x60000100, "US", 16)
        made.add_new(0x60000102, "US", 12)
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, head() - head().min())
    assert np.corrcoef(by_dcmtk(tmp_path / "0").ravel(), shown.ravel())[0, 1] > 0.999


def test_a_filled_overlay_is_no_value_if_it_is_named(tmp_path: Path) -> None:
    y, x = np.mgrid[:128, :128]
    made = instance(head() | ((x + y > 128) * 0x4000).astype(np.uint16), BitsStored=12, HighBit=11)
    made.add_new(0x60020100, "US", 16)
    made.add_new(0x60020102, "US", 14)
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, head() - head().min())


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


@pytest.mark.parametrize(
    ("elements", "unit"),
    [
        ({}, ""),
        ({"RescaleSlope": "2.5", "RescaleIntercept": "-40", "RescaleType": "HU"}, "HU"),
        ({"RescaleSlope": "-1", "RescaleIntercept": "9", "RescaleType": "US"}, ""),
        ({"PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": "3", "RescaleIntercept": "1"}, ""),
    ],
)
def test_gray_values_lead_back_to_the_values_of_pydicom(tmp_path: Path, elements: dict[str, Any], unit: str) -> None:
    made = instance(WindowCenter=["300", "40"], WindowWidth=["600", "80"], **elements)
    (series,) = decode_study([write(tmp_path / "a", made)])
    (shown,) = series.slices
    values = shown.pixels * shown.meaning.slope + shown.meaning.intercept
    np.testing.assert_allclose(values, apply_rescale(drawn(), made))
    assert (shown.meaning.unit, shown.meaning.window) == (unit, (300.0, 600.0))


@pytest.mark.parametrize(
    "window", [(None, None), ("40", "0"), ("40", "-1"), ("40", None), (["1e400", "2"], "5")], ids=str
)
def test_a_window_that_says_nothing_is_none(tmp_path: Path, window: tuple[Any, Any]) -> None:
    given = {name: value for name, value in zip(("WindowCenter", "WindowWidth"), window, strict=True) if value}
    (series,) = decode_study([write(tmp_path / "a", instance(**given))])
    assert series.slices[0].meaning.window is None


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


@pytest.mark.parametrize("encoded", [0, 1])
@pytest.mark.parametrize("signed", [0, 1])
def test_the_sign_is_that_of_the_values_if_header_and_codestream_differ(
    tmp_path: Path, encoded: int, signed: int
) -> None:
    """The codestream says `encoded` of its values, the header the opposite, and the values are signed or not."""
    values = head().astype(np.int64) + 500 - 2000 * signed
    cells = values & 0x0FFF
    if encoded:
        cells = (cells ^ 0x0800) - 0x0800
    made = instance(cells.astype(np.int16 if encoded else np.uint16), BitsStored=12, HighBit=11)
    made.compress(JPEG2000Lossless, generate_instance_uid=False)
    made.PixelRepresentation = 1 - encoded
    (shown,) = seen(tmp_path, made)
    assert np.array_equal(shown, values - values.min())


def test_a_number_of_frames_that_is_none_means_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a", instance(NumberOfFrames=111))
    path.write_bytes(path.read_bytes().replace(b"IS\4\x00111 ", b"IS\4\0abc "))
    assert inspect(path).frames == 1
    assert len(decode_study([path])[0].slices) == 1


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


def test_floating_point_pixels(tmp_path: Path) -> None:
    made = instance(drawn().astype(np.float32))
    made.FloatPixelData = made.PixelData
    del made.PixelData
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535]
    outside = np.where(drawn() == DARK, np.nan, drawn()).astype(np.float32)
    made.FloatPixelData = outside.tobytes()
    assert shades(seen(tmp_path, made)[0]) == [0, 32768, 65535], "what is no number is as dark as no signal"
    made.FloatPixelData = np.full_like(outside, np.nan).tobytes()
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


def test_colour_that_does_not_say_how_it_lies_is_set_aside(tmp_path: Path) -> None:
    made = instance(np.zeros((96, 240), np.uint8), SamplesPerPixel=3, PhotometricInterpretation="RGB")
    made.Columns = 80
    assert inspect(write(tmp_path / "a", made)).series.set_aside == "Colour: a derived image"


def test_a_film_is_refused(tmp_path: Path) -> None:
    made = instance()
    made.file_meta.TransferSyntaxUID = MPEG4HP41
    made["PixelData"].is_undefined_length = True
    made["PixelData"].VR = "OB"
    made.PixelData = encapsulate([b"\0\0\0\x01film"])
    with pytest.raises(RefusedError, match="compression is not supported"):
        inspect(write(tmp_path / "a", made))
