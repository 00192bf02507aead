"""What is in a list: by status, band, class, words in any script, and by who looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from queue_samples import NOW, fill
from record_samples import add, instance, reading

from triage.domain import Band, Finding, ReadingState, StudyHeader, StudyStatus
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.views import Arrival
from triage.records.worklist_views import WorklistFilter


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
