"""Paired comparisons against published values and against what they must do at their ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from triage.learning.paired import (
    Difference,
    Discordance,
    compared,
    compared_shares,
    discordance,
    patient_weights,
    patients_for_width,
    patients_needed,
    score_interval,
)

Z2 = norm.ppf(0.975) ** 2


def test_the_score_interval_is_that_of_tango() -> None:
    # Newcombe, Statistics in Medicine 17, 1998: 36, 12, 2, 0 of 50, the last column of its tables
    assert score_interval(Discordance(50, 12, 2)) == pytest.approx((0.0611, 0.3447), abs=1e-4)


@pytest.mark.parametrize("patients", [1, 10, 100])
def test_models_that_agree_on_all_patients_are_alike_only_as_far_as_their_number_says(patients: int) -> None:
    width = Z2 / (patients + Z2)
    assert score_interval(Discordance(patients, 0, 0)) == pytest.approx((-width, width), abs=1e-6)


def test_without_patients_everything_is_possible() -> None:
    assert score_interval(Discordance(0, 0, 0)) == (-1.0, 1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 40))
def test_the_limits_are_where_the_likelihood_says(won: int, lost: int, alike: int) -> None:
    seen = Discordance(won + lost + alike, won, lost)
    low, high = score_interval(seen)
    assert -1 <= low <= (won - lost) / seen.patients <= high <= 1
    for limit in (low, high):
        if abs(limit) < 1:
            assert abs(_score(seen, limit)) == pytest.approx(math.sqrt(Z2), rel=1e-3)


def _score(seen: Discordance, difference: float) -> float:
    """Return the score statistic with the likeliest share lost found by search, not by formula."""

    def unlikely(lost: float) -> float:
        alike = seen.patients - seen.won - seen.lost
        parts = ((seen.won, lost + difference), (seen.lost, lost), (alike, 1 - 2 * lost - difference))
        return -sum(count * math.log(max(share, 1e-300)) for count, share in parts)

    found = minimize_scalar(
        unlikely, bounds=(max(0.0, -difference), (1 - difference) / 2), method="bounded", options={"xatol": 1e-10}
    )
    variance = seen.patients * (2 * found.x + difference - difference**2)
    return float((seen.won - seen.lost - seen.patients * difference) / math.sqrt(variance))


def test_the_number_of_patients_is_that_of_the_test() -> None:
    # Agreement on all: the interval itself has to be as narrow as the margin.
    assert patients_needed(0.0, 0.05) == math.ceil(Z2 * 19)
    needed = patients_needed(0.1, 0.05)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(needed, [0.05, 0.05, 0.9], size=400)
    shown = [score_interval(Discordance(needed, float(won), float(lost)))[0] > -0.05 for won, lost, _ in draws]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.06)


def test_more_disagreement_and_a_smaller_margin_need_more_patients() -> None:
    assert patients_needed(0.05, 0.05) < patients_needed(0.2, 0.05) < patients_needed(0.2, 0.02)


def test_a_patient_counts_once_however_many_studies_there_are() -> None:
    before = np.array([True, True, True, True, False])
    after = np.array([True, False, False, False, True])
    patients = ["A", "B", "B", "B", "C"]
    assert patient_weights(patients) == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 1])
    assert discordance(before, after, patients) == Discordance(3, 1, pytest.approx(1))  # type: ignore[arg-type]


def test_discordance_of_few_patients_is_not_taken_at_its_word() -> None:
    assert Discordance(0, 0, 0).share == 0.1
    assert 0 < Discordance(5, 0, 0).share < 0.1
    assert Discordance(1000, 100, 100).share == pytest.approx(0.2, abs=0.01)


def test_whole_patients_are_drawn() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat(rng.normal(0, 1, 20), 50)
    patients = np.repeat(np.arange(20), 50).astype(str)
    by_patient = compared(lambda _: 0.0, lambda at: float(values[at].mean()), patients)
    alone = compared(lambda _: 0.0, lambda at: float(values[at].mean()), np.arange(1000).astype(str))
    assert by_patient.patients == 20
    assert by_patient.high - by_patient.low > 4 * (alone.high - alone.low)
    assert by_patient.low < by_patient.value < by_patient.high


def test_shares_are_compared_as_any_metric_is() -> None:
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(40), 3).astype(str)
    before, after = rng.random(120) < 0.7, rng.random(120) < 0.8
    fast = compared_shares(before, after, patients)
    slow = compared(lambda at: float(before[at].mean()), lambda at: float(after[at].mean()), patients)
    assert (fast.before, fast.after, fast.patients) == pytest.approx((slow.before, slow.after, 40))
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.02)


def test_an_interval_of_one_patient_or_of_nothing_measurable_is_not_given() -> None:
    assert math.isnan(compared(lambda _: 0.1, lambda _: 0.2, ["A", "A"]).low)
    assert math.isnan(compared(lambda _: float("nan"), lambda _: 0.2, ["A", "B"]).low)


def test_the_width_falls_with_the_root_of_the_patients() -> None:
    assert patients_for_width(Difference(0.8, 0.8, -0.06, 0.06, 50), 0.03) == 200
    assert patients_for_width(Difference(0.8, 0.8, -0.01, 0.01, 50), 0.03) == 50
    assert patients_for_width(Difference(0.8, 0.8, math.nan, math.nan, 1), 0.03) == 0
