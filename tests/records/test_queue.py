"""Pages of the worklist, its rows, and where studies stand."""

from __future__ import annotations

from dataclasses import replace

from queue_samples import NOW, fill
from record_samples import add, instance, reading

from triage.domain import Finding, ReadingState, Role, StudyHeader, StudyStatus
from triage.records.called import called
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.views import Arrival
from triage.records.worklist_views import Signature, WorklistFilter


def test_where_studies_stand_is_their_place_in_the_order(store: Store, queue: Queue) -> None:
    rows = fill(store, 300)
    order = [row.study_id for row in queue.page(WorklistFilter(), NOW, size=1000).rows]
    asked = [str(row["id"]) for row in rows][::3]
    found = queue.standing([*asked, "nowhere"], NOW)
    assert found.keys() == set(asked)
    places = {study_id: place for place, study_id in enumerate(order, 1)}
    assert {study_id: one.place for study_id, one in found.items()} == {one: places.get(one) for one in asked}
    rows_of = {row.study_id: row for row in queue.page(WorklistFilter(), NOW, size=1000).rows}
    assert all(one.row == rows_of[one.row.study_id] for one in found.values() if one.place)
    assert queue.standing([], NOW) == {}


def test_a_row_says_who_signed_what(store: Store, queue: Queue) -> None:
    study = add(store, 1)
    store.readings.sign(study, reading(), seen=0)
    store.readings.sign(study, replace(reading(Finding.PITUITARY, "Dr. B"), state=ReadingState.AMENDED), seen=1)
    (row,) = queue.page(WorklistFilter(statuses=(StudyStatus.READ,)), NOW).rows
    signed_at = reading().signed_at
    assert row.signatures == (
        Signature("Dr. A", "Glioma", signed_at, superseded=True),
        Signature("Dr. B", "Pituitary tumour", signed_at),
    )
    assert not row.waiting


def test_a_page_beyond_the_last_one_is_the_last_one(store: Store, queue: Queue) -> None:
    waiting = [row for row in fill(store, 300) if row["waiting"]]
    last = queue.page(WorklistFilter(), NOW, number=(len(waiting) - 1) // 50, size=50)
    assert last.rows
    assert queue.page(WorklistFilter(), NOW, number=99, size=50) == last
    one = queue.page(WorklistFilter(text="ACC000012", statuses=tuple(StudyStatus)), NOW, number=2, size=50)
    assert [row.study_id for row in one.rows] == ["00000012"]
    assert (one.total, one.number) == (1, 0)


def test_an_empty_record_is_an_empty_worklist(queue: Queue) -> None:
    assert queue.page(WorklistFilter(), NOW).rows == ()
    assert queue.summary().total == 0


def test_a_study_is_called_by_what_its_files_tell(store: Store) -> None:
    header = StudyHeader("1.1", "ROE^ANN", accession_number="A7")
    named = store.arrivals.add("Head", [Arrival(instance(1), header)], actor="door").study_id
    plain = add(store, 2, name="head.png")
    assert called(store.read, [named, plain, "nowhere"]) == {named: "ROE, ANN · A7 · Head", plain: "head.png"}


def test_a_row_tells_signatures_that_a_later_one_replaced(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(Finding.NOTUMOR), seen=0)
    amended = replace(reading(), role=Role.AMENDMENT, state=ReadingState.AMENDED)
    store.readings.sign(study_id, replace(amended, reader="Dr. B"), seen=1)
    (row,) = queue.page(WorklistFilter(everything=True), NOW).rows
    assert [(one.reader, one.superseded) for one in row.signatures] == [("Dr. A", True), ("Dr. B", False)]
