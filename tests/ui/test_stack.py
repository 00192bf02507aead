"""The slices of a study beside what was said of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from triage.domain import Finding, Plane, Series, SeriesHeader, Slice, SliceScores
from triage.ui.stack import Stack

ROW = (0.7, 0.1, 0.1, 0.1)


def test_a_series_that_an_earlier_release_did_not_know_is_shown_as_not_scored() -> None:
    one = Series(SeriesHeader(), (Slice(np.zeros((8, 8), np.uint8)),) * 2)
    study: Any = SimpleNamespace(result=SimpleNamespace(slices=SliceScores(0, 0, 0, ((ROW, None),))))
    stack = Stack(study, (one, one))
    assert stack.tumour(0) == {0: (0.9, Finding.GLIOMA), 1: None}
    assert stack.tumour(1) == {0: None, 1: None}
    assert stack.step(1) == 1


def test_scores_of_slices_that_are_stacked_otherwise_now_mark_none() -> None:
    """An earlier release put all passes into one series."""
    one = Series(SeriesHeader(), (Slice(np.zeros((8, 8), np.uint8)),) * 2)
    study: Any = SimpleNamespace(result=SimpleNamespace(slices=SliceScores(0, 3, 0, ((ROW,) * 4,))))
    stack = Stack(study, (one, one))
    assert stack.first == (0, 1), "the middle"
    assert stack.tumour(0) == {0: None, 1: None}


def test_stacks_of_one_name_are_told_apart() -> None:
    slices = (Slice(np.zeros((8, 8), np.uint8)),)
    axial, coronal = (SeriesHeader("1.2", description="dyn *", plane=plane) for plane in (Plane.AXIAL, Plane.CORONAL))
    other = SeriesHeader("1.3", 7, plane=Plane.AXIAL)
    stack = Stack(SimpleNamespace(result=None), tuple(Series(one, slices) for one in (axial, axial, coronal, other)))  # type: ignore[arg-type]
    assert [stack.label(number) for number in range(4)] == [
        r"dyn \*, axial (1 of 2)",
        r"dyn \*, axial (2 of 2)",
        r"dyn \*, coronal",
        "Series 7",
    ]
