"""Decisions about conflicts are listed, and can be undone: nothing that was discarded is out of sight."""

from __future__ import annotations

from dataclasses import replace

import pytest
from queue_samples import LIMITS
from record_samples import instance, reading, result
from sqlalchemy import select

from triage.domain import Band, Decision, Finding, Outcome, Resolution, SeriesHeader, StudyHeader, StudyStatus
from triage.errors import ConflictError
from triage.records.queue import Queue
from triage.records.search import Search, StudyQuery
from triage.records.store import Store
from triage.records.tables import AuditRow
from triage.records.views import Arrival, contents_of

ONE, OTHER = StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M2")
DISCARDS = [Resolution.DISCARD_FIRST, Resolution.DISCARD_SECOND]


def arrival(number: int, header: StudyHeader) -> Arrival:
    return Arrival(replace(instance(number), sop_instance_uid=f"1.2.{number}"), header, SeriesHeader("1.2.0"))


def in_conflict(store: Store) -> tuple[str, str]:
    files = [arrival(1, ONE), arrival(2, ONE), arrival(3, OTHER), arrival(4, OTHER)]
    taken = store.arrivals.add("Head", files, actor="door")
    return taken.study_ids[0], taken.study_ids[2]


def resolve(store: Store, study_id: str, resolution: Resolution) -> None:
    store.conflicts.resolve(study_id, resolution, by="Dr. A", reason="wrong: label")


def undo(store: Store, study_id: str) -> None:
    store.decisions.undo(study_id, by="Dr. B", reason="the label was right")


@pytest.mark.parametrize("resolution", list(Resolution))
def test_every_decision_is_on_the_list(store: Store, resolution: Resolution) -> None:
    first, second = in_conflict(store)
    assert store.decisions.made() == []
    resolve(store, second, resolution)
    (made,) = store.decisions.made()
    assert (made.by, made.what, made.why) == ("Dr. A", resolution, "wrong: label")
    assert (made.first.study_id, made.second.study_id) == (first, second)
    can_be_undone = resolution not in (Resolution.MERGE, Resolution.MERGE_AS_SECOND)
    assert bool(made.undo_id) is can_be_undone
    if not can_be_undone:
        with pytest.raises(ConflictError, match="cannot be undone"):
            undo(store, second)


@pytest.mark.parametrize("later", [Resolution.MERGE, Resolution.MERGE_AS_SECOND, Resolution.DISCARD_SECOND])
def test_a_decision_names_the_patients_that_it_was_made_about(store: Store, later: Resolution) -> None:
    _, second = in_conflict(store)
    resolve(store, second, Resolution.MERGE_AS_SECOND)
    third = store.arrivals.add("Head", [arrival(7, replace(OTHER, mrn="M3"))], actor="door").study_id
    resolve(store, third, later)
    named = [(one.what, one.first.header.mrn, one.second.header.mrn) for one in store.decisions.made()]
    assert named == [(later, "M2", "M3"), (Resolution.MERGE_AS_SECOND, "M1", "M2")]


@pytest.mark.parametrize("resolution", [*DISCARDS, Resolution.KEEP_APART])
def test_what_is_undone_is_decided_again(store: Store, resolution: Resolution) -> None:
    studies = in_conflict(store)
    resolve(store, studies[1], resolution)
    undo(store, store.decisions.made()[0].undo_id)
    assert {store.study(one).status for one in studies} == {StudyStatus.RECEIVED}
    assert sorted(store.results.pending()) == sorted(studies)
    (conflict,) = store.conflicts.open()
    assert {conflict.first.study_id, conflict.second.study_id} == set(studies)
    assert (conflict.uid, conflict.reason) == ("1.2", "Identity conflict: one Study Instance UID, two patients")
    undone, decided = store.decisions.made()
    assert (undone.by, undone.what, undone.why, undone.undo_id) == ("Dr. B", None, "the label was right", "")
    assert decided.undo_id == ""
    with pytest.raises(ConflictError, match="Look at the list"):
        undo(store, conflict.second.study_id)
    with store.read() as session:
        audited = session.scalars(select(AuditRow).where(AuditRow.event == "conflict reopened")).all()
    assert {(row.actor, row.study_id) for row in audited} == {("Dr. B", one) for one in studies}
    for again in (Resolution.DISCARD_FIRST, Resolution.DISCARD_SECOND):  # and round it goes
        resolve(store, store.conflicts.open()[0].second.study_id, again)
        assert store.conflicts.open() == []
        assert len(Search(store.read).studies(StudyQuery(uids=("1.2",)))) == 1
        undo(store, store.decisions.made()[0].undo_id)
    late = store.arrivals.add("Head", [arrival(5, OTHER), arrival(6, ONE)], actor="door")
    assert late.study_ids == (studies[1], studies[0])


