from __future__ import annotations

import pytest

from triage.domain import Finding, likeliest
from triage.inference.study import judge_study

EMPTY = (0.05, 0.03, 0.02, 0.90)
GLIOMA = (0.80, 0.10, 0.05, 0.05)
FAINT = (0.60, 0.05, 0.05, 0.30)
PITUITARY = (0.02, 0.02, 0.95, 0.01)


def test_a_lesion_on_a_few_slices_is_not_drowned() -> None:
    verdict = judge_study([[EMPTY] * 30 + [GLIOMA] * 3 + [EMPTY] * 30])
    assert verdict.probabilities[Finding.GLIOMA] == pytest.approx(0.8)
    assert 30 <= verdict.slice <= 32


def test_one_slice_among_others_is_no_lesion() -> None:
    verdict = judge_study([[EMPTY] * 10 + [GLIOMA] + [EMPTY] * 10])
    assert likeliest(verdict.probabilities) is Finding.NOTUMOR
    assert verdict.slice == 10, "and yet the most suspicious one is shown"


def test_a_slice_by_itself_speaks() -> None:
    assert judge_study([[GLIOMA]]).probabilities[Finding.GLIOMA] == pytest.approx(0.8)


def test_a_glioma_speaks_before_what_is_surer() -> None:
    verdict = judge_study([[EMPTY] * 5 + [PITUITARY] * 3 + [EMPTY] * 5, [EMPTY] * 4 + [FAINT] * 3])
    assert likeliest(verdict.probabilities) is Finding.GLIOMA
    assert (verdict.series, verdict.slice) == (1, 4)


def test_without_a_majority_for_glioma_the_surest_tumour_speaks() -> None:
    doubtful = (0.45, 0.05, 0.05, 0.45)
    verdict = judge_study([[EMPTY] * 5 + [PITUITARY] * 3, [doubtful] * 3])
    assert likeliest(verdict.probabilities) is Finding.PITUITARY


def test_a_series_that_is_set_aside_is_passed_over() -> None:
    assert judge_study([[], [GLIOMA, EMPTY]]).series == 1
    with pytest.raises(ValueError, match="at least one"):
        judge_study([[], []])
