"""The picture of a slice, its window and its overlays."""

from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Placement
from triage.ui.viewer import EDGE, heat, outline, picture, window


@pytest.mark.parametrize(
    ("spacing", "size"), [(None, (80, 60)), ((0.5, 0.5), (80, 60)), ((2.0, 1.0), (80, 120)), ((1.0, 2.0), (80, 30))]
)
def test_pixels_are_as_wide_and_as_high_as_the_file_says(
    spacing: tuple[float, float] | None, size: tuple[float, float]
) -> None:
    figure = picture(np.zeros((60, 80), np.uint8), None, spacing, key="any")
    (image,) = figure.layout.images
    assert (image.sizex, image.sizey, image.sizing) == (*size, "stretch")
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((0, size[0]), (size[1], 0))


def test_a_window_maps_its_percentiles_to_black_and_white() -> None:
    pixels = np.arange(1001, dtype=np.uint16).reshape(7, 143) * 60
    shown = window(pixels, 10, 90)
    assert (shown[pixels <= 6000] == 0).all()
    assert (shown[pixels >= 54000] == 255).all()
    assert shown[pixels == 30000].item() == pytest.approx(127, abs=1)
    assert (window(np.full((4, 4), 7, np.uint8), 0, 100) == 0).all()


def test_a_heat_map_shows_positive_evidence_only_where_its_view_lies() -> None:
    values = np.full((8, 8), -1.0, np.float32)
    values[:, 4:] = 2.0
    shown = np.asarray(heat(values, Placement(10, 20, 40), (80, 100), "Inferno", 0.5))
    assert shown.shape == (80, 100, 4)
    opacity = shown[..., 3]
    assert opacity.max() == 127
    assert opacity[40, 45] > 110
    assert opacity[40, 15] == opacity[5, 45] == opacity[40, 60] == 0


def test_an_outline_is_the_edge_of_the_mask() -> None:
    mask = np.zeros((10, 10), np.float32)
    mask[3:7, 3:7] = 0.9
    shown = np.asarray(outline(mask, Placement(0, 0, 100), (100, 100)))
    drawn = shown[..., 3] > 0
    assert set(map(tuple, shown[drawn].tolist())) == {EDGE}
    assert not drawn[50, 50]
    assert not drawn[:25].any()
    assert drawn[50].sum() == 2
