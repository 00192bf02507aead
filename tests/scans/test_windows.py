"""Windows of a series: presets in the values of the file, and windows of the file that are believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import instance, write

from triage.domain import Meaning, Series, SeriesHeader, Slice
from triage.scans.formats.decode import decode_study
from triage.scans.windows import shows, window_presets


def series(folder: Path, **elements: Any) -> Series:
    y, x = np.mgrid[:128, :128]
    head = np.where(np.hypot(y - 64, x - 64) < 50, 800 + 4 * x, np.random.default_rng(0).integers(0, 20, x.shape))
    (found,) = decode_study([write(folder / "a", instance(head.astype(np.uint16), **elements))])
    return found


def ends(window: tuple[float, float]) -> tuple[float, float]:
    return window[0] - window[1] / 2, window[0] + window[1] / 2


def test_presets_show_the_tissue_and_one_shows_everything(tmp_path: Path) -> None:
    presets = window_presets(series(tmp_path))
    low, high = ends(presets["brain"])
    assert 800 < low < high < 1310
    assert ends(presets["full"]) == (0, 1252)
    assert ends(presets["contrast"])[1] >= high
    assert ends(presets["FLAIR"])[0] > low


def test_presets_are_in_the_values_of_the_file(tmp_path: Path) -> None:
    plain = window_presets(series(tmp_path))
    steep = window_presets(series(tmp_path, RescaleSlope="2", RescaleIntercept="-100"))
    for name, (centre, width) in plain.items():
        assert steep[name] == pytest.approx((2 * centre - 100, 2 * width), abs=0.01)


def test_where_dark_and_bright_are_exchanged_presets_follow(tmp_path: Path) -> None:
    found = series(tmp_path, PhotometricInterpretation="MONOCHROME1")
    assert found.slices[0].meaning.slope == -1
    low, high = ends(window_presets(found)["full"])
    assert (low, high) == (0, 1252)


def test_a_series_of_one_value_has_windows() -> None:
    presets = window_presets(Series(SeriesHeader(), (Slice(np.full((8, 8), 7, np.uint8)),)))
    assert all(width > 0 for _, width in presets.values())


def test_small_values_keep_their_digits() -> None:
    map_ = Slice(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000, meaning=Meaning(1e-8, 1e-4))
    presets = window_presets(Series(SeriesHeader(), (map_,)))
    assert ends(presets["full"]) == pytest.approx((1e-4, 1e-4 + 63e-5), rel=1e-4)


@pytest.mark.parametrize(
    ("window", "believed"),
    [(None, False), ((500, 1000), True), ((40, 80), True), ((5000, 100), False), ((-900, 10), False), ((0, 1e6), True)],
)
def test_a_window_beside_the_values_is_not_believed(window: tuple[float, float] | None, believed: bool) -> None:
    assert shows(window, (500, 1000)) is believed
