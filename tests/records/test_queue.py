"""The worklist in SQL is the worklist of `triage.worklist`, on both databases."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from record_samples import add, instance, reading

from triage.domain import Band, Finding, ReadingState, StudyHeader, StudyStatus
from triage.records.queue import BINS, OFFERED, Queue
from triage.records.store import Store
from triage.records.tables import ReadingRow, StudyRow
from triage.records.views import Arrival
from triage.records.worklist_views import Signature, Sort, WorklistFilter
from triage.worklist import SHARE, Waiting, WaitLimits, overdue, reading_order

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))


def fill(store: Store, count: int) -> list[dict[str, object]]:
    """Random studies: every band, status and class, arrivals over four days, some malignancies alike."""
    rng = random.Random(7)
    rows: list[dict[str, object]] = []
    for number in range(count):
        status = rng.choices(list(StudyStatus), [1, 6, 1, 1, 1, 2, 1, 1])[0]
        judged = status in (StudyStatus.RANKED, StudyStatus.READ)
        rows.append(
            {
                "id": f"{number:08d}",
                "name": f"slice_{number}%.png",
                "accession_number": f"ACC{number:06d}",
                "site_band": 2,
                "arrived_at": NOW - timedelta(minutes=rng.randrange(96 * 60)),
                "study_date": date(2026, 1, rng.randrange(1, 20)) if rng.random() < 0.8 else None,
                "mrn": f"M{rng.randrange(40)}" if rng.random() < 0.8 else None,
                "status": status,
                "waiting": status in (StudyStatus.RECEIVED, StudyStatus.RANKED, StudyStatus.NOT_ANALYSABLE),
                "band": rng.randrange(3),
                "malignancy": round(rng.random(), 1) if judged else None,
                "predicted": rng.choice(list(Finding)) if judged else None,
                "reason": "because",
            }
        )
    with store.write() as session:
        session.add_all(StudyRow(**row) for row in rows)
    return rows


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store.read, LIMITS)


def waiting_of(rows: list[dict[str, object]]) -> list[Waiting]:
    return [
        Waiting(row["id"], list(Band)[int(str(row["band"]))], row["malignancy"], row["arrived_at"])  # type: ignore[arg-type]
        for row in rows
        if row["waiting"]
    ]


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
    assert queue.first(NOW) == expected[0]
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
            if sort is not Sort.STUDY:  # how a database orders punctuation is its own
                assert filled == sorted(filled, reverse=descending)  # type: ignore[type-var]


def test_images_are_sorted_by_their_number(store: Store, queue: Queue) -> None:
    for number, count in enumerate((2, 1, 3)):
        files = [Arrival(instance(10 * number + at), StudyHeader(f"1.{number}")) for at in range(count)]
        store.arrivals.add(f"Head {number}", files, actor="door")
    for descending in (False, True):
        rows = queue.page(WorklistFilter(sort=Sort.IMAGES, descending=descending), NOW).rows
        assert [row.slices for row in rows] == sorted((1, 2, 3), reverse=descending)


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


def test_what_a_reader_signed_for_another_one_is_not_in_their_lists(store: Store, queue: Queue) -> None:
    """For everybody else nothing changes, places included."""
    signed, open_one = add(store, 1), add(store, 2)
    before = [row.study_id for row in queue.page(WorklistFilter(reader="Dr. B"), NOW).rows]
    store.readings.sign(signed, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)

    def listed(**wanted: Any) -> list[str]:
        return [row.study_id for row in queue.page(WorklistFilter(**wanted), NOW).rows]

    second = {"statuses": (StudyStatus.SECOND_READ,)}
    assert listed(reader="Dr. A") == [open_one] == queue.free("Dr. A", NOW)
    assert listed(reader="Dr. A", **second) == []
    assert listed(reader="Dr. A", for_another=True) == [signed]
    for other in ("Dr. B", ""):
        assert listed(reader=other) == before
        assert listed(reader=other, **second) == [signed]
        assert listed(reader=other, for_another=True) == []
    assert sorted(listed(reader="Dr. A", everything=True)) == sorted([signed, open_one])
    for reader in ("Dr. A", "Dr. B", ""):
        counts = queue.counts(reader=reader)
        assert sum(one.count for one in counts) == 2
        assert sum(one.count for one in counts if one.for_another) == len(listed(reader=reader, for_another=True))
        waiting = sum(one.count for one in counts if one.waiting and not one.for_another)
        assert waiting == len(listed(reader=reader)) == len(queue.free(reader, NOW))


def test_who_signed_before_a_study_was_read_anew_can_be_its_second_reader(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with store.write() as session:
        session.get_one(StudyRow, study_id).status = StudyStatus.RANKED
    anew = replace(reading(), reader="Dr. B", state=ReadingState.PRELIMINARY)
    store.readings.sign(study_id, anew, seen=1)
    assert queue.free("Dr. A", NOW) == [study_id]
    assert queue.free("Dr. B", NOW) == []


def test_what_waits_for_its_signature_is_not_offered_again(store: Store, queue: Queue) -> None:
    study_id = add(store, 1)
    store.drafts.hold(study_id, reading(), seen=0, due=NOW + timedelta(seconds=10))
    assert queue.free("Dr. A", NOW) == []


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


def test_counts_and_histogram_add_up(store: Store, queue: Queue) -> None:
    waiting = [row for row in fill(store, 300) if row["waiting"]]
    bands = [study.band for study in waiting_of(waiting)]
    summary = queue.summary()
    assert summary.counts == {band: bands.count(band) for band in Band}
    assert summary.total == len(waiting)
    judged = [row["malignancy"] for row in waiting if row["malignancy"] is not None]
    totals = [sum(counts) for counts in zip(*summary.histogram.values(), strict=True)]
    assert len(totals) == BINS
    assert sum(totals) == len(judged)
    assert totals[-1] == judged.count(1.0)
    assert summary.not_analysable == sum(row["status"] is StudyStatus.NOT_ANALYSABLE for row in waiting)


def test_filters_narrow(store: Store, queue: Queue) -> None:
    rows = fill(store, 300)

    def found(**wanted: object) -> set[str]:
        return {row.study_id for row in queue.page(WorklistFilter(**wanted), NOW, size=1000).rows}  # type: ignore[arg-type]

    waiting = {row["id"] for row in rows if row["waiting"]}
    glioma = {row["id"] for row in rows if row["predicted"] is Finding.GLIOMA}
    assert found() == waiting
    assert found(findings=(Finding.GLIOMA,)) == waiting & glioma
    for status in StudyStatus:
        assert found(statuses=(status,)) == {row["id"] for row in rows if row["status"] == status}
    assert found(statuses=tuple(StudyStatus), text="acc000012") == {"00000012"}
    assert found(statuses=tuple(StudyStatus), text="_12%") == {"00000012"}  # no wildcards from the reader
    stat = queue.page(WorklistFilter(bands=(Band.STAT,)), NOW, size=1000).rows
    assert {row.band for row in stat} == {Band.STAT}
    assert len(stat) == queue.summary().counts[Band.STAT]


def test_the_counts_of_all_lists_add_up(store: Store, queue: Queue) -> None:
    fill(store, 300)
    for text in ("", "acc0001"):
        counts = queue.counts(text)
        everything = queue.page(WorklistFilter(everything=True, text=text), NOW).total
        assert sum(one.count for one in counts) == everything
        for status in StudyStatus:
            total = queue.page(WorklistFilter(statuses=(status,), text=text), NOW).total
            shown = 0 if status is StudyStatus.MERGED else total
            assert sum(one.count for one in counts if one.status is status) == shown
        waiting = queue.page(WorklistFilter(bands=(Band.URGENT,), text=text), NOW).total
        assert sum(one.count for one in counts if one.waiting and one.band is Band.URGENT) == waiting


def test_names_are_found_in_any_spelling(store: Store, queue: Queue) -> None:
    for number, name in enumerate(["de la Tour^Ana^Luz^Dra.", "Çelik^Işık", "Yamada^Taro=山田^太郎", "Иванова^Анна"]):
        header = StudyHeader(f"1.{number}", name, f"M{number}", f"A_{number}")
        store.arrivals.add(f"Head {number}", [Arrival(instance(number), header)], actor="door")

    def found(text: str) -> set[str]:
        return {row.mrn for row in queue.page(WorklistFilter(text=text), NOW).rows}

    for text in ("la tour, ana", "Tour^ANA", "de la Tour, Dra. Ana Luz", "head 0", "a_0", "m0"):
        assert found(text) == {"M0"}
    assert found("CELIK, ISIK") == found("çelik") == {"M1"}
    assert found("山田 太") == found("taro (山田") == {"M2"}
    assert found("ИВАНОВА") == found(" иванова ") == {"M3"}
    assert found("_") == {f"M{number}" for number in range(4)}
    assert found("%") == found("tour nowhere") == set()


@pytest.mark.parametrize(
    ("name", "questions"),
    [
        (
            "MÜLLER^JOSÉ^M.",
            [
                "mull",
                "üll",
                "ose",
                "José Müller",
                "jose muller",
                "MULLER, JOSE",
                "m. müller josé",
                "m1 josé acc",
                "üll os",
            ],
        ),
        ("Иванова^Анна^Петровна", ["анна иванова", "Петровна ИВАНОВА"]),
        ("Παπαδόπουλος^Νίκος", ["νικος παπαδοπουλος", "ΝΊΚΟΣ"]),
        ("الأحمد^محمّد", ["محمد الاحمد"]),
        ("כהן^שָׂרָה", ["שרה כהן"]),
        ("शर्मा^प्रिया", ["प्रिया शर्मा"]),
        ("Kim^Minjun=김^민준", ["김민준", "민준 김", "minjun kim", "kim 김민준"]),
        ("Yamada^Taro=山田^太郎=やまだ^たろう", ["山田太郎", "太郎 山田", "やまだたろう"]),
        ("Nguyễn^Thị Ánh", ["anh nguyen", "ÁNH NGUYỄN"]),
    ],
)
def test_words_are_found_in_any_order_and_script(store: Store, queue: Queue, name: str, questions: list[str]) -> None:
    for number, patient in enumerate(("Roe^Richard", name), 0):
        header = StudyHeader(f"1.{number}", patient, f"M{number}", f"ACC{number}")
        store.arrivals.add("Head", [Arrival(instance(number), header)], actor="door")
    for text in questions:
        assert [row.mrn for row in queue.page(WorklistFilter(text=text), NOW).rows] == ["M1"], text
    assert queue.page(WorklistFilter(text=f"{questions[0]} richard"), NOW).rows == ()


def test_a_question_without_end_is_answered(store: Store, queue: Queue) -> None:
    fill(store, 3)
    for text in ("x" * 100_000, " ".join(map(str, range(5000))), "\ufdfa" * 5000, " , ^ ", "\0"):
        queue.page(WorklistFilter(text=text), NOW)


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


def test_a_row_says_who_signed_what(store: Store, queue: Queue) -> None:
    study = add(store, 1)
    store.readings.sign(study, reading(), seen=0)
    store.readings.sign(study, replace(reading(Finding.PITUITARY, "Dr. B"), state=ReadingState.AMENDED), seen=1)
    (row,) = queue.page(WorklistFilter(statuses=(StudyStatus.READ,)), NOW).rows
    signed_at = reading().signed_at
    assert row.signatures == (
        Signature("Dr. A", "Glioma", signed_at),
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
    assert queue.first(NOW) is None
    assert queue.summary().total == 0
