"""The order in SQL is that of `triage.worklist`, on both databases; so is that of each column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from queue_samples import LIMITS, NOW, fill, waiting_of
from record_samples import instance

from triage.domain import Band, Finding, ReadingState, Resolution, SeriesHeader, StudyHeader, StudyStatus
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import ImageCountRow, ReadingRow
from triage.records.views import Arrival
from triage.records.worklist_onward import OFFERED
from triage.records.worklist_views import Sort, WorklistFilter
from triage.worklist import SHARE, overdue, reading_order


def sign(store: Store, rows: list[dict[str, object]], count: int) -> None:
    """Sign so many studies that are read, each twice: an amendment is no turn."""
    read = [row["id"] for row in rows if row["status"] is StudyStatus.READ][:count]
    assert len(read) == count
    common = {"reader": "Dr. A", "decision": "confirm", "finding": "glioma", "comment": "", "signed_at": NOW}
    states = ((1, ReadingState.FINAL), (2, ReadingState.AMENDED))
    with store.write() as session:
        session.add_all(
            ReadingRow(study_id=one, version=version, state=state, **common)
            for one in read
            for version, state in states
        )


@pytest.mark.parametrize("turn", [0, SHARE - 1])
def test_the_order_in_sql_is_the_order_in_python(store: Store, queue: Queue, turn: int) -> None:
    rows = fill(store, 600)
    sign(store, rows, turn)
    studies = waiting_of(rows)
    expected = [study.study_id for study in reading_order(studies, turn, NOW, LIMITS)]
    assert any(overdue(study, NOW, LIMITS) for study in studies)
    pages = [queue.page(WorklistFilter(), NOW, number=number, size=97) for number in range(-(-len(expected) // 97))]
    assert [row.study_id for page in pages for row in page.rows] == expected
    assert {page.total for page in pages} == {len(expected)}
    assert queue.free("Dr. A", NOW) == expected[:OFFERED]
    # The list goes on below what was left, then from its top, and never back to it.
    here, above = expected[100], expected[99]
    assert queue.free("Dr. A", NOW, left=[str(above), str(here)]) == expected[101 : 101 + OFFERED]
    last = [str(expected[-1])]
    assert queue.free("Dr. A", NOW, left=last)[:2] == expected[:2]
    assert queue.free("Dr. A", NOW, left=[str(one) for one in expected]) == []


@pytest.mark.parametrize(
    "wanted",
    [
        WorklistFilter(bands=(Band.URGENT, Band.ROUTINE)),
        WorklistFilter(text="acc0001"),
        WorklistFilter(findings=(Finding.GLIOMA,), everything=True),
        WorklistFilter(everything=True),
        WorklistFilter(statuses=(StudyStatus.READ, StudyStatus.NOT_ANALYSABLE)),
    ],
)
def test_a_filtered_list_has_the_same_order(store: Store, queue: Queue, wanted: WorklistFilter) -> None:
    """What waits stands in the reading order; what does not wait follows, the latest arrival first."""
    rows = fill(store, 400)
    sign(store, rows, 2)
    matching = {row.study_id for row in queue.page(wanted, NOW, size=1000).rows}
    waiting = [study for study in waiting_of(rows) if study.study_id in matching]
    order = [study.study_id for study in reading_order(waiting, 2, NOW, LIMITS)]
    latest = sorted(rows, key=lambda row: (-row["arrived_at"].timestamp(), row["id"]))  # type: ignore[attr-defined]
    expected = [one for one in [*order, *(str(row["id"]) for row in latest if not row["waiting"])] if one in matching]
    pages = [queue.page(wanted, NOW, number=number, size=23) for number in range(-(-len(expected) // 23))]
    assert [row.study_id for page in pages for row in page.rows] == expected
    assert {page.total for page in pages} == {len(expected)}


def test_a_column_sorts_both_ways_with_gaps_last(store: Store, queue: Queue) -> None:
    rows = fill(store, 200)
    columns = {
        Sort.STUDY: "name",
        Sort.ACCESSION: "accession_number",
        Sort.DATE: "study_date",
        Sort.ARRIVED: "arrived_at",
    }
    for sort in Sort:
        values = {row["id"]: row.get(columns.get(sort, str(sort))) for row in rows}
        for descending in (False, True):
            wanted = WorklistFilter(everything=True, sort=sort, descending=descending)
            pages = [queue.page(wanted, NOW, number=number, size=67) for number in range(3)]
            found = [values[row.study_id] for page in pages for row in page.rows]
            filled = [value for value in found if value is not None]
            assert len(found) == len({row.study_id for page in pages for row in page.rows}) == pages[0].total
            assert found == filled + [None] * (len(found) - len(filled))
            if sort is Sort.STATUS:  # as the work goes on, not by the alphabet
                filled = [list(StudyStatus).index(value) for value in filled]  # type: ignore[arg-type]
            if sort is not Sort.STUDY:  # how a database orders punctuation is its own
                assert filled == sorted(filled, reverse=descending)  # type: ignore[type-var]


@pytest.mark.parametrize("descending", [False, True])
def test_of_equal_ones_what_waits_comes_first_and_then_the_latest(
    store: Store, queue: Queue, *, descending: bool
) -> None:
    fill(store, 300)
    wanted = WorklistFilter(everything=True, sort=Sort.BAND, descending=descending)
    found = queue.page(wanted, NOW, size=1000).rows
    assert [row.band.order for row in found] == sorted((row.band.order for row in found), reverse=descending)
    for band in Band:
        alike = [row for row in found if row.band is band]
        waiting = [row for row in alike if row.waiting]
        done = alike[len(waiting) :]
        assert waiting
        assert done
        assert not any(row.waiting for row in done)
        suspicion = [1.0 if row.malignancy is None else row.malignancy for row in waiting]
        assert suspicion == sorted(suspicion, reverse=True)
        assert [row.arrived_at for row in done] == sorted((row.arrived_at for row in done), reverse=True)


def test_images_are_sorted_by_their_number(store: Store, queue: Queue) -> None:
    for number, count in enumerate((2, 1, 3)):
        files = [Arrival(instance(10 * number + at), StudyHeader(f"1.{number}")) for at in range(count)]
        store.arrivals.add(f"Head {number}", files, actor="door")
    for descending in (False, True):
        rows = queue.page(WorklistFilter(sort=Sort.IMAGES, descending=descending), NOW).rows
        assert [row.slices for row in rows] == sorted((1, 2, 3), reverse=descending)


def test_the_number_of_images_follows_what_arrives_is_set_aside_and_is_merged(store: Store, queue: Queue) -> None:
    def add(number: int, patient: str, series: SeriesHeader) -> str:
        study = StudyHeader("1.1", mrn=patient)
        return store.arrivals.add("Head", [Arrival(instance(number), study, series)], actor="door").study_ids[0]

    def images(study_id: str) -> int:
        with store.read() as session:
            counted = session.get_one(ImageCountRow, study_id).images
        assert counted == next(row.slices for row in queue.page(WorklistFilter(), NOW).rows if row.study_id == study_id)
        return counted

    aside = SeriesHeader("1.2.2", set_aside="Localiser")
    study = add(1, "M1", SeriesHeader("1.2.1"))
    add(2, "M1", aside)
    assert images(study) == 1
    add(3, "M1", replace(aside, set_aside=""))
    assert images(study) == 3
    store.results.note_series(study, {"1.2.2": aside})
    assert images(study) == 1
    other = add(4, "M2", SeriesHeader("1.2.3"))
    store.conflicts.resolve(other, Resolution.MERGE, by="Dr. A", reason="the same")
    assert images(study) == 2


def test_a_place_of_the_share_says_so(store: Store, queue: Queue) -> None:
    fill(store, 300)
    found = queue.page(WorklistFilter(), NOW, size=1000).rows
    said = [place for place, row in enumerate(found, 1) if "Longest waiting" in row.reason]
    assert said
    assert all(place % SHARE == 0 for place in said)
    for row in found:
        assert ("every 5th place. because" in row.reason) == ("Longest waiting" in row.reason)
    by_column = queue.page(WorklistFilter(sort=Sort.BAND), NOW, size=1000).rows
    assert {row.reason for row in by_column} == {"because"}
