"""Planes cut from a volume: the same anatomy at the same place as slices acquired in that plane."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from drawn_dicom import instance, write
from pydicom.uid import generate_uid

from triage.domain import Plane, Series
from triage.scans.formats import nifti
from triage.scans.formats.decode import decode_study
from triage.scans.reformat import MIN_SLICES, Cut, cuts, is_volume

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
    assert is_volume(volume)
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
    assert is_volume(series)
    rows, columns = series.slices[0].pixels.shape
    found = cuts(series)
    coronal, sagittal = found[Plane.CORONAL], found[Plane.SAGITTAL]
    assert (coronal.count, coronal.rows, coronal.columns, coronal.spacing) == (rows, 18, columns, (1.2, 0.6))
    assert (sagittal.count, sagittal.rows, sagittal.columns, sagittal.spacing) == (columns, 18, rows, (1.2, 0.5))
    assert (coronal.edges, sagittal.edges) == (("R", "L", "H", "F"), ("A", "P", "H", "F"))
    np.testing.assert_array_equal(apply(series, coronal, 10)[0], series.slices[-1].pixels[10])
    np.testing.assert_array_equal(apply(series, sagittal, 30)[-1], series.slices[0].pixels[:, 30])


@pytest.mark.parametrize(
    "heights",
    [
        np.arange(MIN_SLICES - 1),
        np.arange(20) * 5.0,
        np.delete(np.arange(20.0), 7),
        np.repeat(np.arange(10.0), 2),
    ],
    ids=["few", "thick", "one is missing", "each place twice"],
)
def test_what_is_no_volume(tmp_path: Path, heights: np.ndarray) -> None:
    assert not is_volume(stack(tmp_path, heights))


def test_slices_that_do_not_say_where_they_lie_are_no_volume(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.dcm", instance(ImagePositionPatient=None, InstanceNumber=n)) for n in range(18)]
    (series,) = decode_study(paths)
    assert not is_volume(series)


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
