from __future__ import annotations

import pytest

from triage.inference.slice_selection import MAX_DISTANCE, selected, step


@pytest.mark.parametrize(
    ("slices", "apart", "every"),
    [(200, 0.65, 3), (192, 0.9, 2), (160, 1.0, 2), (160, 1.25, 2), (160, 1.3, 1), (30, 5.0, 1), (200, -0.9, 2)],
)
def test_of_thin_slices_every_so_many_is_scored(slices: int, apart: float, every: int) -> None:
    assert step([apart * number for number in range(slices)]) == every
    assert every * abs(apart) <= MAX_DISTANCE or every == 1


def test_a_series_of_few_slices_is_scored_whole_whatever_its_file_says() -> None:
    assert step([float(number) for number in range(127)]) == 1
    assert step([0.1 * number for number in range(150)]) == 2
    assert step([]) == step([0.0]) == 1


def test_slices_that_do_not_lie_evenly_are_all_scored() -> None:
    two_echoes = [number // 2 * 1.0 for number in range(200)]
    one_is_missing = [float(number + (number > 100)) for number in range(200)]
    unknown = [None, *map(float, range(199))]
    for heights in (two_echoes, one_is_missing, unknown, [0.0] * 200):
        assert step(heights) == 1


def test_the_middle_one_of_every_so_many_is_selected() -> None:
    assert list(selected(7, 3)) == [1, 4]
    assert list(selected(3, 1)) == [0, 1, 2]
    assert list(selected(0, 2)) == []
