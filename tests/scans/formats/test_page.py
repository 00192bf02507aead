from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers import encode
from PIL import Image, ImageDraw

from triage.domain import Slice
from triage.phantoms import Phantom
from triage.scans.formats.decode import decode_study
from triage.scans.formats.page import cut_from_page
from triage.scans.formats.raster import decode


@pytest.fixture
def head(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def page(head: np.ndarray, left: int, top: int, right: int, bottom: int, caption: str = "") -> np.ndarray:
    canvas = Image.fromarray(np.pad(head, ((top, bottom), (left, right)), constant_values=255))
    if caption:
        ImageDraw.Draw(canvas).text((left, top + head.shape[0] + 8), caption, fill=0)
    return np.asarray(canvas)


@pytest.mark.parametrize("margins", [(40, 20, 60, 50), (0, 0, 0, 40), (0, 30, 0, 30), (30, 0, 0, 0)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_margins_and_captions_are_cut_off(
    tmp_path: Path, head: np.ndarray, margins: tuple[int, int, int, int], kind: str
) -> None:
    path = tmp_path / "figure"
    caption = "Figure 2: axial T1" if margins[3] >= 40 else ""
    path.write_bytes(encode(page(head, *margins, caption), kind, **({"quality": 95} if kind == "JPEG" else {})))
    (series,) = decode_study([path])
    found = series.slices[0].pixels
    assert np.abs(np.array(found.shape) - head.shape).max() <= (4 if kind == "JPEG" else 0)
    if kind == "PNG":
        assert np.array_equal(found, head)


def test_other_pictures_stay(head: np.ndarray) -> None:
    bright = np.where(head < 20, 255, head).astype(np.uint8)
    corner = head.copy()
    corner[:9, :9] = 255  # a label in one corner
    text = page(np.zeros((20, 200), np.uint8), 9, 9, 9, 200)
    for pixels in (
        head,
        255 - head,
        bright,
        corner,
        text,
        np.full((90, 90), 255, np.uint8),
        np.zeros((90, 90), np.uint8),
    ):
        picture = Slice(pixels)
        assert np.array_equal(cut_from_page(picture).pixels, pixels)
