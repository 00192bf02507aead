"""LGG slices and NIfTI volumes, with masks of the tumour."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from triage.training.layouts import Channel, LayoutError, load_mask, load_picture, read_dataset


def test_slices_channels_and_labels(tmp_path: Path) -> None:
    folder = tmp_path / "kaggle_3m" / "TCGA_CS_4941_19960909"
    write_lgg(folder, 2, marked=False)
    write_lgg(folder, 10, marked=True)
    dataset = read_dataset(tmp_path)
    assert [(Path(item.path).name, item.label, item.patient) for item in dataset.items] == [
        ("TCGA_CS_4941_19960909_2.tif", "notumor", "TCGA_CS_4941_19960909"),
        ("TCGA_CS_4941_19960909_10.tif", "glioma", "TCGA_CS_4941_19960909"),
    ]
    item = dataset.items[1]
    means = [int(load_picture(tmp_path, item, channel).mean()) for channel in Channel]
    assert means == [50, 100, 150]
    assert int(load_picture(tmp_path, item).mean()) == 100
    mask = load_mask(tmp_path, item)
    assert mask is not None
    assert mask.sum() == 25


def test_a_mask_of_another_size_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "kaggle_3m" / "TCGA_1"
    write_lgg(folder, 1, marked=True)
    Image.new("L", (20, 20)).save(folder / "TCGA_1_1_mask.tif")
    with pytest.raises(LayoutError, match=r"TCGA_1_1_mask.tif is 20 x 20 pixels, its picture .* is 40 x 30"):
        read_dataset(tmp_path)


def test_what_lacks_its_other_half_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "TCGA_1"
    for number in (1, 2, 3, 4):
        write_lgg(folder, number, marked=True)
    (folder / "TCGA_1_2_mask.tif").unlink()
    (folder / "TCGA_1_3.tif").unlink()
    (folder / "TCGA_1_4.tif").write_bytes(b"II*\x00")
    dataset = read_dataset(tmp_path)
    assert len(dataset.items) == 1
    assert {Path(entry.path).name for entry in dataset.skipped} == {f"TCGA_1_{n}.tif" for n in (2, 3, 4)}


def write_lgg(folder: Path, number: int, *, marked: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (50, 100, 150)).save(folder / f"{folder.name}_{number}.tif")
    mask = np.zeros((30, 40), np.uint8)
    mask[5:10, 5:10] = 255 * marked
    Image.fromarray(mask).save(folder / f"{folder.name}_{number}_mask.tif")


def test_slices_with_masks(tmp_path: Path) -> None:
    scan, mask = np.zeros((6, 8, 5)), np.zeros((6, 8, 5))
    scan[1:4, :, 1:4] = 900
    mask[2, 3, 2] = 1
    write_volume(tmp_path / "01" / "Pre_Scan_T1.nii.gz", scan)
    write_volume(tmp_path / "01" / "Pre_Mask.nii.gz", mask)
    dataset = read_dataset(tmp_path)
    assert [(item.name, item.label, item.patient) for item in dataset.items] == [
        ("01/Pre_Scan_T1.nii.gz#1", "notumor", "01"),
        ("01/Pre_Scan_T1.nii.gz#2", "glioma", "01"),
        ("01/Pre_Scan_T1.nii.gz#3", "notumor", "01"),
    ]
    marked = dataset.items[1]
    assert load_picture(tmp_path, marked).shape == (8, 6)
    found = load_mask(tmp_path, marked)
    assert found is not None
    assert np.argwhere(found).tolist() == [[3, 2]]


def test_slices_lie_as_a_radiologist_looks_at_them(tmp_path: Path) -> None:
    scan = np.zeros((6, 8, 2))
    scan[5, 7, 1] = 1  # in RAS: the patient's right, front
    write_volume(tmp_path / "01" / "Pre_Scan_T1.nii.gz", scan, np.eye(4))
    write_volume(tmp_path / "01" / "Pre_Mask.nii.gz", scan, np.eye(4))
    item = read_dataset(tmp_path).items[0]
    assert np.argwhere(load_picture(tmp_path, item)).tolist() == [[0, 0]]


def test_a_mask_with_other_voxels_is_an_error(tmp_path: Path) -> None:
    write_volume(tmp_path / "01" / "Pre_Scan_T1.nii.gz", np.ones((6, 8, 5)))
    write_volume(tmp_path / "01" / "Pre_Mask.nii.gz", np.ones((6, 8, 4)))
    with pytest.raises(LayoutError, match=r"Pre_Mask.nii.gz is 6 x 8 x 4 voxels, its scan .* is 6 x 8 x 5"):
        read_dataset(tmp_path)


def test_damaged_and_lonely_files_are_listed(tmp_path: Path) -> None:
    scan = np.arange(240.0).reshape(6, 8, 5)
    for visit in ("Pre", "Post"):
        write_volume(tmp_path / "02" / f"{visit}_Scan_T1.nii.gz", scan)
        write_volume(tmp_path / "02" / f"{visit}_Mask.nii.gz", scan > 100)
    write_volume(tmp_path / "02" / "Late_Scan_T1.nii.gz", scan)
    write_volume(tmp_path / "02" / "Early_Mask.nii.gz", scan > 100)
    (tmp_path / "02" / "Post_Scan_T1.nii.gz").write_bytes(b"\x1f\x8bnothing")
    dataset = read_dataset(tmp_path)
    assert {item.path for item in dataset.items} == {"02/Pre_Scan_T1.nii.gz"}
    assert {Path(entry.path).name for entry in dataset.skipped} == {
        "Post_Scan_T1.nii.gz",
        "Late_Scan_T1.nii.gz",
        "Early_Mask.nii.gz",
    }


def test_the_class_is_that_of_a_folder_on_the_way(tmp_path: Path) -> None:
    scan = np.arange(240.0).reshape(6, 8, 5)
    for folder in ("meningioma/01", "other/02"):
        write_volume(tmp_path / folder / "a_Scan.nii.gz", scan)
        write_volume(tmp_path / folder / "a_Mask.nii.gz", scan >= 0)
    assert read_dataset(tmp_path).counts == {"meningioma": 5, "tumor": 5}


def write_volume(path: Path, values: NDArray[np.generic], affine: NDArray[np.float64] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float64), lps if affine is None else affine), path)
