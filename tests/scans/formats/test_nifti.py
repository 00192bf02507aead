from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from triage.domain import Kind, Plane, Series
from triage.errors import RefusedError
from triage.scans.formats import nifti
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect
from triage.scans.formats.nifti import decode


def head(shape: tuple[int, ...] = (40, 48, 12)) -> np.ndarray:
    """Right-anterior-superior voxels, bright at the right, front and top."""
    voxels = np.zeros(shape, np.int16)
    voxels[shape[0] // 2 :, shape[1] // 2 :, shape[2] // 2 :] = 900
    return voxels


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None, kind: type = nibabel.Nifti1Image) -> Path:
    nibabel.save(kind(voxels, np.diag([1.0, 1.0, 5.0, 1.0]) if affine is None else affine), path)
    return path


def only(path: Path) -> Series:
    """Decode a file of one volume."""
    (series,) = decode(path)
    return series


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_slices_are_upright_whatever_the_affine(tmp_path: Path, name: str, kind: type) -> None:
    voxels = head()
    flipped = voxels[::-1, :, ::-1].transpose(1, 0, 2)
    affine = np.array([[0, -1.0, 0, 39], [1, 0, 0, 0], [0, 0, -5, 55], [0, 0, 0, 1]])
    for stored, given in ((voxels, None), (flipped, affine)):
        series = only(save(tmp_path / name, stored, given, kind))
        assert series.header.plane is Plane.AXIAL
        assert series.header.spacing == (1.0, 1.0, 5.0)
        assert [item.frame for item in series.slices] == list(range(12))
        assert series.slices[0].pixels.max() == 0
        last = series.slices[-1].pixels
        assert last.shape == (48, 40)
        assert last[:24, :20].min() == 900, "the patient's right and front are at the upper left"
        assert last.mean() == pytest.approx(900 / 4)


@pytest.mark.parametrize(
    ("shape", "affine", "plane"),
    [
        ((40, 48, 12), np.eye(4), Plane.AXIAL),
        ((40, 12, 48), np.eye(4), Plane.CORONAL),
        ((12, 40, 48), np.eye(4), Plane.SAGITTAL),
        ((40, 40, 40), np.eye(4), Plane.AXIAL),
        ((40, 40, 40), np.diag([4.0, 1.0, 1.0, 1.0]), Plane.SAGITTAL),
    ],
)
def test_the_plane_is_that_of_acquisition(
    tmp_path: Path, shape: tuple[int, ...], affine: np.ndarray, plane: Plane
) -> None:
    assert only(save(tmp_path / "a.nii", head(shape), affine)).header.plane is plane


def test_an_affine_of_zeros_says_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", head())
    data = bytearray(path.read_bytes())
    data[280:328] = bytes(48)
    path.write_bytes(data)
    series = only(path)
    assert (series.header.plane, series.header.spacing) == (Plane.AXIAL, (1.0, 1.0, 5.0))


def canonical(path: Path) -> list[np.ndarray]:
    """The slices as nibabel turns them: right-anterior-superior, shown from below with the front at the top."""
    turned = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata()
    return [turned[::-1, ::-1, at].T for at in range(turned.shape[2])]


def marked(path: Path, affine: np.ndarray) -> nibabel.Nifti1Image:
    """Voxels that differ along every axis; both forms are valid."""
    image = nibabel.Nifti1Image(np.arange(40 * 48 * 12, dtype=np.int16).reshape(40, 48, 12), affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    nibabel.save(image, path)
    return image


@pytest.mark.parametrize(
    "sform",
    [np.zeros((3, 4)), np.full((3, 4), np.nan), np.diag([1.0, 0, 5, 1])[:3], np.diag([1e-12, 1e-12, 1e-12, 1])[:3]],
)
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, -1, -1), (-1, -1, -1)])
def test_a_singular_sform_gives_way_to_the_qform(tmp_path: Path, sform: np.ndarray, signs: tuple[int, ...]) -> None:
    path = tmp_path / "a.nii"
    marked(path, np.diag([signs[0], signs[1], 5.0 * signs[2], 1.0]))
    expected = canonical(path)
    data = bytearray(path.read_bytes())
    data[280:328] = sform.astype("<f4").tobytes()
    path.write_bytes(data)
    series = only(path)
    assert (series.header.plane, series.header.spacing) == (Plane.AXIAL, (1.0, 1.0, 5.0))
    for found, wanted in zip(series.slices, expected, strict=True):
        assert np.array_equal(found.pixels, wanted)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0), (9.0, 9.0, 9.0)])
