"""The record on SQLite and on PostgreSQL: once, for good, and told when somebody else was first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from triage.domain import (
    AIResult,
    Band,
    Decision,
    Finding,
    Outcome,
    Plane,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    SeriesHeader,
    SliceScores,
    StudyHeader,
    StudyStatus,
)
from triage.errors import ConflictError, NotFoundError
from triage.inference.slice_selection import scored_slices
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import AIResultRow, AuditRow
from triage.records.views import Arrival, Instance, WorklistFilter, contents_of
from triage.worklist import WaitLimits

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def instance(number: int) -> Instance:
    return Instance(f"{number:064x}", f"slice{number}.png", "PNG", 1000 + number)


def add(store: Store, *numbers: int, name: str = "head.png", uid: str = "", **options: object) -> str:
    """Add files as one study and return its ID."""
    header = StudyHeader(uid=uid)
    taken = store.arrivals.add(name, [Arrival(instance(number), header) for number in numbers], actor="door", **options)  # type: ignore[arg-type]
    return str(taken.study_id)


def result(glioma: float = 0.7, model: str = "a", numbers: tuple[int, ...] = (1,)) -> AIResult:
    rest = (1 - glioma) / 3
    return AIResult(
        "net",
        model * 64,
        dict(zip(Finding, (glioma, rest, rest, rest), strict=True)),
        Ranking(Band.STAT, "because"),
        contents=contents_of(instance(number).sha256 for number in numbers),
        slices=SliceScores(0, 0, len(numbers) - 1, (((glioma, rest, rest, rest), None),), (2,)),
    )


def as_judged(kept: AIResult | None) -> AIResult:
    """Return a result as it was before it was filed."""
    assert kept is not None
    assert kept.filed_at is not None
    return replace(kept, filed_at=None)


def reading(finding: Finding = Finding.GLIOMA, reader: str = "Dr. A", **changes: object) -> Reading:
    decision = Decision.CONFIRM if finding is Finding.GLIOMA else Decision.OVERRIDE
    reason = None if finding is Finding.GLIOMA else ReasonCode.WRONG_CLASS
    return Reading(reader, decision, finding, reason, "seen", ReadingState.FINAL, NOW, "a" * 64)


def test_a_study_comes_back_whole(store: Store) -> None:
    study_id = add(store, 1, 2)
    store.results.file(study_id, result(numbers=(1, 2)))
    store.readings.sign(study_id, reading(Finding.MENINGIOMA), seen=0)
    study = store.study(study_id)
    assert study.instances == (instance(1), instance(2))
    assert [as_judged(one) for one in study.results] == [result(numbers=(1, 2))]
    assert study.result == study.results[0]
    assert study.readings == (reading(Finding.MENINGIOMA),)
    assert study.status is StudyStatus.READ
    assert abs(study.arrived_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_same_bytes_are_one_study(store: Store) -> None:
    study_id = add(store, 1)
    again = store.arrivals.add("copy.png", [Arrival(instance(1))], actor="door")
    assert (again.study_id, again.outcomes) == (study_id, (Outcome.ALREADY_HERE,))
    assert store.arrivals.studies_of([instance(number).sha256 for number in (1, 2)]) == {instance(1).sha256: study_id}
    assert store.results.pending() == [study_id]


def test_a_result_is_filed_once_a_model(store: Store) -> None:
    study_id = add(store, 1)
    for _ in range(3):
        store.results.file(study_id, result(0.7))
    store.results.file(study_id, result(0.3, model="b"))
    with store.read() as session:
        assert len(session.scalars(select(AIResultRow)).all()) == 2
    assert as_judged(store.study(study_id).result) == result(0.3, model="b")
    assert store.results.pending() == []


def test_a_result_of_before_steps_were_kept_is_of_all_slices(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    with store.write() as session:
        row = session.scalars(select(AIResultRow)).one()
        assert row.slices is not None
        row.slices = {name: value for name, value in row.slices.items() if name != "steps"}
    kept = store.study(study_id).result
    assert kept is not None
    assert kept.slices is not None
    assert scored_slices(kept.slices, 0) == range(2)


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


def test_the_second_signer_of_the_same_version_is_told(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(ConflictError, match="Somebody else signed"):
        store.readings.sign(study_id, reading(reader="Dr. B"), seen=0)
    store.readings.sign(study_id, reading(reader="Dr. B"), seen=1)
    assert [item.reader for item in store.study(study_id).readings] == ["Dr. A", "Dr. B"]


def test_of_many_signers_at_once_exactly_one_signs(store: Store) -> None:
    study_id = add(store, 1)

    def try_to_sign(number: int) -> bool:
        try:
            store.readings.sign(study_id, reading(reader=f"Dr. {number}"), seen=0)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_sign, range(16))) == 1
    assert len(store.study(study_id).readings) == 1


@pytest.mark.parametrize("table", ["reading", "audit"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 100"])
def test_the_database_itself_keeps_what_was_signed(store: Store, table: str, statement: str) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text(statement.format(table)))
    assert len(store.study(study_id).readings) == 1


def test_everything_leaves_an_audit_row(store: Store) -> None:
    store.audit.refused("The file is empty", actor="door")
    study_id = add(store, 1)
    store.results.file(study_id, result())
    for _ in range(2):
        store.readings.note_opened(study_id, reader="Dr. A")
    store.readings.sign(study_id, reading(), seen=0)
    with store.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(row.actor, row.event) for row in rows] == [
        ("door", "refused"),
        ("door", "received"),
        ("ai", "ranked"),
        ("Dr. A", "opened"),
        ("Dr. A", "signed"),
    ]


def test_signed_readings_come_newest_first_and_by_reader(store: Store) -> None:
    for number, reader in enumerate(["Dr. A", "Dr. B", "Dr. A"]):
        study_id = add(store, number, name=f"{number}.png")
        store.results.file(study_id, result(numbers=(number,)))
        store.readings.sign(study_id, reading(reader=reader), seen=0)
    assert [item.name for item in store.readings.signed()] == ["2.png", "1.png", "0.png"]
    mine = store.readings.signed("Dr. A")
    assert [item.name for item in mine] == ["2.png", "0.png"]
    assert mine[0].predicted is Finding.GLIOMA
    assert mine[0].instance == instance(2)


def test_a_reading_is_shown_by_the_file_that_the_ai_showed(store: Store) -> None:
    study_id = add(store, 1, 2, uid="1.2")
    store.results.file(study_id, result(numbers=(1, 2)))
    store.readings.sign(study_id, replace(reading(), contents=store.study(study_id).contents), seen=0)
    assert [item.instance for item in store.readings.signed()] == [instance(2)]
    add(store, 3, uid="1.2")
    store.results.file(study_id, result(numbers=(1, 2, 3)))
    assert [(item.instance, item.predicted) for item in store.readings.signed()] == [(instance(1), Finding.GLIOMA)]


def test_a_study_that_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFoundError, match="worklist"):
        store.study("nowhere")


def test_late_files_bring_a_study_back(store: Store) -> None:
    study_id = add(store, 1, uid="1.2")
    store.results.file(study_id, result(0.7))
    store.readings.sign(study_id, reading(), seen=0)
    seen = store.study(study_id)
    assert add(store, 2, uid="1.2") == study_id
    study = store.study(study_id)
    assert (study.status, study.result) == (StudyStatus.RECEIVED, None)
    assert store.results.pending() == [study_id]
    late = replace(reading(), contents=seen.contents)
    with pytest.raises(ConflictError, match="Slices arrived"):
        store.readings.sign(study_id, late, seen=1)
    store.results.file(study_id, result(0.2, model="b"))  # of the earlier contents: kept, but it ranks nothing
    store.results.file_not_analysable(study_id, "Blank", judged=seen.contents)
    assert store.results.pending() == [study_id]
    now = result(0.3, numbers=(1, 2))
    store.results.file(study_id, now)
    assert as_judged(store.study(study_id).result) == now
    assert store.study(study_id).status is StudyStatus.RANKED
    assert len(store.study(study_id).results) == 3


def test_a_study_keeps_its_identity(store: Store) -> None:
    header = StudyHeader("1.2", "DOE^JANE", "M1", "A1", "Head", date(2026, 1, 2), "F", "050Y")
    scored = SeriesHeader("1.2.1", 2, "T1", "MR", "Acme One", Plane.AXIAL, (0.5, 0.5, 3.0))
    aside = SeriesHeader("1.2.2", 1, "loc", "MR", set_aside="Localiser")
    files = [replace(instance(number), sop_instance_uid=f"1.2.{number}", frames=number) for number in (3, 4)]
    taken = store.arrivals.add(
        "Head", [Arrival(files[0], header, scored), Arrival(files[1], header, aside)], actor="door"
    )
    study = store.study(str(taken.study_id))
    assert taken.contents == study.contents
    assert study.header == header
    assert [(series.header, series.instances) for series in study.series] == [
        (aside, (files[1],)),
        (scored, (files[0],)),
    ]
    assert store.arrivals.digests_of(["1.2.3", "", "1.2"]) == {"1.2.3": files[0].sha256}
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    row = queue.page(WorklistFilter(text="jane"), datetime.now(UTC)).rows[0]
    assert (row.patient_name, row.mrn, row.accession_number) == ("DOE^JANE", "M1", "A1")
    assert (row.modality, row.slices) == ("MR", 3)


def test_contradictions_are_conflicts(store: Store) -> None:
    header = StudyHeader("1.2", mrn="M1")
    first = replace(instance(1), sop_instance_uid="1.2.3")
    study_id = store.arrivals.add("Head", [Arrival(first, header)], actor="door").study_id
    forged = Arrival(replace(instance(2), sop_instance_uid="1.2.3"), header)
    stranger = Arrival(replace(instance(3), sop_instance_uid="1.2.4"), StudyHeader("1.2", mrn="M2"))
    taken = store.arrivals.add("Head", [forged, stranger, Arrival(first, header)], actor="door")
    assert taken.outcomes == (Outcome.CONFLICT, Outcome.CONFLICT, Outcome.ALREADY_HERE)
    assert taken.study_id == study_id
    assert store.study(str(study_id)).instances == (first,)


def test_files_of_one_study_from_many_doors_are_one_study(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        studies = list(pool.map(lambda number: add(store, number, uid="1.2"), range(16)))
    assert len(set(studies)) == 1
    assert len(store.study(studies[0]).instances) == 16
