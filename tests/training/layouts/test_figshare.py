"""The figshare set, as pictures and as published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from drawn import picture
from numpy.typing import NDArray

from triage.training.layouts import LayoutError, load_mask, load_picture, read_dataset

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


def test_pictures_with_outlines(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1.jpg", (40, 30))
    picture(tmp_path / "images" / "1000.jpg", (40, 30))
    picture(tmp_path / "images" / "extra.jpg", (40, 30))
    (tmp_path / "borders.json").write_text(json.dumps({"1": [[10, 5], [20, 5], [20, 25], [10, 25]]}))
    dataset = read_dataset(tmp_path)
    assert [(item.path, item.label) for item in dataset.items] == [
        ("images/1.jpg", "meningioma"),
        ("images/1000.jpg", "pituitary"),
    ]
    assert [entry.path for entry in dataset.skipped] == ["images/extra.jpg"]
    mask = load_mask(tmp_path, dataset.items[0])
    assert mask is not None
    assert mask.shape == (30, 40)
    assert mask[6:24, 11:19].all()
    assert not mask[:, :10].any()
    assert load_mask(tmp_path, dataset.items[1]) is None


def test_an_outline_beyond_the_picture_is_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1.jpg", (40, 30))
    (tmp_path / "borders.json").write_text(json.dumps({"1": [[10, 5], [300, 5], [300, 200]]}))
    dataset = read_dataset(tmp_path)
    with pytest.raises(LayoutError, match=r"images/1.jpg reaches to 300 x 200 pixels, the picture is 40 x 30"):
        load_mask(tmp_path, dataset.items[0])


def test_borders_that_are_no_table_are_an_error(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "1.jpg")
    (tmp_path / "borders.json").write_text("[1, 2")
    with pytest.raises(LayoutError, match="is not a table of outlines"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_original_files(tmp_path: Path, swapped: bool) -> None:
    image = np.arange(40 * 30, dtype=np.int16).reshape(30, 40)
    mask = np.zeros((30, 40), np.uint8)
    mask[3:9, 20:36] = 1
    border = np.array([[20, 3], [35, 3], [35, 8], [20, 8]], np.float64)
    write_mat(tmp_path / "7.mat", image, 2, "MR040241B", border[:, ::-1] if swapped else border, mask)
    dataset = read_dataset(tmp_path)
    item = dataset.items[0]
    assert (item.label, item.patient, item.source) == ("glioma", "MR040241B", "figshare")
    assert (load_picture(tmp_path, item) == image).all()
    found = load_mask(tmp_path, item)
    assert found is not None
    assert (found == mask.astype(bool)).all()
    assert item.outline is not None
    assert item.outline.tolist() == border.tolist()


def test_labels_and_damaged_originals(tmp_path: Path) -> None:
    flat = np.zeros((8, 8), np.uint8)
    for number, label in ((1, 1), (2, 2), (10, 3)):
        write_mat(tmp_path / "brainTumorDataPublic_1-766" / f"{number}.mat", flat, label, "7", np.zeros((3, 2)), flat)
    (tmp_path / "11.mat").write_bytes(b"nothing")
    dataset = read_dataset(tmp_path)
    assert [item.label for item in dataset.items] == ["meningioma", "glioma", "pituitary"]
    assert [entry.path for entry in dataset.skipped] == ["11.mat"]


def test_a_mask_of_another_size_is_an_error(tmp_path: Path) -> None:
    write_mat(tmp_path / "7.mat", np.zeros((30, 40)), 2, "7", np.zeros((3, 2)), np.zeros((15, 20)))
    dataset = read_dataset(tmp_path)
    with pytest.raises(LayoutError, match=r"7.mat is 20 x 15 pixels, its picture 7.mat is 40 x 30"):
        load_mask(tmp_path, dataset.items[0])


def write_mat(
    path: Path,
    image: NDArray[np.generic],
    label: int,
    patient: str,
    border: NDArray[np.float64],
    mask: NDArray[np.generic],
) -> None:
    """Write as MATLAB does: columns first, strings as codes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        data = file.create_group("cjdata")
        data["image"], data["tumorMask"] = image.T, mask.T
        data["label"] = np.array([[float(label)]])
        data["PID"] = np.array([[ord(letter)] for letter in patient], np.uint16)
        data["tumorBorder"] = border.reshape(1, -1)


@pytest.mark.data
@needs_data
def test_every_real_outline_fills_a_mask() -> None:
    dataset = read_dataset(DATA, verify=False)
    outlined = [item for item in dataset.items if item.outline is not None]
    assert len(outlined) == 3062
    for item in outlined[::50]:
        mask = load_mask(DATA, item)
        assert mask is not None
        assert mask.any()


@pytest.mark.data
@needs_data
def test_numbers_and_manifest_agree_on_the_class() -> None:
    by_manifest = {item.path: item.label for item in read_dataset(DATA, verify=False).items}
    for item in read_dataset(DATA / "figshare", verify=False).items:
        assert by_manifest[f"figshare/{item.path}"] == item.label