def test_without_a_usable_form_the_file_is_taken_as_nibabel_takes_it(
    tmp_path: Path, quaternion: tuple[float, ...]
) -> None:
    path = tmp_path / "a.nii"
    marked(path, np.diag([1.0, -1.0, 5.0, 1.0]))
    data = bytearray(path.read_bytes())
    data[252:254] = struct.pack("<h", int(quaternion[0] > 1))
    data[256:268] = struct.pack("<3f", *quaternion)
    data[280:328] = bytes(48)
    path.write_bytes(data)
    data[252:256] = struct.pack("<hh", 0, 0)
    (tmp_path / "none.nii").write_bytes(data)
    for found, wanted in zip(only(path).slices, canonical(tmp_path / "none.nii"), strict=True):
        assert np.array_equal(found.pixels, wanted)


@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("meter", 0.001), ("micron", 1000), ("micron", 1), ("unknown", 1)]
)
@pytest.mark.parametrize("side", [0.5, 5.0])
def test_positions_are_millimetres_whatever_the_unit(tmp_path: Path, unit: str, factor: float, side: float) -> None:
    path = tmp_path / "a.nii"
    image = nibabel.Nifti1Image(
        np.arange(40 * 48 * 12, dtype=np.int16).reshape(40, 48, 12), np.diag([-0.5, 0.6, side, 1]) * factor
    )
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    series = only(path)
    assert series.header.spacing == pytest.approx((0.6, 0.5, side), rel=1e-3)
    for found, wanted in zip(series.slices, canonical(path), strict=True):
        assert np.array_equal(found.pixels, wanted)


@pytest.mark.parametrize(("axis", "plane"), [(0, Plane.SAGITTAL), (1, Plane.CORONAL), (2, Plane.AXIAL)])
def test_one_slice_is_a_slice_whatever_its_voxels(tmp_path: Path, axis: int, plane: Plane) -> None:
    path, shape = tmp_path / "a.nii", [40, 48, 52]
    shape[axis] = 1
    for zooms in ((1, 1, 4), (1, 4, 1), (4, 1, 1)):
        nibabel.save(nibabel.Nifti1Image(np.ones(shape, np.int16), np.diag([*zooms, 1.0])), path)
        series = only(path)
        assert (series.header.plane, len(series.slices)) == (plane, 1)


@pytest.mark.parametrize("offset", [352, 353, 400, 4 * 2**20])
def test_voxels_may_begin_anywhere_behind_the_header(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "a.nii"
    marked(path, np.diag([1.0, 1.0, 5.0, 1.0]))
    expected = canonical(path)
    data = path.read_bytes()
    moved = data[:108] + struct.pack("<f", offset) + data[112:352] + b"\7" * (offset - 352) + data[352:]
    path.write_bytes(moved)
    assert all(np.array_equal(a.pixels, b) for a, b in zip(only(path).slices, expected, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(canonical(path), expected, strict=True))


def test_an_offset_within_the_header_means_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    marked(path, np.diag([1.0, 1.0, 5.0, 1.0]))
    expected = canonical(path)
    for offset in (0, 348):
        data = bytearray(path.read_bytes())
        data[108:112] = struct.pack("<f", offset)
        path.write_bytes(data)
        assert all(np.array_equal(a.pixels, b) for a, b in zip(only(path).slices, expected, strict=True))


def test_extensions_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    image = marked(path, np.diag([1.0, 1.0, 5.0, 1.0]))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"written by a tool" * 99))
    nibabel.save(image, path)
    assert all(np.array_equal(a.pixels, b) for a, b in zip(only(path).slices, canonical(path), strict=True))


@pytest.mark.parametrize("behind", [bytes(512), b"appended by a transfer", b"\x1f"])
def test_bytes_behind_the_gzip_are_left_out(tmp_path: Path, behind: bytes) -> None:
    path = tmp_path / "a.nii.gz"
    marked(path, np.diag([1.0, 1.0, 5.0, 1.0]))
    expected = canonical(path)
    path.write_bytes(path.read_bytes() + behind)
    assert all(np.array_equal(a.pixels, b) for a, b in zip(only(path).slices, expected, strict=True))