@pytest.mark.parametrize("resolution", DISCARDS)
def test_a_ranked_study_that_comes_back_is_ranked_again(store: Store, resolution: Resolution) -> None:
    studies = in_conflict(store)
    for study_id in studies:
        files = store.study(study_id).instances
        store.results.file(study_id, replace(result(), contents=contents_of(one.sha256 for one in files)))
    resolve(store, studies[1], resolution)
    (undo_id,) = [made.undo_id for made in store.decisions.made()]
    undo(store, undo_id)
    assert store.results.pending() == [undo_id]
    known = store.study(undo_id).results
    store.results.file(undo_id, known[0])
    study = store.study(undo_id)
    assert (study.status, study.reason, study.results) == (StudyStatus.RANKED, "because", known)


def test_a_signed_study_comes_back_as_read(store: Store) -> None:
    _, second = in_conflict(store)
    contents = contents_of(one.sha256 for one in store.study(second).instances)
    unaided = replace(reading(contents=contents), decision=Decision.UNAIDED, model_sha256=None)
    store.readings.sign(second, unaided, seen=0)
    resolve(store, second, Resolution.DISCARD_SECOND)
    undo(store, second)
    assert (store.study(second).status, store.results.pending().count(second)) == (StudyStatus.READ, 0)
    assert len(store.study(second).readings) == 1


def test_one_that_waited_for_a_second_reader_waits_again(store: Store) -> None:
    _, second = in_conflict(store)
    contents = contents_of(one.sha256 for one in store.study(second).instances)
    unaided = replace(reading(contents=contents), decision=Decision.UNAIDED, model_sha256=None)
    store.readings.sign(second, unaided, seen=0)
    store.results.file(second, replace(result(), contents=contents), second_read=True)
    resolve(store, second, Resolution.DISCARD_SECOND)
    store.decisions.undo(second, by="Dr. B", reason="the label was right", second_read=True)
    assert store.study(second).status is StudyStatus.SECOND_READ


def test_one_that_the_ai_called_a_glioma_while_it_was_discarded_comes_back_in_the_band_of_that(store: Store) -> None:
    _, second = in_conflict(store)
    contents = store.study(second).contents
    unaided = replace(reading(Finding.NOTUMOR), contents=contents, decision=Decision.UNAIDED, model_sha256=None)
    store.readings.sign(second, unaided, seen=0)
    resolve(store, second, Resolution.DISCARD_SECOND)
    store.results.file(second, replace(result(0.9), contents=contents), second_read=True)
    store.decisions.undo(second, by="Dr. B", reason="the label was right", second_read=True)
    assert store.study(second).status is StudyStatus.SECOND_READ
    (row,) = (one for one in Queue(store.read, LIMITS).recent(9) if one.study_id == second)
    assert (row.band, row.malignancy, row.predicted, row.reason) == (Band.STAT, 0.9, Finding.GLIOMA, "because")


def test_a_discard_in_favour_of_a_study_that_was_discarded_too(store: Store) -> None:
    first, second = in_conflict(store)
    third = store.arrivals.add("Head", [arrival(7, replace(OTHER, mrn="M3"))], actor="door").study_id
    resolve(store, second, Resolution.DISCARD_SECOND)
    resolve(store, third, Resolution.DISCARD_FIRST)
    latest, earlier = store.decisions.made()
    assert (latest.undo_id, earlier.undo_id) == (first, "")
    undo(store, first)
    resolve(store, first, Resolution.DISCARD_SECOND)
    undo(store, second)  # it is in conflict with the study that has the UIDs by now
    assert [(one.first.study_id, one.second.study_id) for one in store.conflicts.open()] == [(third, second)]


def test_whoever_sends_what_was_discarded_is_told(store: Store) -> None:
    first, second = in_conflict(store)
    assert store.decisions.discarded([first, second]) == {}
    resolve(store, second, Resolution.DISCARD_SECOND)
    made = store.decisions.made()[0]
    assert store.decisions.discarded([first, second]) == {
        second: f"Discarded by Dr. A on {made.at:%Y-%m-%d}: wrong: label"
    }
    again = store.arrivals.add("Head", [arrival(3, OTHER), arrival(9, OTHER)], actor="door")
    assert again.outcomes == (Outcome.ALREADY_HERE, Outcome.CONFLICT)
    assert again.study_ids[1] not in (first, second)


def test_a_late_file_of_a_merged_patient_does_not_go_to_a_third(store: Store) -> None:
    first, second = in_conflict(store)
    third = store.arrivals.add("Head", [arrival(7, replace(OTHER, mrn="M3"))], actor="door").study_id
    resolve(store, second, Resolution.MERGE)
    resolve(store, third, Resolution.DISCARD_FIRST)
    late = store.arrivals.add("Head", [arrival(8, OTHER)], actor="door")
    assert late.outcomes == (Outcome.CONFLICT,)
    assert late.study_id not in (first, second, third)
