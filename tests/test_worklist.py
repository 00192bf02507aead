from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triage.domain import Band, Ranking
from triage.worklist import (
    SHARE,
    Waiting,
    WaitLimits,
    at_least,
    by_priority,
    by_wait,
    merged,
    overdue,
    reading_order,
    reason_of_place,
)

LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))
NOW = datetime(2026, 1, 10, tzinfo=UTC)


def waiting(band: Band, malignancy: float | None, hours: float, name: str = "x", *, prior: bool = False) -> Waiting:
    return Waiting(name, band, malignancy, NOW - timedelta(hours=hours), prior)


def test_the_referrers_priority_is_never_lowered() -> None:
    calm, urgent = Ranking(Band.ROUTINE, "calm"), Ranking(Band.STAT, "glioma")
    assert at_least(calm, Band.STAT) == Ranking(Band.STAT, "STAT asked for by the referrer")
    assert at_least(urgent, Band.URGENT) is urgent
    assert at_least(calm, Band.ROUTINE) is calm


def key(band: Band, malignancy: float | None, hours: float) -> tuple[object, ...]:
    return by_priority(waiting(band, malignancy, hours))


def test_within_a_band_malignancy_then_arrival() -> None:
    assert key(Band.STAT, 0.9, 1) < key(Band.STAT, 0.8, 2)
    assert key(Band.STAT, 0.9, 2) < key(Band.STAT, 0.9, 1)
    assert key(Band.STAT, 0.21, 1) < key(Band.URGENT, 0.19, 7)
    assert key(Band.STAT, 0.21, 1) < key(Band.ROUTINE, 0.19, 1000)


def test_what_cannot_be_judged_heads_its_band() -> None:
    assert key(Band.ROUTINE, None, 1) < key(Band.ROUTINE, 0.19, 5)
    assert key(Band.URGENT, 0.0, 1) < key(Band.ROUTINE, None, 5)


def test_an_older_study_of_a_patient_comes_after_all_others() -> None:
    assert key(Band.ROUTINE, 0.0, 0) < by_priority(waiting(Band.STAT, 0.99, 5, prior=True))


def test_age_alone_puts_no_stale_study_above_a_fresh_stat() -> None:
    """A page of calm studies that wait for days, and ten new STAT studies: these keep four places of five."""
    stale = [waiting(Band.ROUTINE, number / 300, 100 + number, f"old {number}") for number in range(60)]
    fresh = [waiting(Band.STAT, 0.9, 0, f"new {number}") for number in range(10)]
    for turn in range(2 * SHARE):
        order = reading_order(stale + fresh, turn, NOW, LIMITS)
        ahead = [study.band for study in order[: order.index(fresh[-1])]]
        assert ahead.count(Band.ROUTINE) <= -(-len(fresh) // (SHARE - 1))
        by_share = [at for at, study in enumerate(order[: 2 * SHARE], turn + 1) if study.band is Band.ROUTINE]
        assert by_share == [at for at in by_share if at % SHARE == 0]
        assert order[by_share[0] - turn - 1].study_id == "old 59", "the longest waiting"


def test_with_nothing_overdue_the_share_goes_to_nobody() -> None:
    studies = [waiting(Band.ROUTINE, number / 100, 1, str(number)) for number in range(30)]
    assert reading_order(studies, 3, NOW, LIMITS) == sorted(studies, key=by_priority)
    assert not any(overdue(study, NOW, LIMITS) for study in [*studies, waiting(Band.STAT, 0.9, 10_000)])


BANDS = st.sampled_from(list(Band))
#: Studies as band, P(glioma) or None, and hours of waiting.
STUDIES = st.lists(st.tuples(BANDS, st.none() | st.floats(0, 1), st.integers(0, 200)), max_size=40)


#: A busy machine draws slowly; that says nothing about the order.
PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(STUDIES, st.integers(0, 1000))
def test_every_study_has_one_place_and_the_share_is_kept(
    drawn: list[tuple[Band, float | None, int]], turn: int
) -> None:
    studies = [waiting(*values, name=str(number)) for number, values in enumerate(drawn)]
    first = sorted(studies, key=by_priority)
    second = sorted((one for one in studies if overdue(one, NOW, LIMITS)), key=lambda one: by_wait(one, LIMITS))
    order = list(merged(first, second, turn))
    assert sorted(study.study_id for study, _ in order) == sorted(study.study_id for study in studies)
    assert [study for study, _ in order] == reading_order(studies, turn, NOW, LIMITS)
    assert all((turn + place) % SHARE == 0 for place, (_, shared) in enumerate(order, 1) if shared)
    own = [study for study, shared in order if not shared]
    assert own == sorted(own, key=by_priority), "all others stay in the order of the bands"
    taken = [study for study, shared in order if shared]
    assert taken == [study for study in second if study in taken], "the share goes along the second line"


@PATIENT
@given(st.integers(0, 2**32), st.integers(0, 10), st.integers(0, 3), st.integers(1, 25))
def test_nothing_starves_and_the_bound_holds(seed: int, turn: int, rush: int, backlog: int) -> None:
    """A study in the second line with k ahead is read after at most SHARE (k + 1) readings, whatever arrives."""
    rng, now = Random(seed), NOW

    def arrived(number: int, hours: float = 0) -> Waiting:
        malignancy = rng.choice([None, rng.random()])
        return Waiting(str(number), rng.choice(list(Band)), malignancy, now - timedelta(hours=hours))

    queue = [arrived(number, rng.uniform(0, 100)) for number in range(backlog)]
    bound: dict[str, int] = {}
    for step in range(60):
        now += timedelta(hours=rng.uniform(0, 4))
        queue += [arrived(1000 * (step + 1) + number) for number in range(rng.randint(0, rush))]
        line = sorted((one for one in queue if overdue(one, now, LIMITS)), key=lambda one: by_wait(one, LIMITS))
        for ahead, study in enumerate(line):
            bound.setdefault(study.study_id, turn + SHARE * (ahead + 1))
        if queue:
            read = reading_order(queue, turn, now, LIMITS)[0]
            queue.remove(read)
            turn += 1
            assert turn <= bound.pop(read.study_id, turn)
        assert all(turn < last for last in bound.values())


def test_the_reason_says_that_the_place_is_of_the_share() -> None:
    ranking = Ranking(Band.ROUTINE, "P(tumour) 0.10 < 0.50, the operating point")
    assert reason_of_place(ranking, LIMITS, shared=False) == ranking.reason
    said = reason_of_place(ranking, LIMITS, shared=True)
    assert said == f"Longest waiting, over 48 h in ROUTINE: every 5th place. {ranking.reason}"