def test_a_gzip_whose_checksum_is_wrong_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", head())
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    with pytest.raises(RefusedError, match="damaged"):
        only(path)


def test_what_is_no_number_outside_the_head_is_dark(tmp_path: Path) -> None:
    voxels = np.where(head() > 0, np.arange(12) + 1.0, np.nan).astype(np.float32)
    (_, *_, last) = only(save(tmp_path / "a.nii", voxels)).slices
    assert (last.pixels[-1, -1], last.pixels[0, 0]) == (0, 65535)


def test_what_only_fills_the_frame_is_dark(tmp_path: Path) -> None:
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    plane = np.where(np.hypot(y, x) < 0.7, 800, 10)
    voxels = np.repeat(np.where(np.hypot(y, x) > 1, -32768, plane).astype(np.int16)[..., None], 6, axis=2)
    voxels[..., 0] = -32768
    series = only(save(tmp_path / "a.nii", voxels))
    assert sorted({int(value) for item in series.slices for value in np.unique(item.pixels)}) == [0, 790]


@pytest.mark.parametrize("outlier", [3e6, -3e6])
def test_a_bright_voxel_leaves_the_others_their_levels(tmp_path: Path, outlier: float) -> None:
    noise = np.random.default_rng(0).normal(500, 100, (40, 48, 12)).astype(np.float32)
    plain = np.stack([item.pixels for item in only(save(tmp_path / "a.nii", noise)).slices]).astype(float)
    noise[20, 24, 6] = outlier
    found = np.stack([item.pixels for item in only(save(tmp_path / "b.nii", noise)).slices]).astype(float)
    rest = np.ones(found.shape, bool)
    rest[6, 23, 19] = False
    assert found[6, 23, 19] == (65535 if outlier > 0 else 0)
    slope, offset = np.polyfit(plain[rest], found[rest], 1)
    assert np.abs(plain[rest] * slope + offset - found[rest]).max() < 2
    assert np.ptp(found[rest]) > 4096


def test_each_contrast_is_a_series(tmp_path: Path) -> None:
    voxels = np.stack([head(), head() * 0 + np.arange(12, dtype=np.int16)], axis=3)
    path = save(tmp_path / "a.nii.gz", voxels)
    first, second = decode(path)
    assert (first.slices[0].pixels.max(), first.slices[11].pixels.max()) == (0, 900)
    assert second.slices[11].pixels.min() == 11
    assert [(one.header.number, one.header.description) for one in (first, second)] == [
        (1, "Volume 1 of 2"),
        (2, "Volume 2 of 2"),
    ]
    assert [one.header for one in decode_study([path])] == [first.header, second.header]
    seen = inspect(path)
    assert (seen.frames, seen.series.description) == (24, "2 volumes")
    assert [one.frame for series in (first, second) for one in series.slices] == list(range(24)), (
        "no two slices share a name"
    )


#: Dimensions of the file, and which of them are x, y, z and volume; the others have one voxel.
BEYOND_THE_THIRD = [
    ((40, 48, 1, 8), (0, 1, 3)),
    ((40, 48, 1, 12), (0, 1, 3)),
    ((40, 48, 1, 1, 12), (0, 1, 4)),
    ((40, 48, 1, 1, 1, 1, 30), (0, 1, 6)),
    ((40, 48, 1, 12, 2), (0, 1, 3, 4)),
    ((40, 1, 48, 12), (0, 3, 2)),
    ((1, 40, 48, 1, 12), (4, 1, 2)),
    ((1, 40, 48, 20, 3), (3, 1, 2, 4)),
    ((40, 48, 12, 1, 2), (0, 1, 2, 4)),
]


