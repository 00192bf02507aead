"""Figures held against others computed by hand or by a library that is not ours."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from triage import insights
from triage.domain import Band, Finding
from triage.insights import Case

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
GLIOMA, MENINGIOMA, PITUITARY, NONE = Finding


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def case(
    number: int, arrived: float, signed: float | None = None, called: Finding | None = NONE, **more: object
) -> Case:
    when = None if signed is None else at(signed)
    found = called if signed is not None else None
    known = {"signed": when, "called": found, "waiting": signed is None, "settled": signed is not None}
    fields = {"band": Band.ROUTINE} | known | more
    return Case(str(number), arrived=at(arrived), **fields)  # type: ignore[arg-type]


def test_median_and_ninetieth_percentile() -> None:
    found = insights.times(timedelta(minutes=minutes) for minutes in range(0, 101, 10))
    assert (found.count, found.median, found.p90) == (11, 50, 90)
    empty = insights.times([])
    assert empty.count == 0
    assert math.isnan(empty.median)


def test_the_three_durations() -> None:
    one = case(1, 0, 60, ranked=at(2), opened=at(42))
    assert insights.notification(one) == timedelta(minutes=2)
    assert insights.wait(one) == timedelta(minutes=40)
    assert insights.turnaround(one) == timedelta(minutes=60)
    two = case(2, 0, ranked=at(5), opened=at(3))
    assert insights.wait(two) is None, "opened before it was ranked: it did not wait"
    found = insights.by_band([one, two], insights.turnaround)
    assert (found[Band.ROUTINE].count, found[Band.ROUTINE].median, found[Band.STAT].count) == (1, 60, 0)


def test_the_queue_over_time() -> None:
    cases = [case(1, 0, 15, left=at(30)), case(2, 10), case(3, 20, 25, left=at(25), band=Band.STAT)]
    cases.append(case(4, 0, waiting=False))
    cases.append(case(5, 10, 20, band=Band.URGENT, waiting=True))  # signed, and waits for a second reader
    found = insights.waiting_over_time(cases, [at(minutes) for minutes in (-1, 0, 15, 20, 25, 30)])
    assert found == {Band.STAT: [0, 0, 0, 1, 0, 0], Band.URGENT: [0, 0, 1, 1, 1, 1], Band.ROUTINE: [0, 1, 2, 2, 2, 1]}


def test_what_the_order_bought_by_hand() -> None:
    """Three arrive at 0, 1 and 2; the last one is a glioma and was read first, at 10; the others at 20 and 30.

    First in, first out it would have been read at 30: 20 minutes won. The others lost 10 each.
    """
    cases = [case(1, 0, 20), case(2, 1, 30), case(3, 2, 10, GLIOMA), case(4, 3)]
    assert insights.first_in_first_out(cases) == {"1": at(10), "2": at(20), "3": at(30)}
    found = insights.bought(cases)
    assert (found.gliomas, found.others, found.won.value, found.cost.value) == (1, 2, 20, 10)
    assert found.waits == {"as read": [8], "first in, first out": [28]}


def test_a_study_that_is_not_settled_changes_nothing() -> None:
    settled = [case(1, 0, 10), case(2, 1, 5, Finding.GLIOMA)]
    found = insights.bought(settled)
    assert insights.bought([*settled, case(3, 2, 4, called=None, waiting=True, settled=False)]) == found


def test_first_in_first_out_takes_only_what_is_there() -> None:
    rng = Random(3)
    arrived = sorted(rng.uniform(0, 1000) for _ in range(200))
    signed = [time + rng.expovariate(1 / 100) for time in arrived]
    cases = [
        case(number, *times, rng.choice(list(Finding)))
        for number, times in enumerate(zip(arrived, signed, strict=True))
    ]
    other = insights.first_in_first_out(cases)
    assert sorted(other.values()) == sorted(one.signed for one in cases)  # type: ignore[type-var]
    assert all(other[one.study_id] >= one.arrived for one in cases)
    order = sorted(cases, key=lambda one: other[one.study_id])
    assert [one.arrived for one in order] == sorted(one.arrived for one in cases)
    found = insights.bought(cases)
    assert found.won.value * found.gliomas == pytest.approx(found.cost.value * found.others), (
        "what one wins, another pays"
    )


def test_a_share_has_its_wilson_interval() -> None:
    found = insights.share(8, 10)
    # Wilson (1927) by hand: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.96.
    assert (found.value, found.low, found.high) == (
        0.8,
        pytest.approx(0.4902, abs=1e-4),
        pytest.approx(0.9433, abs=1e-4),
    )
    assert math.isnan(insights.share(0, 0).low)


def readings(count: int, seed: int = 5) -> list[Case]:
    rng, cases = Random(seed), []
    for number in range(count):
        called = rng.choice(list(Finding))
        predicted = called if rng.random() < 0.7 else rng.choice(list(Finding))
        reason = "" if predicted is called else "wrong class"
        cases.append(case(number, 0, 1, called, predicted=predicted, reason=reason, scanner=rng.choice(["A", "B", ""])))
    return cases


def test_kappa_is_that_of_scikit_learn() -> None:
    cases = readings(300)
    counts = insights.confusion(cases)
    found = insights.kappa(counts)
    assert found.value == pytest.approx(
        cohen_kappa_score([one.predicted for one in cases], [one.called for one in cases])
    )
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.2
    for finding in Finding:
        expected = cohen_kappa_score(
            [one.predicted is finding for one in cases], [one.called is finding for one in cases]
        )
        assert insights.kappa(insights.one_class(counts, finding)).value == pytest.approx(expected)


def test_kappa_by_hand() -> None:
    """Cohen's own kind of table: 20 + 15 of 50 agree, 0.5 by chance: kappa 0.4."""
    assert insights.kappa(np.array([[20, 5], [10, 15]])).value == pytest.approx(0.4)
    assert math.isnan(insights.kappa(np.zeros((4, 4), int)).value)
    assert math.isnan(insights.kappa(np.diag([9, 0, 0, 0])).value)


