"""Which slices lie at one place, by their distances alone."""

from __future__ import annotations

import numpy as np
import pytest

from triage.scans.formats.places import line_through, places

EVEN = np.arange(20) * 5.0


@pytest.mark.parametrize("distance", [0.05, 0.2, 1.0, 6.5])
@pytest.mark.parametrize("thickness", [None, 0.2, 1.0, 5.0])
def test_even_slices_are_all_at_places_of_their_own(distance: float, thickness: float | None) -> None:
    heights = np.arange(40) * distance
    assert places(heights, thickness) == list(range(40))
    assert places(np.delete(heights, [4, 5, 6, 20]), thickness) == list(range(36)), "missing slices change nothing"
    jitter = np.random.default_rng(0).uniform(-0.15, 0.15, 40) * distance
    assert places(heights + jitter, thickness) == list(range(40))


@pytest.mark.parametrize("passes", [2, 3, 10])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.1, 0.2])
def test_passes_that_lie_a_little_further_on_share_their_places(passes: int, shift: float) -> None:
    heights = np.concatenate([EVEN + shift * at for at in range(passes)])
    assert places(heights, 5.0) == list(range(20)) * passes


def test_one_slice_again_shares_its_place() -> None:
    assert places([*EVEN, 20.4], 5.0) == [*range(20), 4]


def test_two_blocks_far_apart_keep_their_places() -> None:
    blocks = [0, 1, 2, 3, 60, 61, 62, 63]
    assert places(blocks, 1.0) == list(range(8))


def test_halves_fill_each_others_gaps() -> None:
    assert places([*EVEN[::2], *EVEN[1::2]], 5.0) == [*range(0, 20, 2), *range(1, 20, 2)]


def test_the_order_says_nothing() -> None:
    assert places([10.0, 0.0, 5.0, 0.2], 5.0) == [2, 0, 1, 0]
    assert places([3.0]) == [0]


def test_a_line_is_found_only_where_there_is_one() -> None:
    line = line_through([1, 2, 4, 5], [-10.0, -15.1, -25.0, -30.0])
    assert line is not None
    assert line(3) == pytest.approx(-20, abs=0.1)
    assert line_through([1, 2, 3, 4], [0.0, 10.0, 5.0, 15.0]) is None
    assert line_through([1, 1, 1], [0.0, 5.0, 10.0]) is None
