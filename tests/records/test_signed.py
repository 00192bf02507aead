"""Signed studies grouped by patient, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

from triage.domain import Decision, Finding, Reading, ReadingState, StudyHeader
from triage.records.signed import SignedStudy, concluded, signed_studies
from triage.records.store import Store
from triage.records.views import Arrival, Instance

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def add(store: Store, number: int, mrn: str) -> str:
    instance = Instance(f"{number:064x}", "IM1", "DICOM", 10, sop_instance_uid=f"1.2.{number}")
    header = StudyHeader(uid=f"1.{number}", mrn=mrn)
    taken = store.arrivals.add("IM1", [Arrival(instance, header)], actor="test")
    return str(taken.study_id)


def sign(store: Store, study_id: str, reader: str, seen: int = 0) -> None:
    state = ReadingState.AMENDED if seen else ReadingState.FINAL
    reading = Reading(reader, Decision.UNAIDED, Finding.GLIOMA, None, "seen again", state, NOW)
    store.readings.sign(study_id, reading, seen=seen)


def test_studies_of_one_mrn_are_one_patient(store: Store) -> None:
    prior, other, unknown, follow_up, nobody = (
        add(store, number, mrn) for number, mrn in enumerate(("MRN1", "MRN2", "", "MRN1", ""))
    )
    for study_id in (follow_up, other, unknown, nobody):
        sign(store, study_id, "Dr. A")
    assert signed_studies(store.read) == [
        SignedStudy(other, other),
        SignedStudy(unknown, unknown),
        SignedStudy(follow_up, prior),
        SignedStudy(nobody, nobody),
    ]


def test_an_amended_study_comes_once_and_by_any_of_its_readers(store: Store) -> None:
    first, second = add(store, 1, "MRN1"), add(store, 2, "MRN2")
    sign(store, first, "Dr. A")
    sign(store, first, "Dr. B", seen=1)
    sign(store, second, "Dr. B")
    assert [item.study_id for item in signed_studies(store.read)] == [first, second]
    assert [item.study_id for item in signed_studies(store.read, "Dr. A")] == [first]
    assert signed_studies(store.read, "Dr. C") == []


def test_what_was_concluded_comes_by_patient_once_it_is_settled(store: Store) -> None:
    first, second, waits = add(store, 1, "MRN1"), add(store, 2, "MRN1"), add(store, 3, "MRN2")
    sign(store, first, "Dr. A")
    sign(store, first, "Dr. B", seen=1)
    sign(store, second, "Dr. B")
    preliminary = Reading("Dr. A", Decision.UNAIDED, Finding.GLIOMA, None, "seen", ReadingState.PRELIMINARY, NOW)
    store.readings.sign(waits, preliminary, seen=0)
    assert concluded(store.read) == [(first, "glioma"), (first, "glioma")]
