from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain import Band, Finding, OperatingPoints, Ranking
from triage.worklist import WaitLimits, rank, reason_of_place, sort_key

POINTS = OperatingPoints(glioma=0.2, tumour=0.5)
LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))
NOW = datetime(2026, 1, 10, tzinfo=UTC)


def probabilities(glioma: float, meningioma: float, pituitary: float, notumor: float) -> dict[Finding, float]:
    return dict(zip(Finding, (glioma, meningioma, pituitary, notumor), strict=True))


@pytest.mark.parametrize(
    ("values", "band", "words"),
    [
        ((0.20, 0.10, 0.10, 0.60), Band.STAT, "P(glioma) 0.20 ≥ 0.20"),  # at the point counts as above
        ((0.19, 0.30, 0.05, 0.46), Band.URGENT, "P(tumour) 0.54 ≥ 0.50"),
        ((0.10, 0.30, 0.10, 0.50), Band.URGENT, "P(tumour) 0.50 ≥ 0.50"),
        ((0.05, 0.05, 0.05, 0.85), Band.ROUTINE, "P(tumour) 0.15 < 0.50"),
    ],
)
def test_the_band_follows_the_operating_points(values: tuple[float, ...], band: Band, words: str) -> None:
    ranking = rank(probabilities(*values), POINTS, [Finding.GLIOMA])
    assert ranking.band is band
    assert words in ranking.reason


def test_a_glioma_that_is_not_ruled_out_is_urgent() -> None:
    calm = probabilities(0.1, 0.1, 0.1, 0.7)
    ranking = rank(calm, POINTS, [Finding.GLIOMA, Finding.PITUITARY, Finding.NOTUMOR])
    assert ranking == Ranking(Band.URGENT, "Uncertain: glioma, pituitary tumour and no tumour cannot be told apart")
    assert rank(calm, POINTS, [Finding.PITUITARY, Finding.NOTUMOR]).band is Band.ROUTINE
    assert rank(calm, POINTS, [Finding.NOTUMOR]).band is Band.ROUTINE


def test_the_referrers_priority_is_never_lowered() -> None:
    calm = probabilities(0.01, 0.01, 0.01, 0.97)
    assert rank(calm, POINTS, [Finding.NOTUMOR], site=Band.STAT).band is Band.STAT
    assert "referrer" in rank(calm, POINTS, [Finding.NOTUMOR], site=Band.STAT).reason
    assert rank(probabilities(0.9, 0.1, 0, 0), POINTS, [Finding.GLIOMA], site=Band.URGENT).band is Band.STAT


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
