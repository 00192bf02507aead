from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from triage.domain import Kind, Plane
from triage.errors import RefusedError
from triage.scans.inspect import inspect
from triage.scans.nifti import decode
from triage.scans.volume import decode_study


def head(shape: tuple[int, ...] = (40, 48, 12)) -> np.ndarray:
    """Right-anterior-superior voxels, bright at the right, front and top."""
    voxels = np.zeros(shape, np.int16)
    voxels[shape[0] // 2 :, shape[1] // 2 :, shape[2] // 2 :] = 900
    return voxels


def save(path: Path, voxels: np.ndarray, affine: np.ndarray | None = None, kind: type = nibabel.Nifti1Image) -> Path:
    nibabel.save(kind(voxels, np.diag([1.0, 1.0, 5.0, 1.0]) if affine is None else affine), path)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_slices_are_upright_whatever_the_affine(tmp_path: Path, name: str, kind: type) -> None:
    voxels = head()
    flipped = voxels[::-1, :, ::-1].transpose(1, 0, 2)
    affine = np.array([[0, -1.0, 0, 39], [1, 0, 0, 0], [0, 0, -5, 55], [0, 0, 0, 1]])
    for stored, given in ((voxels, None), (flipped, affine)):
        series = decode(save(tmp_path / name, stored, given, kind))
        assert series.header.plane is Plane.AXIAL
        assert series.header.spacing == (1.0, 1.0, 5.0)
        assert [item.frame for item in series.slices] == list(range(12))
        assert series.slices[0].pixels.max() == 0
        last = series.slices[-1].pixels
        assert last.shape == (48, 40)
        assert last[:24, :20].min() == 65535, "the patient's right and front are at the upper left"
        assert last.mean() == pytest.approx(65535 / 4)


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
    assert decode(save(tmp_path / "a.nii", head(shape), affine)).header.plane is plane


def test_an_affine_of_zeros_says_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", head())
    data = bytearray(path.read_bytes())
    data[280:328] = bytes(48)
    path.write_bytes(data)
    series = decode(path)
    assert (series.header.plane, series.header.spacing) == (Plane.AXIAL, (1.0, 1.0, 5.0))


def test_one_volume_of_several(tmp_path: Path) -> None:
    voxels = np.stack([head(), head() * 0 + np.arange(12, dtype=np.int16)], axis=3)
    path = save(tmp_path / "a.nii.gz", voxels)
    assert decode(path).slices[0].pixels.max() == 0
    assert decode(path).slices[11].pixels.max() == 65535
    assert decode(path, volume=1).slices[11].pixels.min() == 65535


def test_at_the_door(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", head())
    found = inspect(path)
    assert (found.kind, found.frames, found.study.uid) == (Kind.NIFTI, 12, "")
    (series,) = decode_study([path])
    assert len(series.slices) == 12


@pytest.mark.parametrize(
    ("voxels", "message"),
    [
        (head().astype(np.complex64), "complex"),
        (np.zeros((8, 8, 8), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"),
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
    path.write_bytes(gzip.compress(plain + bytes(2**26)))
    with pytest.raises(RefusedError, match="inflates to more"):
        decode(path)
    header = bytearray(plain[:352])
    header[40:56] = struct.pack("<8h", 4, 4000, 4000, 100, 10, 1, 1, 1)
    path.write_bytes(gzip.compress(bytes(header) + bytes(2**20)))
    with pytest.raises(RefusedError, match="inflates to more"):
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
        series = decode(path)
        assert series.header.plane is Plane.AXIAL
        assert series.slices[0].pixels.shape == (256, 256)
        assert len(series.slices) == 24
