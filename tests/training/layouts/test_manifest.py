"""Manifests, with outlines, masks and boxes, and two data sets as one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drawn import picture
from PIL import Image

from triage.training.layouts import LayoutError, joined, load_mask, read_dataset


def test_rows_become_items(tmp_path: Path) -> None:
    picture(tmp_path / "figshare" / "images" / "7.jpg", (40, 30))
    picture(tmp_path / "web" / "a.jpg")
    (tmp_path / "figshare" / "borders.json").write_text(json.dumps({"7": [[1, 1], [9, 1], [9, 9]]}))
    write_manifest(
        tmp_path,
        "figshare/images/7.jpg,figshare,glioma,3,guard",
        "web/a.jpg,web,tumor,4,2",
        "web/gone.jpg,web,glioma,5,2",
        "web/a.jpg,web,banana,6,2",
        "../outside.jpg,web,glioma,7,2",
    )
    picture(tmp_path.parent / "outside.jpg")
    dataset = read_dataset(tmp_path)
    assert [(item.label, item.cluster, item.fold, item.part) for item in dataset.items] == [
        ("glioma", 3, "guard", None),
        ("tumor", 4, "2", "2"),
    ]
    assert load_mask(tmp_path, dataset.items[0]) is not None
    assert [entry.path for entry in dataset.skipped] == ["web/gone.jpg", "web/a.jpg", "../outside.jpg"]


def test_masks_boxes_and_sequences_are_kept_and_strangers_stand_apart(tmp_path: Path) -> None:
    marked = more_set(tmp_path)
    dataset = read_dataset(tmp_path)
    first, boxed, other = dataset.items
    assert (first.patient, first.sequence, first.fold, first.group) == ("P1", "flair", "1", "lgg flair")
    assert np.array_equal(load_mask(tmp_path, first), marked)
    assert (boxed.box, boxed.fold, load_mask(tmp_path, boxed)) == ((0.5, 0.4, 0.3, 0.2), "train", None)
    assert (other.sequence, other.group) == (None, "lgg")
    assert [item.path for item in dataset.strangers] == ["ct/stranger/d.jpg"]
    assert dataset.counts == {"glioma": 2, "notumor": 1}
    assert [entry.path for entry in dataset.skipped] == ["lgg/glioma/e.jpg"]


def test_two_data_sets_become_one(tmp_path: Path) -> None:
    marked = more_set(tmp_path / "more")
    picture(tmp_path / "data" / "web" / "a.jpg")
    write_manifest(tmp_path / "data", "web/a.jpg,web,tumor,1,2")
    dataset = joined(read_dataset(tmp_path / "data"), read_dataset(tmp_path / "more"))
    assert dataset.root == tmp_path.resolve()
    assert [item.path for item in dataset.items][:2] == ["data/web/a.jpg", "more/lgg/glioma/a.jpg"]
    assert len({item.cluster for item in dataset.items}) == 4
    assert np.array_equal(load_mask(dataset.root, dataset.items[1]), marked)
    assert [item.path for item in dataset.strangers] == ["more/ct/stranger/d.jpg"]


@pytest.mark.parametrize("text", ["[1]", '{"a.jpg": [[1, 2, 3]]}', '{"a.jpg": []}', "{"])
def test_boxes_that_are_no_table_are_named(tmp_path: Path, text: str) -> None:
    more_set(tmp_path)
    (tmp_path / "rsna" / "boxes.json").write_text(text)
    with pytest.raises(LayoutError, match=r"boxes\.json is not a table of boxes"):
        read_dataset(tmp_path)


@pytest.mark.data
def test_the_further_data_are_read_whole(more_folder: Path) -> None:
    dataset = read_dataset(more_folder, verify=False)
    assert len(dataset.items) + len(dataset.strangers) == 8182
    assert dataset.skipped == ()
    assert len(dataset.strangers) == 650
    gliomas = [item for item in dataset.items if item.label == "glioma"]
    assert all(item.mask or item.box for item in gliomas)
    assert {item.sequence for item in gliomas if item.source == "lgg"} == {"t1", "t1c", "flair"}
    # `load_mask` refuses a mask of another size than its picture.
    masks = [load_mask(more_folder, item) for item in gliomas[::40]]
    assert all(mask is None or mask.any() for mask in masks)


@pytest.mark.data
def test_folds_keep_patients_apart(more_folder: Path) -> None:
    folds: dict[str, set[str | None]] = {}
    for item in read_dataset(more_folder, verify=False).items:
        if item.patient:
            folds.setdefault(f"{item.source} {item.patient}", set()).add(item.fold)
    assert max(map(len, folds.values())) == 1


def more_set(root: Path) -> np.ndarray:
    """Draw one picture of each kind; return the mask of the first."""
    for path in ("lgg/glioma/a.jpg", "rsna/glioma/b.jpg", "lgg/no/c.jpg", "ct/stranger/d.jpg", "lgg/glioma/e.jpg"):
        picture(root / path)
    mask = np.zeros((48, 64), bool)
    mask[10:20, 30:44] = True
    (root / "lgg" / "masks").mkdir()
    Image.fromarray(mask).save(root / "lgg" / "masks" / "a.png")
    # The largest of several boxes counts.
    boxes = {"rsna/glioma/b.jpg": [[0.1, 0.1, 0.1, 0.1], [0.5, 0.4, 0.3, 0.2]]}
    (root / "rsna" / "boxes.json").write_text(json.dumps(boxes))
    write_manifest(
        root,
        "lgg/glioma/a.jpg,lgg,glioma,1,1,P1,FLAIR,lgg/masks/a.png",
        "rsna/glioma/b.jpg,rsna,glioma,2,train,P2,t1c,",
        "lgg/no/c.jpg,lgg,notumor,3,1,P1,?,",
        "ct/stranger/d.jpg,ct,stranger,4,train,,ct,",
        "lgg/glioma/e.jpg,lgg,glioma,5,1,P1,t1,lgg/masks/gone.png",
        columns="path,dataset,label,cluster,fold,patient,sequence,mask",
    )
    return mask


def write_manifest(root: Path, *rows: str, columns: str = "path,dataset,label,cluster,fold") -> None:
    (root / "manifest.csv").write_text("\n".join((columns, *rows)))
