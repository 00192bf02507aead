"""Other studies of a patient: by MRN and issuer, never by name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from triage.domain import StudyHeader, StudyStatus
from triage.records.same_patient import others
from triage.records.store import Store
from triage.records.tables import StudyRow
from triage.records.views import Arrival, Instance

MARCH, MAY, JUNE = date(2026, 3, 1), date(2026, 5, 1), date(2026, 6, 1)


def add(store: Store, number: int, **header: Any) -> str:
    instance = Instance(f"{number:064x}", f"{number}.dcm", "DICOM", 1, sop_instance_uid=f"1.2.{number}")
    described = StudyHeader(uid=f"1.3.{number}", patient_name="Doe^Jane", **header)
    return str(store.arrivals.add(f"{number}", [Arrival(instance, described)], actor="test").study_id)


def found(store: Store, study_id: str) -> list[str]:
    with store.read() as session:
        return [one.study_id for one in others(session, study_id)]


def test_the_newest_other_study_of_the_patient_comes_first(store: Store) -> None:
    old, now, newest, undated = (
        add(store, number, mrn="M1", study_date=day) for number, day in enumerate((MARCH, MAY, JUNE, None))
    )
    add(store, 9, mrn="M2", study_date=MARCH)
    assert found(store, now) == [newest, old, undated]
    assert found(store, old) == [newest, now, undated]


def test_an_mrn_of_another_hospital_is_another_patient(store: Store) -> None:
    ours, theirs, unnamed = (add(store, n, mrn="M1", issuer=issuer) for n, issuer in enumerate(("A", "B", "")))
    same = add(store, 9, mrn="M1", issuer="A")
    assert found(store, ours) == [same]
    assert found(store, theirs) == found(store, unnamed) == []


def test_without_an_mrn_nobody_is_the_same(store: Store) -> None:
    one, _ = add(store, 1), add(store, 2)
    assert found(store, one) == found(store, "0" * 32) == []


@pytest.mark.parametrize(
    "values", [{"status": StudyStatus.MERGED}, {"status": StudyStatus.DISCARDED}, {"conflict": "x"}]
)
def test_what_is_not_to_be_read_is_left_out(store: Store, values: dict[str, str]) -> None:
    one, other = add(store, 1, mrn="M1"), add(store, 2, mrn="M1")
    with store.write() as session:
        row = session.get_one(StudyRow, other)
        for name, value in values.items():
            setattr(row, name, value)
    assert found(store, one) == []
