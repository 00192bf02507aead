"""Class folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import picture

from triage.training.layouts import LayoutError, load_mask, load_picture, read_dataset


def test_four_classes_keep_their_splits(tmp_path: Path) -> None:
    for path in (
        "Training/glioma_tumor/a.jpg",
        "Training/no_tumor/b.jpg",
        "Testing/glioma_tumor/a.jpg",
        "Testing/pituitary_tumor/c.png",
    ):
        picture(tmp_path / path)
    dataset = read_dataset(tmp_path)
    assert {(item.path, item.label, item.split) for item in dataset.items} == {
        ("Training/glioma_tumor/a.jpg", "glioma", "Training"),
        ("Training/no_tumor/b.jpg", "notumor", "Training"),
        ("Testing/glioma_tumor/a.jpg", "glioma", "Testing"),
        ("Testing/pituitary_tumor/c.png", "pituitary", "Testing"),
    }
    assert load_picture(tmp_path, dataset.items[0]).shape == (48, 64)
    assert load_mask(tmp_path, dataset.items[0]) is None


def test_the_short_names(tmp_path: Path) -> None:
    for folder in ("glioma", "meningioma", "pituitary", "notumor"):
        picture(tmp_path / "Training" / folder / f"Tr-{folder[:2]}_0010.jpg")
    assert read_dataset(tmp_path).counts == {"glioma": 1, "meningioma": 1, "notumor": 1, "pituitary": 1}


@pytest.mark.parametrize("names", [("yes", "no"), ("Yes", "NO"), ("tumor", "healthy"), ("Tumour", "no tumor")])
def test_yes_and_no(tmp_path: Path, names: tuple[str, str]) -> None:
    picture(tmp_path / names[0] / "Y1.jpg")
    picture(tmp_path / names[1] / "1 no.jpeg")
    assert read_dataset(tmp_path).counts == {"notumor": 1, "tumor": 1}


def test_other_folders_are_listed(tmp_path: Path) -> None:
    picture(tmp_path / "yes" / "a.png")
    picture(tmp_path / "pred" / "b.png")
    assert [entry.path for entry in read_dataset(tmp_path).skipped] == ["pred/"]


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    (tmp_path / "Training" / "pituitary").mkdir(parents=True)
    for seed in range(2):
        picture(tmp_path / "Training" / "glioma" / f"{seed}.png", seed=seed)
    dataset = read_dataset(tmp_path)
    assert dataset.warnings == ("The class folder Training/pituitary holds no readable picture.",)
    with pytest.raises(LayoutError, match="Training/pituitary"):
        dataset.check_trainable()
