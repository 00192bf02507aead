"""Drawn heads, and a data set with copies of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import draw_head, save_picture
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve different heads in two splits, and four copies of them."""
    root = tmp_path / "set"
    for seed in range(12):
        split, label = ("Training", "Testing")[seed % 2], ("glioma", "no_tumor")[seed // 6]
        save_picture(draw_head(seed), root / split / label / f"{seed}.jpg")
    mirrored = draw_head(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    save_picture(mirrored, root / "Testing" / "glioma" / "mirror.jpg", quality=60)
    save_picture(draw_head(2).crop((14, 10, 250, 240)), root / "Training" / "glioma" / "crop.png")
    save_picture(draw_head(4).resize((150, 150)), root / "Training" / "no_tumor" / "relabelled.jpg")
    save_picture(draw_head(5), root / "Testing" / "glioma" / "same.png")
    return root
