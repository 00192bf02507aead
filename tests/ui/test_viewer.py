"""The picture: a head keeps its proportions whatever the sides of its pixels are."""

from __future__ import annotations

import numpy as np
import pytest

from triage.inference.outline import OUTLINED
from triage.ui.viewer import outline, picture


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


def test_the_edge_of_a_mask_is_drawn_and_its_inside_stays_clear() -> None:
    mask = np.full((64, 64), OUTLINED - 0.01, np.float32)
    mask[20:40, 10:30] = OUTLINED
    drawn = np.asarray(outline(mask))[..., 3] > 0
    assert drawn[20, 10]
    assert drawn[39, 29]
    assert not drawn[30, 20]
    assert drawn.sum() == 2 * 20 + 2 * 18
