"""A person decides between two studies that claim one identity: once, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from marked_samples import length, marks
from record_samples import instance, reading
from sqlalchemy import select

from triage.domain import Outcome, Resolution, SeriesHeader, StudyHeader, StudyStatus
from triage.errors import ConflictError, TriageError
from triage.records.queue import Queue
from triage.records.search import Search, StudyQuery
from triage.records.store import Store
from triage.records.tables import AuditRow
from triage.records.views import Arrival
from triage.records.worklist_views import WorklistFilter
from triage.worklist import WaitLimits

ONE, OTHER = StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M2")


def arrival(number: int, header: StudyHeader) -> Arrival:
    return Arrival(replace(instance(number), sop_instance_uid=f"1.2.{number}"), header, SeriesHeader("1.2.0"))


def in_conflict(store: Store) -> tuple[str, str]:
    """A study of one patient with two files, and one of another with two under the same Study Instance UID."""
    files = [arrival(1, ONE), arrival(2, ONE), arrival(3, OTHER), arrival(4, OTHER)]
    taken = store.arrivals.add("Head", files, actor="door")
    return taken.study_ids[0], taken.study_ids[2]


def resolve(store: Store, study_id: str, resolution: Resolution) -> None:
    store.conflicts.resolve(study_id, resolution, by="Dr. A", reason="compared at the source")


def found(store: Store) -> dict[str, int]:
    """The MRN and the number of files that DICOMweb finds under the UID."""
    return {item.header.mrn: item.instances for item in Search(store.read).studies(StudyQuery(uids=("1.2",)))}


def test_kept_apart_both_stay(store: Store) -> None:
    first, second = in_conflict(store)
    resolve(store, second, Resolution.KEEP_APART)
    assert store.conflicts.open() == []
    assert [(len(store.study(one).instances), store.study(one).conflict) for one in (first, second)] == [
        (2, ""),
        (2, ""),
    ]
    assert found(store) == {"M1": 2}
    late = store.arrivals.add("Head", [arrival(5, OTHER), arrival(6, ONE)], actor="door")
    assert (late.study_ids, set(late.outcomes)) == ((second, first), {Outcome.ACCEPTED})


def test_merged_they_are_one_study_and_so_are_late_files(store: Store) -> None:
    first, second = in_conflict(store)
    resolve(store, second, Resolution.MERGE)
    assert [item.name for item in store.study(first).instances] == [instance(number).name for number in (1, 2, 3, 4)]
    assert store.study(second).status is StudyStatus.MERGED
    assert store.results.pending() == [first]
    late = store.arrivals.add("Head", [arrival(5, OTHER)], actor="door")
    assert (late.study_ids, late.outcomes) == ((first,), (Outcome.ACCEPTED,))
    assert found(store) == {"M1": 5}


def test_what_was_marked_in_a_study_that_is_merged_goes_on_in_the_one_that_has_its_files(store: Store) -> None:
    first, second = in_conflict(store)
    here, there = f"{1:064x}/0", f"{3:064x}/0"
    store.marks.save(first, "Dr. A", marks(length(here, name="a1"), keys=(here,)), seen=0)
    for reader in ("Dr. A", "Dr. B"):
        store.marks.save(second, reader, marks(length(there, name="b2"), keys=(there,)), seen=0)
    resolve(store, second, Resolution.MERGE)
    both = store.marks.draft(first, "Dr. A")
    assert (set(both.marks.keys), {one.id for one in both.marks.measurements}) == ({here, there}, {"a1", "b2"})
    assert store.marks.draft(first, "Dr. B").marks.keys == [there]
    assert not store.marks.save(first, "Dr. A", marks(), seen=1)[0], "a window that does not know of them"
    assert store.marks.save(first, "Dr. A", both.marks.stored(), seen=both.version)[0]


def test_merged_under_the_second_patient_it_is_of_that_one(store: Store) -> None:
    born = replace(OTHER, patient_name="Müller^José", birth_date=date(1950, 1, 1), sex="M", issuer="B")
    files = [arrival(1, replace(ONE, patient_name="Doe^Jane")), arrival(2, born)]
    first, second = store.arrivals.add("Head", files, actor="door").study_ids
    resolve(store, second, Resolution.MERGE_AS_SECOND)
    study = store.study(first)
    assert (study.header, len(study.instances)) == (born, 2)
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    for text, ids in (("jose muller m2", [first]), ("doe jane", [])):
        assert [row.study_id for row in queue.page(WorklistFilter(text=text), datetime.now(UTC)).rows] == ids
    late = store.arrivals.add("Head", [arrival(5, born), arrival(6, ONE)], actor="door")
    assert (set(late.study_ids), set(late.outcomes)) == ({first}, {Outcome.ACCEPTED})
    assert found(store) == {"M2": 4}


def test_a_study_signed_for_its_patient_does_not_become_one_of_another(store: Store) -> None:
    first, second = in_conflict(store)
    store.readings.sign(first, reading(), seen=0)
    with pytest.raises(ConflictError, match="Merge under the patient of the first"):
        resolve(store, second, Resolution.MERGE_AS_SECOND)
    assert len(store.study(second).instances) == 2
    resolve(store, second, Resolution.MERGE)


def test_discarded_it_leaves_the_worklist_and_keeps_its_files(store: Store) -> None:
    first, second = in_conflict(store)
    resolve(store, second, Resolution.DISCARD_SECOND)
    study = store.study(second)
    assert (study.status, len(study.instances)) == (StudyStatus.DISCARDED, 2)
    assert "compared at the source" in study.reason
    assert store.results.pending() == [first]
    again = store.arrivals.add("Head", [arrival(5, OTHER)], actor="door")
    assert again.outcomes == (Outcome.CONFLICT,)
    assert again.study_id not in (first, second)


@pytest.mark.parametrize("resolution", [Resolution.MERGE, Resolution.DISCARD_SECOND])
def test_what_was_merged_or_discarded_is_not_signed(store: Store, resolution: Resolution) -> None:
    _, second = in_conflict(store)
    resolve(store, second, resolution)
    with pytest.raises(ConflictError, match="on the page Conflicts"):
        store.readings.sign(second, reading(), seen=0)
    assert store.study(second).readings == ()


@pytest.mark.parametrize(
    ("learnt", "other"),
    [
        ({"birth_date": date(1950, 1, 1)}, {"birth_date": date(1999, 1, 1)}),
        ({"issuer": "A"}, {"issuer": "B"}),
        ({"sex": "F"}, {"sex": "M"}),
        ({"patient_name": "Doe^Jane"}, {"patient_name": "Roe^Richard"}),
    ],
)
def test_what_later_files_state_counts_for_those_after_them(
    store: Store, learnt: dict[str, Any], other: dict[str, Any]
) -> None:
    headers = [ONE, replace(ONE, **learnt), replace(ONE, **other)]
    outcomes = [store.arrivals.add("Head", [arrival(n, h)], actor="door").outcomes[0] for n, h in enumerate(headers)]
    assert outcomes == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.CONFLICT]


def test_if_the_first_is_discarded_the_second_gets_the_uids(store: Store) -> None:
    """The forged file came first; another patient's conflict with it goes on against the true study."""
    first, second = in_conflict(store)
    third = store.arrivals.add("Head", [arrival(7, replace(OTHER, mrn="M3"))], actor="door").study_id
    resolve(store, second, Resolution.DISCARD_FIRST)
    assert store.study(first).status is StudyStatus.DISCARDED
    assert len(store.study(first).instances) == 2
    assert found(store) == {"M2": 2}
    assert [(item.first.study_id, item.second.study_id) for item in store.conflicts.open()] == [(second, third)]
    late = store.arrivals.add("Head", [arrival(5, OTHER), arrival(6, ONE)], actor="door")
    assert late.outcomes == (Outcome.ACCEPTED, Outcome.CONFLICT)
    assert late.study_id == second


def test_a_signed_study_is_not_merged(store: Store) -> None:
    _, second = in_conflict(store)
    store.readings.sign(second, reading(), seen=0)
    with pytest.raises(ConflictError, match="signed"):
        resolve(store, second, Resolution.MERGE)
    assert len(store.conflicts.open()) == 1
    resolve(store, second, Resolution.KEEP_APART)


def test_of_two_persons_one_decides(store: Store) -> None:
    first, second = in_conflict(store)

    def decide(resolution: Resolution) -> str:
        try:
            resolve(store, second, resolution)
        except TriageError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(decide, Resolution))
    assert said.count("") == 1
    assert {word for words in said for word in [words] if words} == {
        "Somebody else decided this conflict meanwhile. Look at the list again."
    }
    with store.read() as session:
        audited = session.scalars(select(AuditRow).where(AuditRow.event == "conflict resolved")).all()
    assert {row.study_id for row in audited} == {first, second}
    assert {row.actor for row in audited} == {"Dr. A"}
