"""What the worklist would do with each picture, as the product itself does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import draw_head
from PIL import Image

from triage.domain import Band, Finding, Series, SeriesHeader
from triage.inference.runtime import Runtime
from triage.inference.study import judge
from triage.settings import Settings
from triage.training.evaluate.bands import Judged, as_table, bands_by_group, judge_pictures, trade_off
from triage.training.layouts import Item, load_slice


def test_a_picture_is_judged_as_the_product_judges_a_study_of_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = []
    for seed in range(6):
        draw_head(seed).save(tmp_path / f"{seed}.png")
        items.append(Item(f"{seed}.png", "drawn", "notumor"))
    Image.fromarray(rng.integers(0, 255, (256, 256), np.uint8)).save(tmp_path / "noise.png")
    items.append(Item("noise.png", "drawn", "notumor"))
    runtime = Runtime(Settings().model)
    for one in judge_pictures(runtime, tmp_path, items):
        study = judge((Series(SeriesHeader("1", 1), (load_slice(tmp_path, one.item),)),), runtime)
        if isinstance(study, str):
            assert one.band is None
            assert one.refused
        else:
            assert one.band is study.ranking.band
            assert one.probabilities == pytest.approx([study.probabilities[finding] for finding in Finding], abs=1e-5)


def test_shares_are_counted_by_label_source_and_sequence() -> None:
    judged = [
        *(of("glioma", [0.8, 0.1, 0.05, 0.05], Band.STAT, patient=name, sequence="flair") for name in "ab"),
        of("glioma", [0.1, 0.3, 0.0, 0.6], Band.URGENT, patient="c", sequence="t2"),
        Judged(Item("x", "web", "glioma", patient="d", sequence="t2"), "Blank", np.full(4, np.nan), None),
        of("notumor", [0.0, 0.0, 0.1, 0.9], Band.ROUTINE, patient="e"),
    ]
    rows = {(row["label"], row["group"]): row for row in bands_by_group(judged, draws=20)}
    assert list(rows) == [
        ("glioma", "all"),
        ("glioma", "web flair"),
        ("glioma", "web t2"),
        ("notumor", "all"),
        ("notumor", "web"),
    ]
    values = {name: figure["value"] for name, figure in rows["glioma", "all"]["figures"].items()}
    assert values == {"refused": 0.25, "stat": 0.5, "urgent": 0.25, "routine": 0.0, "called": 0.5}
    assert rows["glioma", "all"]["pictures"] == rows["glioma", "all"]["patients"] == 4
    assert rows["notumor", "web"]["figures"]["routine"]["value"] == 1
    assert "| glioma | web t2 | 2 | 0.500 (" in as_table(list(rows.values()))


def test_a_lower_point_for_tumours_costs_alarms() -> None:
    judged = [
        of("glioma", [0.8, 0.0, 0.0, 0.2], Band.STAT),
        of("glioma", [0.1, 0.0, 0.0, 0.9], Band.ROUTINE),
        of("notumor", [0.0, 0.2, 0.0, 0.8], Band.ROUTINE),
        of("notumor", [0.0, 0.0, 0.0, 1.0], Band.ROUTINE),
    ]
    assert trade_off(judged, [0.05, 0.15, 0.5]) == [
        {"point": 0.05, "gliomas_below": 0.0, "tumour_free_above": 0.5},
        {"point": 0.15, "gliomas_below": 0.5, "tumour_free_above": 0.5},
        {"point": 0.5, "gliomas_below": 0.5, "tumour_free_above": 0.0},
    ]


def of(label: str, probabilities: list[float], band: Band, patient: str = "p", sequence: str | None = None) -> Judged:
    item = Item(f"{patient}.png", "web", label, patient=patient, sequence=sequence)
    return Judged(item, None, np.array(probabilities), band)
