"""Which studies are marked as priors, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from triage.domain import Resolution, StudyHeader
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import StudyRow
from triage.records.views import Arrival, Instance
from triage.records.worklist_views import WorklistFilter
from triage.worklist import WaitLimits

TODAY = datetime.now(UTC).date()
LAST_YEAR = TODAY - timedelta(days=365)
YESTERDAY = TODAY - timedelta(days=1)


def add(store: Store, number: int, made: date | None, mrn: str = "M1", **identity: object) -> str:
    header = StudyHeader(uid=f"1.{number}", mrn=mrn, study_date=made, **identity)  # type: ignore[arg-type]
    instance = Instance(f"{number:064x}", "IM1", "DICOM", 10, sop_instance_uid=f"1.2.{number}")
    return str(store.arrivals.add("Head", [Arrival(instance, header)], actor="test").study_id)


def priors(store: Store) -> set[str]:
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    rows = queue.page(WorklistFilter(), datetime.now(UTC)).rows
    assert all(row.is_prior == row.reason.startswith("Prior of a newer study") for row in rows)
    return {row.study_id for row in rows if row.is_prior}


@pytest.mark.parametrize("older_first", [True, False])
def test_an_old_study_beside_a_new_one_is_its_prior_whichever_comes_first(store: Store, older_first: bool) -> None:
    found = {number: add(store, number, (TODAY, LAST_YEAR)[number]) for number in ((1, 0) if older_first else (0, 1))}
    assert priors(store) == {found[1]}


def test_an_unread_study_stays_fresh_when_the_patient_comes_again(store: Store) -> None:
    """It was made for its day and nobody has read it: a newer one must not push it down."""
    earlier = add(store, 1, YESTERDAY)
    with store.write() as session:
        session.get_one(StudyRow, earlier).arrived_at = datetime.now(UTC) - timedelta(days=2)
    add(store, 2, TODAY)
    assert priors(store) == set()


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("", {}),
        ("M2", {}),
        ("M1", {"issuer": "B"}),
        ("M1", {"birth_date": date(1950, 1, 1)}),
    ],
)
def test_another_patient_has_no_part_in_it(store: Store, number: str, other: dict[str, object]) -> None:
    mine: dict[str, object] = {"issuer": "A", "birth_date": date(1980, 1, 1)}
    add(store, 1, TODAY, "M1" if number else "", **mine)
    add(store, 2, LAST_YEAR, number, **mine | other)
    assert priors(store) == set()


def test_without_a_study_date_nothing_is_known(store: Store) -> None:
    add(store, 1, TODAY)
    add(store, 2, None)
    assert priors(store) == set()


def test_a_discarded_study_has_no_priors(store: Store) -> None:
    prior = add(store, 1, LAST_YEAR)
    add(store, 2, TODAY)
    assert priors(store) == {prior}
    second = Instance("f" * 64, "IM1", "DICOM", 10, sop_instance_uid="1.2.2", content="another")
    store.arrivals.add("Head", [Arrival(second, StudyHeader("1.2", "Other^One", "M1", study_date=TODAY))], actor="t")
    (conflict,) = store.conflicts.open()
    store.conflicts.resolve(conflict.second.study_id, Resolution.DISCARD_SECOND, by="A", reason="wrong")
    assert priors(store) == {prior}
