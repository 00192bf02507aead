"""What is observed by day: values, limits, and log-likelihood ratios that favour a change only if there is one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from triage.insights import share
from triage.learning.observed import Expected, Means, Observed, Shares, wilson

DAYS = 60
BASE = np.arange(DAYS) < 30
LATER = ~BASE


def floats(*values: float) -> np.ndarray:
    return np.array(values, float)


def shares(before: float, after: float, count: float = 20) -> Shares:
    return Shares(np.full(DAYS, count), np.where(BASE, before, after) * count)


def means(before: float, after: float) -> Means:
    mean = np.where(BASE, before, after)
    return Means(np.full(DAYS, 10.0), 10 * mean, 10 * (mean**2 + 144))


def expected(times: float) -> Expected:
    """Half of the studies with P(glioma) 0.1, half with 0.7; later the share that comes true is multiplied."""
    number = np.full((DAYS, 2), 20.0)
    likely = number * floats(0.1, 0.7)
    return Expected(number, likely, np.where(BASE[:, None], likely, times * likely))


@pytest.mark.parametrize(
    ("usual", "higher", "lower"),
    [
        (shares(0.2, 0.2), shares(0.2, 0.45), shares(0.2, 0.05)),
        (shares(0.0, 0.0), shares(0.0, 0.2), None),
        (means(90, 90), means(90, 100), means(90, 80)),
        (expected(1), expected(1.35), expected(0.5)),
    ],
)
def test_ratios_are_positive_after_a_change_and_negative_without(
    usual: Observed, higher: Observed, lower: Observed | None
) -> None:
    assert all((one[LATER] < 0).all() for one in usual.ratios(BASE))
    rise, fall = higher.ratios(BASE)
    assert rise[LATER].sum() > 0 > fall[LATER].sum()
    if lower is not None:
        rise, fall = lower.ratios(BASE)
        assert fall[LATER].sum() > 0 > rise[LATER].sum()


def test_a_week_of_one_study_has_no_limit_that_a_share_cannot_reach() -> None:
    number = np.zeros((DAYS, 2))
    number[0], number[-1] = floats(3, 3), floats(1, 0)
    seen = Expected(number, number * floats(0.1, 0.7), number * floats(0.0, 0.7))
    low, high = seen.limits(BASE, np.arange(DAYS) == DAYS - 1)
    assert -0.1 <= low < high <= 0.9


def test_a_share_without_room_to_fall_is_not_looked_at() -> None:
    _, fall = shares(0.02, 0.0).ratios(BASE)
    assert (fall == -math.inf).all()


@pytest.mark.parametrize("seen", [shares(0.2, 0.2), means(90, 90), expected(1)])
def test_what_is_as_before_lies_between_its_limits_and_in_its_interval(seen: Observed) -> None:
    week = np.arange(DAYS) >= DAYS - 7
    low, high = seen.limits(BASE, week)
    found = seen.estimate(week)
    assert low < found.value < high
    assert found.low <= found.value <= found.high


def test_a_changed_week_lies_beyond_its_limits() -> None:
    week = np.arange(DAYS) >= DAYS - 7
    for seen in (shares(0.2, 0.5), means(90, 100), expected(1.4)):
        assert seen.estimate(week).value > seen.limits(BASE, week)[1]


def test_calibration_is_held_against_its_own_baseline() -> None:
    """A model whose probabilities were too high from the start does not alarm for that alone."""
    number = np.full((DAYS, 2), 20.0)
    biased = Expected(number, number * floats(0.2, 0.9), number * floats(0.1, 0.7))
    assert biased.estimate(BASE).value == pytest.approx(-0.15)
    assert all((one[LATER] < 0).all() for one in biased.ratios(BASE))


def test_nothing_has_no_value() -> None:
    none = np.zeros(3)
    for seen in (Shares(none, none), Means(none, none, none), Expected(np.zeros((3, 2)), *np.zeros((2, 3, 2)))):
        assert math.isnan(seen.estimate(np.ones(3, bool)).value)


@pytest.mark.parametrize(("part", "count"), [(0, 10), (3, 10), (10, 10), (40, 1000)])
def test_intervals_are_those_of_wilson(part: int, count: int) -> None:
    found, known = wilson(part, count), share(part, count)
    assert (found.value, found.low, found.high) == pytest.approx((known.value, known.low, known.high), abs=1e-9)
