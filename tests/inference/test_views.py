from __future__ import annotations

import numpy as np
import pytest

from triage.inference.views import FRAME, MIDDLE, MIN_SPAN, SPAN, WHOLE, Box, crop, lay_back, second_look, with_middle


def test_the_whole_frame_and_a_part_of_it() -> None:
    frame = np.tile(np.arange(FRAME, dtype=np.float32), (FRAME, 1))
    whole = crop(frame, WHOLE, 160)
    assert whole.shape == (160, 160)
    assert whole[0, 0] == pytest.approx(0.5, abs=0.6)
    part = crop(frame, Box(0.25, 0.5, 0.5), 160)
    assert part[0, 0] == pytest.approx(0.25 * FRAME, abs=1)
    assert part[-1, -1] == pytest.approx(0.75 * FRAME, abs=1)
    beyond = crop(frame, Box(0.75, 0.0, 0.5), 160)
    assert beyond[:, 90:].max() == 0


def test_the_second_look_goes_to_the_largest_lesion() -> None:
    mask = np.zeros((40, 40), np.float32)
    mask[4:8, 30:36] = 0.9
    mask[20, 3] = 1.0
    box = second_look(mask)
    assert box.left + box.side / 2 == pytest.approx(33 / 40)
    assert box.top + box.side / 2 == pytest.approx(6 / 40)
    assert box.side == pytest.approx(SPAN * 6 / 40)


@pytest.mark.parametrize("rows", [40, 48, 56])
def test_a_closer_look_counts_where_it_lies_and_nowhere_else(rows: int) -> None:
    whole = np.full((rows, rows), 0.4, np.float32)
    closer = np.zeros((rows, rows), np.float32)
    closer[: rows // 2, : rows // 2] = 1  # the upper left quarter of what it shows
    mean = with_middle(whole, closer)
    start, half = round(MIDDLE.left * rows), round(MIDDLE.side * rows / 2)
    expected = whole.copy()
    expected[start : start + 2 * half, start : start + 2 * half] = 0.2
    expected[start : start + half, start : start + half] = 0.7
    # Where a cell of the mean shows the border between 1 and 0 the two methods may differ.
    agree = np.isclose(mean, expected, atol=1e-6)
    assert agree.mean() > 0.95
    assert agree[:start].all()
    assert agree[:, start + 2 * half :].all()
    assert (whole == np.float32(0.4)).all(), "the look itself is left as it was"


def test_without_a_lesion_the_likeliest_place_is_looked_at() -> None:
    mask = np.full((40, 40), 0.01, np.float32)
    mask[10, 20] = 0.2
    box = second_look(mask)
    assert box.side == MIN_SPAN
    assert box.left + box.side / 2 == pytest.approx(20.5 / 40)
    assert second_look(np.zeros((40, 40), np.float32)).side > 1, "a mask of nothing asks for all of the slice"


def test_a_mask_is_laid_back_where_it_was_seen() -> None:
    laid = lay_back(np.ones((40, 40), np.float32), Box(0.25, 0.5, 0.25))
    assert laid.shape == (FRAME, FRAME)
    ys, xs = np.nonzero(laid)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (80, 160, 160, 240)
    assert lay_back(np.ones((40, 40), np.float32), Box(-0.5, -0.5, 1.0))[:160, :160].min() == 1
