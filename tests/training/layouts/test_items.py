from __future__ import annotations

from pathlib import Path

import pytest
from drawn import picture

from triage.training.layouts import LayoutError, read_dataset


def test_an_untyped_tumour_may_be_any_of_three(tmp_path: Path) -> None:
    picture(tmp_path / "yes" / "a.png")
    assert read_dataset(tmp_path).items[0].target.tolist() == [1, 1, 1, 0]


def test_one_picture_in_a_class_is_named(tmp_path: Path) -> None:
    for path in ("yes/a.png", "no/b.png", "no/c.png"):
        picture(tmp_path / path)
    with pytest.raises(LayoutError, match=r"The class tumor has one picture \(yes/a.png\)"):
        read_dataset(tmp_path).check_trainable()
