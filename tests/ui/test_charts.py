"""The strip below the picture: one bar for each slice that was scored, as wide as what it stands for."""

from __future__ import annotations

import pytest

from triage.domain import Finding
from triage.ui import charts, theme


@pytest.mark.parametrize(("at", "highlighted"), [(0, 0), (2, 0), (3, 1), (8, 2)])
def test_of_thin_slices_a_bar_stands_for_those_around_it(at: int, highlighted: int) -> None:
    values = {1: (0.9, Finding.GLIOMA), 4: (0.3, Finding.NOTUMOR), 7: None}
    (bars,) = charts.strip(values, 9, at).data
    assert list(bars.x) == [2, 5, 8], "a click leads to the slice that was scored"
    assert 2 < bars.width < 3
    assert list(bars.marker.color) == [theme.FINDING[Finding.GLIOMA], theme.FINDING[Finding.NOTUMOR], theme.GRID]
    assert bars.customdata[0] == "P(tumour) 0.90, Glioma"
    assert bars.customdata[2] == "not scored"
    assert [bool(width) for width in bars.marker.line.width].index(True) == highlighted
