"""A chart alarms soon after a change, says when it began, and rarely alarms without one; `docs/monitoring.md`."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from triage.learning import drift
from triage.learning.drift import BASELINE_DAYS, BASELINE_STUDIES, Chart, chart, stability, threshold, unlike_the_rest
from triage.learning.observed import Means, Shares

FIRST = date(2026, 1, 5)
#: About as many charts as an installation has.
LIMIT = threshold(25)


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=at) for at in range(count)]


def drawn(rng: np.random.Generator, count: int, per_day: float, share: object) -> Shares:
    studies = rng.poisson(per_day, count)
    return Shares(studies.astype(float), rng.binomial(studies, share).astype(float))


def watch(seen: Shares | Means) -> Chart:
    return chart(days(len(seen.studies)), seen, LIMIT)


def test_without_a_change_charts_rarely_alarm() -> None:
    """No more than one false alarm a year of all charts together, whatever their share; measured, it is far rarer."""
    rng, years, alarms = np.random.default_rng(1), 0.0, 0
    for share in (0.0, 0.04, 0.25, 0.5, 0.9):
        for _ in range(16):
            count = 365 + 60
            found = watch(drawn(rng, count, 8, share))
            assert found.is_ready
            years += len(found.days) / drift.FALSE_ALARM_DAYS
            alarms += len(found.shifts)
    assert years > 75
    assert alarms / years * 25 < 1, f"{alarms} alarms of single charts in {years:.0f} years"


@pytest.mark.parametrize(
    ("before", "after", "within"),
    [(0.04, 0.19, 160), (0.0, 0.1, 200), (0.25, 0.45, 190), (0.9, 0.7, 190)],
)
def test_a_change_is_found_within_some_studies(before: float, after: float, within: int) -> None:
    """The median number of studies from the change to the alarm."""
    rng, delays, errors = np.random.default_rng(2), [], []
    for _ in range(20):
        share = np.where(np.arange(200) < 80, before, after)
        seen = drawn(rng, 200, 8, share)
        found = [shift for shift in watch(seen).shifts if shift.found >= days(200)[80]]
        assert found, "every such change is found"
        delays.append(seen.studies[80 : (found[0].found - FIRST).days + 1].sum())
        errors.append(abs((found[0].since - FIRST).days - 80))
        assert found[0].rise == (after > before)
    assert np.median(delays) < within
    assert np.median(errors) <= 7, "days between the change and where it is said to have begun"


def test_a_shift_says_from_what_to_what_since_when() -> None:
    studies = np.full(120, 10.0)
    seen = watch(Shares(studies, np.where(np.arange(120) < 80, 0.4, 3.0)))
    (shift,) = seen.shifts
    assert shift.since == days(120)[80]
    assert (seen.baseline.value, shift.value.value) == pytest.approx((0.04, 0.3), abs=0.01)
    assert shift.ended is None
    assert shift.rise
    assert shift.studies == 400


def test_a_change_that_is_over_ends_and_another_is_found_anew() -> None:
    share = np.select([(np.arange(400) // 80) % 2 == 1], [0.3], 0.04)
    seen = watch(Shares(np.full(400, 20.0), np.round(20 * share)))
    ended, last = [shift.ended for shift in seen.shifts if shift.rise], seen.shifts[-1]
    assert len(ended) == 2
    assert all(ended)
    assert ended[0] > days(400)[160]
    assert last.since == days(400)[240]


def test_a_mean_that_moves_by_half_a_deviation_is_found() -> None:
    rng = np.random.default_rng(3)
    each = rng.normal(np.where(np.arange(150) < 80, 90, 96)[:, None], 12, (150, 8))
    seen = watch(Means(np.full(150, 8.0), each.sum(axis=1), (each**2).sum(axis=1)))
    (shift,) = seen.shifts
    assert shift.found > days(150)[80]
    assert shift.value.value == pytest.approx(96, abs=2)


def test_a_baseline_needs_studies_and_days() -> None:
    few = watch(Shares(np.full(100, 1.0), np.zeros(100)))
    assert few.missing == (BASELINE_STUDIES - 100, 0)
    short = watch(Shares(np.full(10, 50.0), np.zeros(10)))
    assert short.missing == (0, BASELINE_DAYS - 10)
    assert not short.is_ready
    assert not short.shifts
    assert len(short.weeks) == 2, "it is drawn all the same"
    none = watch(Shares(np.zeros(5), np.zeros(5)))
    assert (none.first, none.missing) == (None, (BASELINE_STUDIES, BASELINE_DAYS))


def test_more_charts_have_a_higher_threshold() -> None:
    assert threshold(1) == pytest.approx(math.log(730))
    assert threshold(20) > threshold(10)


def test_the_stability_index_tells_a_changed_mix() -> None:
    rng = np.random.default_rng(4)
    usual = [
        stability(rng.multinomial(300, [0.5, 0.3, 0.2]), rng.multinomial(200, [0.5, 0.3, 0.2])) for _ in range(400)
    ]
    assert 0.9 < np.mean([index < limit for index, limit in usual]) < 0.99, "95 % without a change"
    index, limit = stability([150, 90, 60], [50, 50, 100])
    assert index > 0.2 > limit
    assert all(map(math.isnan, stability([], [1.0])))
    assert all(map(math.isnan, stability([1.0], [0.0])))


def test_groups_are_compared_with_all_others_and_corrected() -> None:
    alike = unlike_the_rest([90, 88, 91], [100, 100, 100])
    assert min(alike) > 0.5
    one, *others = unlike_the_rest([60, 90, 92, 91], [100, 100, 100, 100])
    assert one < 0.001
    assert max(unlike_the_rest([0, 1], [0, 2])) == 1
    assert len(others) == 3
    assert unlike_the_rest([], []) == []
