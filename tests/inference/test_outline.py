"""The outline: laid where the network looked, and agreed on with the slices beside it."""

from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Finding, Placement, Score, Slice
from triage.inference.outline import OUTLINED, agreed, beside, laid_out, tumour_on

SHAPE = (64, 80)
NOTHING, EVERYTHING = np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32)


def score(finding: Finding, *, familiar: bool = True) -> Score:
    """What the network would say of a slice that is its frame, with a mask all over it."""
    probabilities = {one: 0.7 if one is finding else 0.1 for one in Finding}
    whole = Placement(0, 0, 80)
    return Score(
        probabilities, np.zeros((2, 2, 4), np.float32), whole, np.ones((8, 8), np.float32), whole, (), familiar
    )


def series(*heights: float | None, shape: tuple[int, int] = SHAPE) -> list[Slice]:
    return [Slice(np.zeros(shape, np.uint8), height=height) for height in heights]


@pytest.mark.parametrize("placement", [Placement(0, 0, 64), Placement(-20, -10, 90), Placement(12, -8, 40)])
def test_a_frame_is_laid_where_it_was_cut(placement: Placement) -> None:
    mask = np.zeros((32, 32), np.float32)
    mask[12:20, 8:16] = 1
    laid = laid_out(mask, placement, SHAPE)
    y, x = np.nonzero(laid > 0.5)
    scale = placement.side / 32
    assert laid.shape == SHAPE
    assert abs(x.mean() + 0.5 - (placement.left + 12 * scale)) < 1
    assert abs(y.mean() + 0.5 - (placement.top + 16 * scale)) < 1


def test_only_a_tumour_is_outlined_and_only_on_what_the_network_knows() -> None:
    found = tumour_on(score(Finding.MENINGIOMA), SHAPE)
    assert found is not None
    assert found[32, 40] == 1
    none = tumour_on(score(Finding.NOTUMOR), SHAPE)
    assert none is not None
    assert not none.any()
    assert tumour_on(score(Finding.GLIOMA, familiar=False), SHAPE) is None


def test_neighbours_lie_a_step_away_in_the_same_volume() -> None:
    slices = series(0, 1, 2, 3, 4)
    assert beside(slices, 2, 1) == [1, 3]
    assert beside(slices, 2, 2) == [0, 4]
    assert beside(slices, 0, 1) == [1]
    assert beside(slices, 4, 1) == [3]


def test_pictures_that_do_not_say_where_they_lie_have_no_neighbours() -> None:
    assert beside(series(None, None, None), 1, 1) == []
    assert beside(series(0, 5, None), 1, 1) == [0]
    assert beside([*series(0), *series(5, 10, shape=(32, 32))], 1, 1) == [2]


def test_a_mask_that_goes_on_stays_and_one_on_a_single_slice_must_be_sure() -> None:
    assert (agreed(EVERYTHING, [EVERYTHING, EVERYTHING]) == 1).all()
    assert (agreed(EVERYTHING, [NOTHING, NOTHING]) == 0.5).all()
    assert (agreed(0.6 * EVERYTHING, [NOTHING, NOTHING]) < OUTLINED).all()


def test_a_slice_between_two_with_a_tumour_is_outlined() -> None:
    assert (agreed(NOTHING, [EVERYTHING, EVERYTHING]) >= OUTLINED).all()
    assert (agreed(NOTHING, [EVERYTHING, NOTHING]) < OUTLINED).all()


@pytest.mark.parametrize("neighbours", [[], [None], [None, None]])
def test_a_picture_by_itself_keeps_its_mask(neighbours: list[None]) -> None:
    mask = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    np.testing.assert_array_equal(agreed(mask, neighbours), mask)


def test_at_the_end_of_a_volume_the_mask_of_the_slice_stands_in_for_the_one_that_lacks() -> None:
    np.testing.assert_allclose(agreed(EVERYTHING, [NOTHING]), 0.75)
    np.testing.assert_allclose(agreed(EVERYTHING, [None, NOTHING]), 0.75)
