"""Planes cut from a volume: the same anatomy at the same place as slices acquired in that plane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from drawn_dicom import instance, write
from pydicom.uid import generate_uid

from triage.domain import Finding, Plane, Series
from triage.phantom_studies import phantom_study
from triage.scans.formats import nifti
from triage.scans.formats.decode import decode_study
from triage.scans.reformat import MANY_SIZES, NO_PLACES, PLACE_TWICE, SHIFTED, SINGLE, UNEVEN, Cut, cuts, why_no_volume

#: Right, front, top; each value of the volume is there once.
VOXELS = np.random.default_rng(3).permutation(20 * 24 * 28).astype(np.int16).reshape(20, 24, 28)
SIDES = (1.5, 2.0, 2.5)


def acquired(folder: Path, plane: Plane) -> Series:
    """The volume as a file whose slices lie in a plane: those of an axis that is much the longest lie across it."""
    axis = [Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL].index(plane)
    sides = [side * (10 if at == axis else 1) for at, side in enumerate(SIDES)]
    path = folder / f"{plane}.nii"
    nibabel.save(nibabel.Nifti1Image(VOXELS, np.diag([*sides, 1.0])), path)
    (series,) = nifti.decode(path)
    assert series.header.plane is plane
    step = SIDES[axis] / sides[axis]
    spacing = series.header.spacing
    assert spacing is not None
    slices = tuple(replace(one, height=(one.height or 0.0) * step) for one in series.slices)
    return Series(replace(series.header, spacing=(*spacing[:2], SIDES[axis])), slices)


def apply(series: Series, cut: Cut, at: int) -> np.ndarray:
    """The slice of a plane, as the viewer cuts it."""
    voxels = np.stack([one.pixels for one in series.slices])
    for axis, backwards in (cut.across, cut.down, cut.along):
        voxels = np.flip(voxels, axis) if backwards else voxels
    found = voxels.transpose(cut.across[0], cut.down[0], cut.along[0])
    assert found.shape == (cut.count, cut.rows, cut.columns)
    return found[at]


@pytest.mark.parametrize("native", Plane)
@pytest.mark.parametrize("plane", Plane)
def test_a_cut_is_what_would_have_been_acquired(tmp_path: Path, native: Plane, plane: Plane) -> None:
    volume, there = acquired(tmp_path, native), acquired(tmp_path, plane)
    assert not why_no_volume(volume)
    cut = cuts(volume)[plane]
    assert cut.count == len(there.slices)
    assert cut.spacing == pytest.approx(there.slices[0].spacing)
    for at in range(cut.count):
        # NIfTI counts sagittal slices to the right and coronal ones to the front; cuts go to the left and the back.
        as_acquired = at if plane in (native, Plane.AXIAL) else -1 - at
        np.testing.assert_array_equal(apply(volume, cut, at), there.slices[as_acquired].pixels)


def stack(folder: Path, heights: np.ndarray) -> Series:
    uid = generate_uid()
    paths = [
        write(
            folder / f"{number}.dcm",
            instance(SeriesInstanceUID=uid, ImagePositionPatient=[0, 0, float(height)], InstanceNumber=number),
        )
        for number, height in enumerate(heights)
    ]
    (series,) = decode_study(paths)
    return series


def test_a_stack_of_dicom_slices_is_a_volume(tmp_path: Path) -> None:
    series = stack(tmp_path, np.arange(18) * -1.2)
    assert not why_no_volume(series)
    rows, columns = series.slices[0].pixels.shape
    found = cuts(series)
    coronal, sagittal = found[Plane.CORONAL], found[Plane.SAGITTAL]
    assert (coronal.count, coronal.rows, coronal.columns, coronal.spacing) == (rows, 18, columns, (1.2, 0.6))
    assert (sagittal.count, sagittal.rows, sagittal.columns, sagittal.spacing) == (columns, 18, rows, (1.2, 0.5))
    assert (coronal.edges, sagittal.edges) == (("R", "L", "H", "F"), ("A", "P", "H", "F"))
    np.testing.assert_array_equal(apply(series, coronal, 10)[0], series.slices[-1].pixels[10])
    np.testing.assert_array_equal(apply(series, sagittal, 30)[-1], series.slices[0].pixels[:, 30])


def test_thick_slices_are_a_volume_with_rows_between_them(tmp_path: Path) -> None:
    """Pixels of 0.6 x 0.5 mm, slices 5 mm apart: the common brain MRI."""
    series = stack(tmp_path, np.arange(24) * 5.0)
    assert not why_no_volume(series)
    found = cuts(series)
    assert [found[plane].finer for plane in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL)] == [1, 7, 9]
    for plane in Plane:
        cut = found[plane]
        assert cut.finer % 2 == 1, "the middle one of the rows of a slice is as it was acquired"
    assert found[Plane.CORONAL].spacing == (5.0, 0.6)
    assert found[Plane.CORONAL].spacing[0] / 7 < 1.25 * 0.6
    assert not why_no_volume(stack(tmp_path, np.arange(2) * 6.0)), "two slices have something between them"


def test_the_demonstration_has_three_planes(tmp_path: Path) -> None:
    files = [tmp_path / name for name, _ in phantom_study(Finding.GLIOMA, 24)]
    for path, (_, data) in zip(files, phantom_study(Finding.GLIOMA, 24), strict=True):
        path.write_bytes(data)
    (series,) = [one for one in decode_study(files) if one.slices]
    assert not why_no_volume(series)
    assert cuts(series)[Plane.SAGITTAL].finer > 1


@pytest.mark.parametrize(
    ("heights", "reason"),
    [
        (np.arange(1.0), SINGLE),
        (np.delete(np.arange(20.0), 7), UNEVEN),
        (np.array([0, 5, 10, 16, 20, 25.0]), UNEVEN),
    ],
    ids=["one slice", "one is missing", "one is shifted"],
)
def test_what_is_no_volume(tmp_path: Path, heights: np.ndarray, reason: str) -> None:
    assert why_no_volume(stack(tmp_path, heights)) == reason


def test_slices_of_many_sizes_or_at_one_place_are_no_volume(tmp_path: Path) -> None:
    series = stack(tmp_path, np.arange(6) * 5.0)
    first, second, *rest = series.slices
    twice = Series(series.header, (first, replace(second, height=first.height), *rest))
    assert why_no_volume(twice) == PLACE_TWICE
    smaller = Series(series.header, (replace(first, pixels=first.pixels[1:]), second, *rest))
    assert why_no_volume(smaller) == MANY_SIZES


def test_slices_beside_each_other_are_no_volume(tmp_path: Path) -> None:
    uid = generate_uid()
    paths = [
        write(
            tmp_path / f"{n}.dcm",
            instance(SeriesInstanceUID=uid, ImagePositionPatient=[2.0 * n, 0, 5.0 * n], InstanceNumber=n),
        )
        for n in range(8)
    ]
    (series,) = decode_study(paths)
    assert why_no_volume(series) == SHIFTED


def test_slices_that_do_not_say_where_they_lie_are_no_volume(tmp_path: Path) -> None:
    paths = [
        write(
            tmp_path / f"{n}.dcm",
            instance(np.full((40, 60), 100 + n, np.uint16), ImagePositionPatient=None, InstanceNumber=n),
        )
        for n in range(18)
    ]
    (series,) = decode_study(paths)
    assert why_no_volume(series) == NO_PLACES


@pytest.mark.parametrize(
    "directions",
    [
        [1, 0, 0, 0, 1, 0],
        [-1, 0, 0, 0, 1, 0],
        [0, 1, 0, 1, 0, 0],
        [0, 0, -1, 0, -1, 0],
        [0, 1, 0, 0, 0, -1],
        [1, 0, 0, 0, 0, 1],
    ],
    ids=["axial", "mirrored", "transposed", "sagittal, turned", "sagittal", "coronal, upside down"],
)
def test_a_cut_says_where_it_lies(tmp_path: Path, directions: list[int]) -> None:
    """A voxel is at the same place of the patient in all three planes, however the slices are stored."""
    row, column = np.array(directions[:3]), np.array(directions[3:])
    corner, (at, down, along), uid = np.array([-31.0, 12.5, -7.0]), (5, 9, 23), generate_uid()
    paths = []
    for number in range(18):
        pixels = np.full((40, 60), 100, np.uint16)
        if number == at:
            pixels[down, along] = 3000
        position = (corner + 1.5 * number * np.cross(row, column)).tolist()
        given = {"ImageOrientationPatient": directions, "ImagePositionPatient": position, "PixelSpacing": [0.8, 0.6]}
        made = instance(pixels, SeriesInstanceUID=uid, FrameOfReferenceUID=uid, InstanceNumber=number, **given)
        paths.append(write(tmp_path / f"{number}.dcm", made))
    (series,) = decode_study(paths)
    voxel = np.unravel_index(
        np.stack([one.pixels for one in series.slices]).argmax(), (18, *series.slices[0].pixels.shape)
    )
    place = corner + 1.5 * at * np.cross(row, column) + 0.6 * along * row + 0.8 * down * column
    for plane, cut in cuts(series).items():
        axis, backwards = cut.across
        slice_ = cut.count - 1 - int(voxel[axis]) if backwards else int(voxel[axis])
        wanted = place[[Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL].index(plane)]
        assert cut.first + slice_ * cut.step == pytest.approx(wanted, abs=0.01)