@pytest.mark.parametrize(("shape", "axes"), BEYOND_THE_THIRD)
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
def test_slices_along_a_later_dimension(
    tmp_path: Path, shape: tuple[int, ...], axes: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    voxels = np.random.default_rng(0).integers(0, 900, shape, np.int16)
    affine = np.diag([*signs, 1.0])
    path = save(tmp_path / "a.nii.gz", voxels, affine)
    read = np.asanyarray(nibabel.load(path).dataobj)
    volumes = np.moveaxis(read, axes, range(len(axes))).reshape(*(shape[axis] for axis in axes[:3]), -1)
    found = decode(path)
    assert len(found) == volumes.shape[-1]
    for at, series in enumerate(found):
        straight = save(tmp_path / "b.nii", volumes[..., at], affine)
        lowest = int(np.argmin(volumes.shape[:3]))
        assert series.header.plane is (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[lowest]
        assert len(series.slices) == volumes.shape[lowest]
        for one, wanted in zip(series.slices, only(straight).slices, strict=True):
            assert np.array_equal(one.pixels, wanted.pixels)
            assert one.height == wanted.height


def test_slices_along_a_later_dimension_may_be_more_than_the_rows(tmp_path: Path) -> None:
    (series,) = decode(save(tmp_path / "a.nii", np.zeros((64, 64, 1, 90), np.int16), np.diag([1.0, 3.0, 1.0, 1.0])))
    assert [item.pixels.shape for item in series.slices] == [(64, 64)] * 90


@pytest.mark.parametrize(
    ("shape", "intent", "message"),
    [
        ((40, 48, 12, 1, 3), "vector", "3 values"),
        ((40, 48, 12, 1, 3), "none", "3 values"),
        ((40, 48, 1, 1, 2), "displacement vector", "2 values"),
        ((40, 48, 12, 1, 6), "symmetric matrix", "6 values.*Export the volume"),
        ((40, 48, 12, 1, 3), 2003, "colours"),
    ],
)
def test_several_values_per_voxel_are_named(
    tmp_path: Path, shape: tuple[int, ...], intent: str | int, message: str
) -> None:
    image = nibabel.Nifti1Image(np.zeros(shape, np.float32), np.eye(4))
    image.header.set_intent(intent, allow_unknown=True)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(RefusedError, match=message):
        decode(tmp_path / "a.nii")


def test_of_many_volumes_the_first_stands_for_all_and_no_other_lies_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    voxels = np.repeat(head((64, 64, 32))[..., None], 100, axis=3)
    voxels[..., 1:] = 0
    save(path, voxels)
    only(path)
    tracemalloc.start()
    series = only(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20, "the file inflates to 25 MB"
    assert series.slices[-1].pixels.max() == 900
    assert series.header.description == "Volume 1 of 100"


def test_contrasts_that_are_too_large_together_are_not_decoded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.nii", np.stack([head()] * 2, axis=3))
    monkeypatch.setattr(nifti, "MAX_DECODED", 2 * head().nbytes - 1)
    assert len(decode(path)) == 1


def test_a_file_of_several_gzip_members_is_one(tmp_path: Path) -> None:
    plain = save(tmp_path / "a.nii", head()).read_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(plain[:20000]) + gzip.compress(plain[20000:]))
    assert only(path).slices[-1].pixels.max() == 900


@pytest.mark.parametrize(
    ("slope", "intercept", "corner"),
    [(2.0, -5.0, 0), (-1.0, 0.0, 900), (0.0, 7.0, 0), (float("nan"), float("nan"), 0)],
)
def test_the_scale_of_the_values_is_applied(tmp_path: Path, slope: float, intercept: float, corner: int) -> None:
    path = save(tmp_path / "a.nii", head())
    data = bytearray(path.read_bytes())
    data[112:120] = struct.pack("<2f", slope, intercept)
    path.write_bytes(data)
    last = only(path).slices[-1].pixels
    assert (last[-1, -1], last[0, 0]) == (corner, 900 - corner)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i4", "u4", "i8", "f4", "f8", ">i2", ">f4"])
def test_every_depth_gives_the_same_slices(tmp_path: Path, kind: str) -> None:
    small = (head() // 9).astype(kind)
    image = nibabel.Nifti1Image(small, np.diag([1.0, 1.0, 5.0, 1.0]), dtype=small.dtype)
    if kind.startswith(">"):
        image = nibabel.Nifti1Image(small, image.affine, header=image.header.as_byteswapped(">"), dtype=small.dtype)
    nibabel.save(image, tmp_path / "a.nii")
    expected = only(save(tmp_path / "b.nii", head() // 9))
    step = 655.35 if small.dtype.kind == "f" else 1
    for found, wanted in zip(only(tmp_path / "a.nii").slices, expected.slices, strict=True):
        assert np.array_equal(found.pixels, np.rint(wanted.pixels * step))


def test_oblique_volumes_go_to_the_nearest_view(tmp_path: Path) -> None:
    turn = np.eye(4)
    angle = np.deg2rad(20)
    turn[:3, :3] = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    straight = only(save(tmp_path / "a.nii", head()))
    oblique = only(save(tmp_path / "b.nii", head(), turn @ np.diag([1.0, 1.0, 5.0, 1.0])))
    assert oblique.header.plane is Plane.AXIAL
    assert oblique.header.spacing == pytest.approx((1.0, 1.0, 5.0))
    assert np.array_equal(oblique.slices[-1].pixels, straight.slices[-1].pixels)


def test_at_the_door(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", head())
    found = inspect(path)
    assert (found.kind, found.frames, found.study.uid) == (Kind.NIFTI, 12, "")
    (series,) = decode_study([path])
    assert len(series.slices) == 12


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        (head().astype(np.complex64), "complex.*Export its magnitude"),
        (np.zeros((8, 8, 8), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours.*Export the volume"),
        (np.full((8, 8, 8), np.nan, np.float32), "NaN"),
        (np.full((8, 8, 8), np.inf, np.float32), "NaN or infinity"),
    ],
)
def test_what_is_no_gray_value_is_refused(tmp_path: Path, voxels: np.ndarray, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        decode(save(tmp_path / "a.nii", voxels))


@pytest.mark.parametrize(
    ("offset", "written", "message"),
    [
        (40, struct.pack("<8h", 3, -4, 48, 12, 1, 1, 1, 1), "damaged"),
        (40, struct.pack("<8h", 3, 30000, 30000, 30000, 1, 1, 1, 1), "more than can be decoded"),
        (40, struct.pack("<8h", 3, 400, 480, 120, 1, 1, 1, 1), "promises more"),
        (40, struct.pack("<8h", 99, 40, 48, 12, 1, 1, 1, 1), "damaged"),
        (280, struct.pack("<f", float("nan")), "NaN affine"),
        (108, struct.pack("<f", 1e9), "promises more"),
        (108, struct.pack("<f", float("nan")), "damaged"),
        (112, struct.pack("<f", float("inf")), "scale"),
        (70, struct.pack("<hh", 1536, 128), "damaged"),
        (70, struct.pack("<hh", 1, 1), "damaged"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_refused(tmp_path: Path, offset: int, written: bytes, message: str) -> None:
    path = save(tmp_path / "a.nii", head())
    data = bytearray(path.read_bytes())
    data[offset : offset + len(written)] = written
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=message):
        decode(path)


def test_bombs_and_cut_files_are_refused(tmp_path: Path) -> None:
    plain = save(tmp_path / "a.nii", head()).read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(plain + bytes(2**22)))
    with pytest.raises(RefusedError, match="is longer"):
        decode(path)
    header = bytearray(plain[:352])
    header[40:56] = struct.pack("<8h", 4, 400, 400, 100, 100, 1, 1, 1)
    path.write_bytes(gzip.compress(bytes(header) + bytes(2**20)))
    with pytest.raises(RefusedError, match="inflate to more"):
        decode(path)
    packed = gzip.compress(plain)
    for share in (0.05, 0.5, 0.99):
        path.write_bytes(packed[: int(len(packed) * share)])
        with pytest.raises(RefusedError):
            decode(path)
    path.write_bytes(plain[: len(plain) // 2])
    with pytest.raises(RefusedError, match="promises more"):
        decode(path)


@pytest.mark.data
def test_real_volumes_are_read(data_folder: Path) -> None:
    paths = sorted((data_folder / "btp").rglob("*Scan*.nii.gz"))
    assert paths
    for path in paths:
        series = only(path)
        assert series.header.plane is Plane.AXIAL
        assert series.slices[0].pixels.shape == (256, 256)
        assert len(series.slices) == 24


@pytest.mark.parametrize("slope", [(None, None), (2.5, -300.0), (0.001, 4.0)])
def test_gray_values_lead_back_to_the_values_of_nibabel(tmp_path: Path, slope: tuple[float, float]) -> None:
    image = nibabel.Nifti1Image(head(), np.diag([1.0, 1.0, 5.0, 1.0]))
    image.header.set_slope_inter(*slope)
    nibabel.save(image, tmp_path / "a.nii")
    series = only(tmp_path / "a.nii")
    values = np.stack([one.pixels * one.meaning.slope + one.meaning.intercept for one in series.slices])
    expected = nibabel.load(tmp_path / "a.nii").get_fdata()
    np.testing.assert_allclose(values, expected[::-1, ::-1].transpose(2, 1, 0))