def test_agreement_by_group_and_reasons() -> None:
    cases = readings(60)
    whole = insights.agreement(cases)
    parts = insights.groups(cases, lambda one: one.scanner)
    assert set(parts) == {"A", "B", ""}
    assert sum(part.part for part in parts.values()) == whole.part
    assert [part.count for part in parts.values()] == sorted((part.count for part in parts.values()), reverse=True)
    assert insights.reasons(cases) == {"wrong class": whole.count - whole.part}


def test_what_no_ai_answered_is_in_no_agreement() -> None:
    cases = [case(1, 0, 1, GLIOMA), case(2, 0, 1, None, predicted=GLIOMA), case(3, 0, predicted=GLIOMA)]
    assert insights.agreement(cases).count == 0
    assert insights.bought(cases).gliomas == 1


def test_an_interval_of_perfect_agreement_has_a_width() -> None:
    """Every resample of ten studies that all agree agrees too; that of ten others, one may not."""
    few, many = (insights.kappa(np.diag([count, count, 0, 0])) for count in (5, 500))
    assert few.value == many.value == 1
    assert few.high == many.high == 1
    assert few.low == pytest.approx(2 * insights.share(10, 10).low - 1)
    assert few.low < 0.5 < 0.99 < many.low < 1
    spread = insights.Estimate(0.9, 0.8, 1.0)
    assert insights.never_certain(spread, 50) == spread
    assert insights.never_certain(insights.Estimate(1.0, 1.0, 1.0), 20).low == insights.share(20, 20).low


def test_figures_are_told_from_ten_studies_of_each_kind() -> None:
    assert insights.enough(10)
    assert insights.enough(10, 40)
    assert not insights.enough(9)
    assert not insights.enough(400, 9)
