from __future__ import annotations

import pytest

from triage.domain import Finding, likeliest
from triage.inference.study import APART, judge_study, step

EMPTY = (0.05, 0.03, 0.02, 0.90)
GLIOMA = (0.80, 0.10, 0.05, 0.05)
FAINT = (0.60, 0.05, 0.05, 0.30)
PITUITARY = (0.02, 0.02, 0.95, 0.01)
POINT = 0.4


def test_a_lesion_on_a_few_slices_is_not_drowned() -> None:
    verdict = judge_study([[EMPTY] * 30 + [GLIOMA] * 3 + [EMPTY] * 30], POINT)
    assert verdict.probabilities[Finding.GLIOMA] == pytest.approx(0.8)
    assert 30 <= verdict.slice <= 32


def test_one_slice_among_others_is_no_lesion() -> None:
    verdict = judge_study([[EMPTY] * 10 + [GLIOMA] + [EMPTY] * 10], POINT)
    assert likeliest(verdict.probabilities) is Finding.NOTUMOR
    assert verdict.slice == 10, "and yet the most suspicious one is shown"


def test_a_slice_by_itself_speaks() -> None:
    assert judge_study([[GLIOMA]], POINT).probabilities[Finding.GLIOMA] == pytest.approx(0.8)


def test_a_glioma_speaks_before_what_is_surer() -> None:
    verdict = judge_study([[EMPTY] * 5 + [PITUITARY] * 3 + [EMPTY] * 5, [EMPTY] * 4 + [FAINT] * 3], POINT)
    assert likeliest(verdict.probabilities) is Finding.GLIOMA
    assert (verdict.series, verdict.slice) == (1, 4)


def test_a_glioma_speaks_from_the_operating_point_on_and_below_it_the_surest_tumour() -> None:
    at, below = (0.40, 0.03, 0.02, 0.55), (0.39, 0.03, 0.02, 0.56)
    sure = [EMPTY] * 5 + [PITUITARY] * 3
    verdict = judge_study([sure, [EMPTY, EMPTY, *[at] * 3]], POINT)
    assert verdict.probabilities[Finding.GLIOMA] == pytest.approx(0.40)
    assert (verdict.series, verdict.slice) == (1, 2)
    assert likeliest(judge_study([sure, [below] * 3], POINT).probabilities) is Finding.PITUITARY


def test_a_series_that_is_set_aside_is_passed_over() -> None:
    assert judge_study([[], [GLIOMA, EMPTY]], POINT).series == 1
    with pytest.raises(ValueError, match="at least one"):
        judge_study([[], []], POINT)


@pytest.mark.parametrize(
    ("slices", "apart", "every"),
    [(200, 0.65, 3), (192, 0.9, 2), (160, 1.0, 2), (160, 1.25, 2), (160, 1.3, 1), (30, 5.0, 1), (200, -0.9, 2)],
)
def test_of_thin_slices_every_so_many_is_scored(slices: int, apart: float, every: int) -> None:
    assert step([apart * number for number in range(slices)]) == every
    assert every * abs(apart) <= APART or every == 1


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
