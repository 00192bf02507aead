from __future__ import annotations

import numpy as np

from triage.training.evaluate.series import label_of, series_of, windows_of
from triage.training.layouts import Item


def test_slices_of_a_series_are_put_in_their_order_and_apart_from_others() -> None:
    names = (
        "lgg/glioma/P_11_flair.jpg",
        "lgg/glioma/P_9_flair.jpg",
        "lgg/notumor/P_2_flair.jpg",
        "lgg/glioma/P_9_t1.jpg",
    )
    items = [Item(name, "lgg", name.split("/")[1], patient="P") for name in names]
    items += [Item(f"head{at}.jpg", "web", "notumor") for at in range(5)]  # of patients who are not known
    assert [slices.tolist() for slices in series_of(items, [0] * 9)] == [[2, 1, 0]]
    assert series_of(items, [0, 1, 0, 0] + [0] * 5) == [], "two networks do not speak together"
    assert [slices.tolist() for slices in series_of([*items, *items], [0] * 9 + [1] * 9)] == [[2, 1, 0], [11, 10, 9]]


def test_slices_of_a_scan_stay_in_their_order() -> None:
    items = [Item(f"{name}.png", "readings", "glioma", patient="P", scan="s/1") for name in ("c", "a", "b")]
    assert [slices.tolist() for slices in series_of(items, [0] * 3)] == [[0, 1, 2]]


def test_the_most_suspicious_window_speaks_for_a_series() -> None:
    glioma = np.array([0.0, 0.9, 0.0, 0.0, 0.6, 0.6, 0.6, 0.3])
    rows = np.column_stack([glioma, np.full(8, 0.1), np.zeros(8), 0.9 - glioma])
    np.testing.assert_allclose(windows_of(rows, [np.arange(8)]), [[0.6, 0.7]])
    assert windows_of(rows, []).shape == (0, 2)


def test_one_slice_with_a_tumour_makes_a_series_one_with_a_tumour() -> None:
    labels = ("notumor", "glioma", "notumor")
    assert label_of([Item("x", "web", label) for label in labels]) == "glioma"
    assert label_of([Item("x", "web", "notumor")]) == "notumor"
