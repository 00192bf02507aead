from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from record_samples import NOW, add, instance, reading, result

from triage.domain import Band, Decision, Finding, ReadingState, Role, SeriesHeader, StudyHeader
from triage.records.insights import cases
from triage.records.store import Store
from triage.records.views import Arrival


def test_a_study_is_told_by_its_times_and_its_last_reading(store: Store) -> None:
    header, series = StudyHeader("1.1", "DOE^J"), SeriesHeader("1.2", description="t1_ce", scanner="Drawn 3T")
    aside = SeriesHeader("1.3", description="zzz localizer", set_aside="Localiser")
    files = [Arrival(instance(1), header, series), Arrival(instance(2), header, aside)]
    study = store.arrivals.add("Head", files, actor="door").study_id
    store.results.file(study, result(numbers=(1, 2)))
    store.readings.note_opened(study, reader="Dr. A")
    store.readings.sign(study, reading(), seen=0)
    amended = replace(
        reading(Finding.PITUITARY, "Dr. B"), state=ReadingState.AMENDED, signed_at=NOW + timedelta(hours=1)
    )
    store.readings.sign(study, amended, seen=1)
    (found,) = cases(store.read)
    assert (found.study_id, found.band, found.waiting) == (study, Band.STAT, False)
    assert found.arrived <= found.ranked <= found.opened  # type: ignore[operator]
    assert found.signed == found.left == NOW, "the first signature"
    assert (found.predicted, found.called, found.reader) == (Finding.GLIOMA, Finding.PITUITARY, "Dr. B")
    assert (found.reason, found.scanner, found.sequence) == ("wrong class", "Drawn 3T", "t1_ce")


def test_what_is_not_there_yet_is_empty(store: Store) -> None:
    first = add(store, 1)
    second = add(store, 2)
    unaided = replace(reading(), decision=Decision.UNAIDED, model_sha256=None)
    store.readings.sign(second, unaided, seen=0)
    waiting, read = cases(store.read)
    assert (waiting.study_id, waiting.ranked, waiting.signed, waiting.called) == (first, None, None, None)
    assert (read.predicted, read.called) == (None, Finding.GLIOMA)


def test_before_a_study_is_settled_nothing_tells_what_was_concluded(store: Store) -> None:
    """Neither to the second reader what the first one said, nor to the third one what both did."""
    study = add(store, 1)
    store.results.file(study, result())
    first = replace(reading(Finding.PITUITARY), state=ReadingState.PRELIMINARY)
    store.readings.sign(study, first, seen=0)
    other = replace(reading(reader="Dr. B"), state=ReadingState.PRELIMINARY, role=Role.SECOND)
    for seen in (1, 2):
        (found,) = cases(store.read)
        assert (found.signed, found.waiting, found.settled) == (NOW, True, False)
        assert (found.predicted, found.called, found.reason, found.reader) == (None, None, "", "")
        if seen == 1:
            store.readings.sign(study, other, seen=1)
        assert found.left is None
    settled = replace(reading(reader="Dr. C"), role=Role.ARBITRATION, signed_at=NOW + timedelta(minutes=3))
    store.readings.sign(study, settled, seen=2)
    (found,) = cases(store.read)
    assert (found.signed, found.left) == (NOW, NOW + timedelta(minutes=3))
    assert (found.settled, found.predicted, found.called, found.reader) == (
        True,
        Finding.GLIOMA,
        Finding.GLIOMA,
        "Dr. C",
    )


def test_a_period_begins_with_an_arrival(store: Store) -> None:
    add(store, 1)
    now = datetime.now(UTC)
    assert len(cases(store.read, now - timedelta(minutes=5))) == 1
    assert cases(store.read, now + timedelta(minutes=5)) == []
