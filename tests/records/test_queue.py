"""The worklist in SQL is the worklist of `triage.worklist`, on both databases."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from record_samples import add, instance, reading
from sqlalchemy import insert

from triage.domain import Band, Finding, ReadingState, StudyHeader, StudyStatus
from triage.records.queue import BINS, OFFERED, Queue
from triage.records.store import Store
from triage.records.tables import StudyRow
from triage.records.views import Arrival, WorklistFilter
from triage.worklist import WaitLimits, sort_key

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
                "status": status,
                "waiting": status in (StudyStatus.RECEIVED, StudyStatus.RANKED, StudyStatus.NOT_ANALYSABLE),
                "band": rng.randrange(3),
                "malignancy": round(rng.random(), 1) if judged else None,
                "predicted": rng.choice(list(Finding)) if judged else None,
                "reason": "because",
            }
        )
    with store.write() as session:
        session.execute(insert(StudyRow), rows)
    return rows


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store.read, LIMITS)


def test_the_order_in_sql_is_the_order_in_python(store: Store, queue: Queue) -> None:
    waiting = [row for row in fill(store, 600) if row["waiting"]]

    def key(row: dict[str, object]) -> tuple[object, ...]:
        band = list(Band)[int(str(row["band"]))]
        return (*sort_key(band, row["malignancy"], row["arrived_at"], NOW, LIMITS), row["id"])  # type: ignore[arg-type]

    expected = [row["id"] for row in sorted(waiting, key=key)]
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


def test_what_was_ranked_since_comes_before_the_rest_of_the_list(store: Store, queue: Queue) -> None:
    fill(store, 60)
    order = queue.free("Dr. A", NOW)
    with store.write() as session:
        session.get_one(StudyRow, order[0]).ranked_at = NOW
    earlier = NOW - timedelta(minutes=1)
    assert queue.free("Dr. A", NOW, left=[order[10]], since=earlier)[0] == order[0]
    assert queue.free("Dr. A", NOW, left=[order[0], order[10]], since=earlier)[0] == order[11]


def test_a_study_that_was_signed_still_has_its_place_for_who_goes_on(store: Store, queue: Queue) -> None:
    fill(store, 60)
    order = queue.free("Dr. A", NOW)
    for place in (0, 5, 20):
        left = order[place]
        with store.write() as session:
            row = session.get_one(StudyRow, left)
            row.waiting, row.status = False, StudyStatus.READ
        assert queue.free("Dr. A", NOW, left=[left])[0] == order[place + 1]


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
    levels = [LIMITS.level(list(Band)[int(str(row["band"]))], NOW - row["arrived_at"]) for row in waiting]  # type: ignore[operator]
    summary = queue.summary(NOW)
    assert summary.counts == {band: levels.count(band) for band in Band}
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
    assert len(stat) == queue.summary(NOW).counts[Band.STAT]


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
        ("MÜLLER^JOSÉ^M.", ["José Müller", "jose muller", "MULLER, JOSE", "m. müller josé", "m1 josé acc", "üll os"]),
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


def test_what_was_moved_up_says_so(store: Store, queue: Queue) -> None:
    fill(store, 300)
    rows = queue.page(WorklistFilter(), NOW, size=1000).rows
    assert any("moved up" in row.reason for row in rows)
    read = queue.page(WorklistFilter(statuses=(StudyStatus.READ,)), NOW, size=1000).rows
    assert not any("moved up" in row.reason for row in read)


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
    assert queue.summary(NOW).total == 0
