"""The slices of a study beside what was said of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from triage.domain import Finding, Series, SeriesHeader, Slice, SliceScores
from triage.ui.stack import Stack

ROW = (0.7, 0.1, 0.1, 0.1)


def test_a_series_that_an_earlier_release_did_not_know_is_shown_as_not_scored() -> None:
    one = Series(SeriesHeader(), (Slice(np.zeros((8, 8), np.uint8)),) * 2)
    study: Any = SimpleNamespace(result=SimpleNamespace(slices=SliceScores(0, 0, 0, ((ROW, None),))))
    stack = Stack(study, (one, one))
    assert stack.tumour(0) == {0: (0.9, Finding.GLIOMA), 1: None}
    assert stack.tumour(1) == {0: None, 1: None}
    assert stack.step(1) == 1
