from __future__ import annotations

import numpy as np
import pytest

from triage.inference.looks import FRAME, MIN_SPAN, WHOLE, Box, crop, lay_back, second_look


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
    assert box.side == pytest.approx(2.3 * 6 / 40)


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
