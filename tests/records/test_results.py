"""AI results are filed once and rank the study; the studies without one are listed and counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from record_samples import add, as_judged, instance, reading, result
from sqlalchemy import select

from triage.domain import (
    Band,
    Decision,
    Finding,
    Ranking,
    ReasonCode,
    StudyStatus,
)
from triage.errors import NotFoundError
from triage.reading import Entries, sign
from triage.records import database
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import AIResultRow
from triage.records.views import contents_of
from triage.records.worklist_views import WorklistFilter
from triage.worklist import WaitLimits


def test_a_result_is_filed_once_per_model(store: Store) -> None:
    study_id = add(store, 1)
    for _ in range(3):
        store.results.file(study_id, result(0.7))
    store.results.file(study_id, result(0.3, model="b"))
    with store.read() as session:
        assert len(session.scalars(select(AIResultRow)).all()) == 2
    assert as_judged(store.study(study_id).result) == result(0.3, model="b")
    assert store.results.pending() == []


def test_a_result_never_lowers_the_referrers_priority(store: Store) -> None:
    study_id = add(store, 1, site_band=Band.URGENT)
    store.results.file(study_id, replace(result(0.1), ranking=Ranking(Band.ROUTINE, "calm")))
    study = store.study(study_id)
    assert study.result is not None
    assert study.result.ranking.band is Band.ROUTINE, "the result stays as the model gave it"
    (row,) = (
        Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
        .page(WorklistFilter(), datetime.now(UTC))
        .rows
    )
    assert (row.band, row.reason) == (Band.URGENT, "URGENT asked for by the referrer")


@pytest.mark.parametrize(
    ("glioma", "second_read", "decision", "expected"),
    [
        (0.7, True, Decision.UNAIDED, StudyStatus.SECOND_READ),
        (0.7, False, Decision.UNAIDED, StudyStatus.READ),
        (0.1, True, Decision.UNAIDED, StudyStatus.READ),
        (0.7, True, Decision.OVERRIDE, StudyStatus.READ),  # of a model that served before
    ],
)
def test_a_glioma_that_the_ai_calls_after_the_signature_waits_for_a_second_reader(
    store: Store, glioma: float, second_read: bool, decision: Decision, expected: StudyStatus
) -> None:
    study_id = add(store, 1)
    contents = store.study(study_id).contents
    signed = replace(reading(Finding.NOTUMOR), decision=decision, model_sha256=None, reason=None, contents=contents)
    store.readings.sign(study_id, signed, seen=0)
    store.results.file(study_id, result(glioma), second_read=second_read)
    study = store.study(study_id)
    assert study.status is expected
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    assert (study_id in queue.free("Dr. B", datetime.now(UTC))) is (expected is StudyStatus.SECOND_READ)
    assert study.unbound == ()
    if expected is StudyStatus.SECOND_READ:
        agreed = sign(
            reader="Dr. B",
            entries=Entries(Finding.NOTUMOR, reason=ReasonCode.WRONG_CLASS),
            result=study.result,
            earlier=study.readings,
            status=study.status,
            second_read=True,
            now=datetime.now(UTC),
            contents=contents,
        )
        store.readings.sign(study_id, agreed, seen=1)
        assert store.study(study_id).status is StudyStatus.READ


def test_filing_at_the_same_moment_gives_one_row(store: Store) -> None:
    study_id = add(store, 1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.results.file(study_id, result()), range(16)))
    assert len(store.study(study_id).results) == 1


def test_not_analysable_keeps_its_place_and_reason(store: Store) -> None:
    study_id = add(store, 1, site_band=Band.URGENT)
    store.results.file_not_analysable(study_id, "Blank")
    study = store.study(study_id)
    assert (study.status, study.reason, study.result) == (StudyStatus.NOT_ANALYSABLE, "Blank", None)
    assert study.site_band is Band.URGENT
    assert store.results.pending() == []


def test_pending_studies_are_listed_oldest_first_and_counted(store: Store) -> None:
    assert (store.results.pending(), store.results.count_pending()) == ([], 0)
    studies = [add(store, number) for number in range(4)]
    store.results.file(studies[0], result(numbers=(0,)))
    store.results.file_not_analysable(studies[2], "Blank")
    assert store.results.pending() == [studies[1], studies[3]]
    assert store.results.pending(among=studies[2:]) == [studies[3]]
    assert store.results.count_pending() == 2


def test_a_result_for_a_study_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(NotFoundError, match="worklist"):
        store.results.file("nowhere", result())
    with pytest.raises(NotFoundError, match="worklist"):
        store.results.file_not_analysable("nowhere", "Blank")


def test_contents_of_more_studies_than_fit_one_query(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MAX_IN_VALUES", 2)
    studies = [add(store, number) for number in range(5)]
    expected = {study_id: contents_of([instance(number).sha256]) for number, study_id in enumerate(studies)}
    assert list(store.results.contents(studies[::-1]).items()) == list(expected.items())[::-1]
