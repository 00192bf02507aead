"""The picture: a head keeps its proportions whatever the sides of its pixels are."""

from __future__ import annotations

import numpy as np
import pytest

from triage.ui.viewer import picture


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
