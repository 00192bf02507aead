"""What a reader goes on with: down the list, without what is not for them, and what they are told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from queue_samples import NOW, fill
from record_samples import add, reading

from triage.domain import Band, ReadingState, StudyStatus
from triage.records import worklist_onward
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import StudyRow
from triage.records.worklist_views import WorklistFilter


def test_what_was_ranked_since_comes_before_the_rest_of_the_list(store: Store, queue: Queue) -> None:
    fill(store, 60)
    order = queue.free("Dr. A", NOW)
    with store.write() as session:
        session.get_one(StudyRow, order[0]).ranked_at = NOW
    earlier = NOW - timedelta(minutes=1)
    assert queue.free("Dr. A", NOW, left=[order[10]], since=earlier)[0] == order[0]
    assert queue.free("Dr. A", NOW, left=[order[0], order[10]], since=earlier)[0] == order[11]


def test_who_goes_on_is_told_what_comes_and_which_stat_studies_stand_above(store: Store, queue: Queue) -> None:
    rows = fill(store, 90)
    order = queue.free("Dr. A", NOW)
    bands = {str(row["id"]): list(Band)[int(str(row["band"]))] for row in rows}
    place = next(at for at, one in enumerate(order) if bands[one] is not Band.STAT)
    here, stat = order[place], [one for one in order[:place] if bands[one] is Band.STAT]
    assert len(stat) > 2
    told = queue.onward("Dr. A", NOW, left=[here])
    assert told.following is not None
    assert told.following.study_id == order[place + 1] == queue.free("Dr. A", NOW, left=[here])[0]
    assert (told.fresh, told.from_top, list(told.above)) == (False, False, stat)

    # What another reader has open waits for nobody; what came meanwhile comes next, and is said to do so.
    store.claims.take(stat[1], "Dr. B", NOW)
    with store.write() as session:
        session.get_one(StudyRow, stat[2]).ranked_at = NOW
    told = queue.onward("Dr. A", NOW, left=[here], since=NOW - timedelta(minutes=1))
    assert told.following is not None
    assert (told.following.study_id, told.fresh) == (stat[2], True)
    assert list(told.above) == [one for one in stat if one != stat[1]]

    # At the end of the list it begins again, and also for who has left all of it.
    for left in (order[-1:], order):
        told = queue.onward("Dr. A", NOW, left=left)
        assert told.following is not None
        assert (told.following.study_id, told.from_top, told.above) == (stat[0], True, ())
    assert queue.onward("Dr. A", NOW, left=[stat[0]]).above == (), "nothing stands above the top"


def test_who_is_alone_with_one_study_is_told_that_nothing_follows(store: Store, queue: Queue) -> None:
    told = queue.onward("Dr. A", NOW, left=[add(store, 1)])
    assert (told.following, told.fresh, told.from_top, told.above) == (None, False, False, ())


def test_a_study_that_was_signed_still_has_its_place_for_who_goes_on(store: Store, queue: Queue) -> None:
    fill(store, 60)
    order = queue.free("Dr. A", NOW)
    for place in (0, 5, 20):
        left = order[place]
        with store.write() as session:
            row = session.get_one(StudyRow, left)
            row.waiting, row.status = False, StudyStatus.READ
        assert queue.free("Dr. A", NOW, left=[left])[0] == order[place + 1]
        with store.write() as session:
            row = session.get_one(StudyRow, left)
            row.waiting, row.status = True, StudyStatus.RANKED


def test_a_second_reading_is_not_for_the_first_reader(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    assert queue.free("Dr. A", NOW) == []
    assert queue.free("Dr. B", NOW) == [study_id]
    (row,) = queue.page(WorklistFilter(statuses=(StudyStatus.SECOND_READ,)), NOW).rows
    assert row.study_id == study_id


def test_what_waits_for_its_signature_is_not_offered_again(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.drafts.hold(study_id, reading(), seen=0, due=NOW + timedelta(seconds=10))
    assert queue.free("Dr. A", NOW) == []


def test_who_signed_before_a_study_was_read_anew_can_be_its_second_reader(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with store.write() as session:
        session.get_one(StudyRow, study_id).status = StudyStatus.RANKED
    anew = replace(reading(), reader="Dr. B", state=ReadingState.PRELIMINARY)
    store.readings.sign(study_id, anew, seen=1)
    assert queue.free("Dr. A", NOW) == [study_id]
    assert queue.free("Dr. B", NOW) == []


def test_looking_at_the_top_of_the_list_changes_nothing(
    store: Store, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little of the list is looked at first, the answers are those of the whole list."""
    rows = fill(store, 120)
    order = [row.study_id for row in queue.page(WorklistFilter(), NOW, size=1000).rows]
    read = next(str(row["id"]) for row in rows if row["status"] is StudyStatus.READ)
    for taken in order[10:14]:
        store.claims.take(taken, "Dr. B", NOW)
    with store.write() as session:
        session.get_one(StudyRow, order[2]).ranked_at = NOW
    left = ([], order[:1], order[20:22], order[8:12], order[-1:], order[:-1], order, [read], ["nowhere"])
    since = NOW - timedelta(minutes=1)

    def answers() -> list[object]:
        free = [queue.free("Dr. A", NOW, left=one, since=since) for one in left]
        return [free, [queue.onward("Dr. A", NOW, left=one) for one in left if one]]

    monkeypatch.setattr(worklist_onward, "OFFERED", 5)
    monkeypatch.setattr(worklist_onward, "DEPTHS", (None,))
    whole = answers()
    monkeypatch.setattr(worklist_onward, "DEPTHS", (3, 15, None))
    assert answers() == whole
