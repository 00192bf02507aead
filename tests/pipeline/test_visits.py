from __future__ import annotations

from pathlib import Path

import pytest
from record_samples import add

from triage.access.person import Person, alone
from triage.access.roles import Role
from triage.errors import StorageError
from triage.pipeline import visits
from triage.pipeline.visits import Visits
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.trail import TrailFilter

ADA = Person("Ada", frozenset(Role), "1", "a session")
VIEWED = TrailFilter(events=(Event.VIEWED,))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'triage.db'}")


def test_a_visit_is_one_row_for_each_study_session_and_person(store: Store) -> None:
    one, first, second = Visits(store), add(store, 1), add(store, 2, name="other")
    for _ in range(100):
        one.note(ADA, Event.VIEWED, first)
    one.note(ADA, Event.VIEWED, second)
    one.note(Person("Ada", frozenset(Role), "1", "another session"), Event.VIEWED, first)
    one.note(alone(""), Event.VIEWED, first)
    found = store.trail.page(VIEWED, 50)
    assert [(row.actor, row.account, row.study_id) for row in reversed(found)] == [
        ("Ada", "1", first),
        ("Ada", "1", second),
        ("Ada", "1", first),
        ("unnamed reader", "", first),
    ]


def test_a_visit_ends_with_a_pause(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one, study_id = Visits(store), add(store, 1)
    monkeypatch.setattr(visits, "PAUSE", 0.0)
    one.note(ADA, Event.VIEWED, study_id)
    one.note(ADA, Event.VIEWED, study_id)
    assert len(store.trail.page(VIEWED, 50)) == 2


def test_what_was_not_noted_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    one, study_id = Visits(store), add(store, 1)

    def full(*_: object, **__: object) -> None:
        raise StorageError("Not stored: the disk is full.")

    with monkeypatch.context() as failing:
        failing.setattr(store.audit, "did", full)
        with pytest.raises(StorageError):
            one.note(ADA, Event.VIEWED, study_id)
    assert not one.goes_on(ADA, Event.VIEWED, study_id)
    one.note(ADA, Event.VIEWED, study_id)
    assert one.goes_on(ADA, Event.VIEWED, study_id)


def test_only_so_many_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MAX_REMEMBERED", 2)
    one = Visits(store)
    for number in range(4):
        one.note(ADA, Event.VIEWED, f"{number}")
    assert [one.goes_on(ADA, Event.VIEWED, f"{number}") for number in range(4)] == [False, False, True, True]
