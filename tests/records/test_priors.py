"""Which studies are marked as priors, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy.orm import Session

from triage.domain import Resolution, StudyHeader
from triage.records import priors as marks
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


@pytest.mark.parametrize("decided", [False, True])
def test_two_servers_that_change_studies_of_one_patient_take_turns(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decided: bool
) -> None:
    """Each has locked its own study and marks that of the other: without an order each would wait for the other."""
    stores = [Store(postgres, tmp_path), Store(postgres, tmp_path)]
    older = {2: LAST_YEAR, 3: LAST_YEAR - timedelta(days=30)}
    _, *old = (add(stores[0], number, made) for number, made in {1: TODAY, **older}.items())
    if decided:
        second = Instance("f" * 64, "IM1", "DICOM", 10, sop_instance_uid="1.2.2", content="another")
        header = StudyHeader("1.2", "Other^One", "M2", study_date=TODAY)
        stores[0].arrivals.add("Head", [Arrival(second, header)], actor="t")
    with stores[0].write() as session:
        for study_id in old:
            session.get_one(StudyRow, study_id).prior_of = None  # as if all had come at one time
    both, refresh = Barrier(2), marks.refresh

    def together(session: Session, mrns: Collection[str | None]) -> None:
        with suppress(BrokenBarrierError):
            both.wait(2)
        refresh(session, mrns)

    monkeypatch.setattr(marks, "refresh", together)

    def more(store: Store, number: int) -> object:
        header = StudyHeader(uid=f"1.{number}", mrn="M1", study_date=older[number])
        instance = Instance(f"{number + 10:064x}", "IM2", "DICOM", 10, sop_instance_uid=f"1.3.{number}")
        return store.arrivals.add("Head", [Arrival(instance, header)], actor="test")

    def decide() -> None:
        (conflict,) = stores[0].conflicts.open()
        stores[0].conflicts.resolve(conflict.second.study_id, Resolution.KEEP_APART, by="A", reason="two")

    first: Callable[[], object] = decide if decided else lambda: more(stores[0], 2)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(first), pool.submit(more, stores[1], 3)]
        for one in done:
            one.result(60)
    assert priors(stores[0]) == set(old)
    for store in stores:
        store.engine.dispose()
