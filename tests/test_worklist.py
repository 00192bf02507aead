from __future__ import annotations

from datetime import UTC, datetime, timedelta

from triage.domain import Band, Ranking
from triage.worklist import WaitLimits, at_least, reason_of_place, sort_key

LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))
NOW = datetime(2026, 1, 10, tzinfo=UTC)


def test_the_referrers_priority_is_never_lowered() -> None:
    calm, urgent = Ranking(Band.ROUTINE, "calm"), Ranking(Band.STAT, "glioma")
    assert at_least(calm, Band.STAT) == Ranking(Band.STAT, "STAT asked for by the referrer")
    assert at_least(urgent, Band.URGENT) is urgent
    assert at_least(calm, Band.ROUTINE) is calm


def key(band: Band, malignancy: float | None, hours: float) -> tuple[int, bool, float, float, float]:
    return sort_key(band, malignancy, NOW - timedelta(hours=hours), NOW, LIMITS)


def test_within_a_band_malignancy_then_arrival() -> None:
    assert key(Band.STAT, 0.9, 1) < key(Band.STAT, 0.8, 2)
    assert key(Band.STAT, 0.9, 2) < key(Band.STAT, 0.9, 1)
    assert key(Band.STAT, 0.21, 1) < key(Band.URGENT, 0.19, 7)


def test_what_cannot_be_judged_heads_its_band() -> None:
    assert key(Band.ROUTINE, None, 1) < key(Band.ROUTINE, 0.19, 5)
    assert key(Band.URGENT, 0.0, 1) < key(Band.ROUTINE, None, 5)


def test_waiting_moves_up_and_to_the_head() -> None:
    assert LIMITS.level(Band.ROUTINE, timedelta(hours=48)) is Band.ROUTINE
    assert LIMITS.level(Band.ROUTINE, timedelta(hours=49)) is Band.URGENT
    assert LIMITS.level(Band.ROUTINE, timedelta(hours=57)) is Band.STAT
    assert key(Band.ROUTINE, 0.0, 49) < key(Band.URGENT, 0.19, 7)
    assert key(Band.STAT, 0.9, 1) < key(Band.ROUTINE, 0.0, 49)
    assert key(Band.ROUTINE, 0.0, 60) < key(Band.STAT, 0.99, 0)


def test_nothing_starves_however_many_urgent_studies_arrive() -> None:
    """One study is read every half hour, two STAT studies arrive meanwhile: the calm one is read all the same."""
    queue = [(Band.ROUTINE, 0.0, NOW)]
    now = NOW
    for _ in range(200):
        now += timedelta(minutes=30)
        queue += [(Band.STAT, 0.99, now), (Band.STAT, 0.98, now)]
        queue.sort(key=lambda study: sort_key(study[0], study[1], study[2], now, LIMITS))
        if queue.pop(0)[0] is Band.ROUTINE:
            break
    assert now - NOW <= LIMITS.routine + LIMITS.urgent + timedelta(minutes=30)


def test_the_reason_says_that_a_study_was_moved_up() -> None:
    ranking = Ranking(Band.ROUTINE, "P(tumour) 0.10 < 0.50, the operating point")
    assert reason_of_place(ranking, NOW, NOW, LIMITS) == (Band.ROUTINE, ranking.reason)
    band, reason = reason_of_place(ranking, NOW - timedelta(hours=50), NOW, LIMITS)
    assert band is Band.URGENT
    assert reason == f"Waited longer than 48 h in ROUTINE: moved up. {ranking.reason}"
