from __future__ import annotations

import numpy as np
import pytest
from drawn import draw_head

from triage.copies.alignment import similarity
from triage.copies.descriptors import head_of

WHOLE = np.array([[0, 0, 1]], np.float32)
UNFLIPPED = np.array([False])


def test_a_head_is_itself() -> None:
    head = head_of(np.asarray(draw_head(1)))
    assert similarity(head, head, WHOLE, UNFLIPPED)[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("start", [(0.0, 0.0, 1.0), (0.06, 0.04, 0.92)])
def test_a_wrong_start_is_refined(start: tuple[float, float, float]) -> None:
    head = head_of(np.asarray(draw_head(1)))
    assert similarity(head, head, np.array([start], np.float32), UNFLIPPED)[0] > 0.985


def test_a_mirror_image_aligns_when_it_is_flipped() -> None:
    pixels = np.asarray(draw_head(1))
    first, second = head_of(pixels), head_of(pixels[:, ::-1])
    assert similarity(first, second, WHOLE, np.array([True]))[0] > 0.985
    assert similarity(first, second, WHOLE, UNFLIPPED)[0] < 0.985


def test_other_heads_stay_different() -> None:
    first, second = (head_of(np.asarray(draw_head(seed))) for seed in (1, 2))
    assert similarity(first, second, WHOLE, UNFLIPPED)[0] < 0.95
