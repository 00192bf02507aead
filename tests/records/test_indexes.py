"""An index that does not have what is in its table is named; nothing is where all have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import lying_index
from record_samples import add

from triage.records import indexes
from triage.records.store import Store
from triage.records.verify import Verification


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    for number in range(3):
        add(store, number)
    store.engine.dispose()
    return tmp_path


def found(home: Path) -> list[str]:
    store = Store(f"sqlite:///{home / 'triage.db'}")
    try:
        return [str(one) for step in Verification(store).steps() for one in step]
    finally:
        store.engine.dispose()


@pytest.mark.parametrize("step", [1, 2, 500])
def test_nothing_is_named_where_all_is_found(home: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "STEP", step)
    assert found(home) == []


@pytest.mark.parametrize("step", [1, 500])
@pytest.mark.parametrize("index", ["study_queue", "study_uid_once", "study_name_search"])
def test_a_row_that_an_index_leaves_out_is_named_once(
    home: Path, step: int, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "STEP", step)
    lying_index(home / "triage.db", index, "rowid <> 2")
    assert found(home) == [f"index {index}: does not have what is in its table"]


def test_the_entries_of_another_index_are_named(home: Path) -> None:
    names = ("ix_audit_at", "ix_audit_study_id")
    with closing(sqlite3.connect(home / "triage.db", isolation_level=None)) as database:
        pages = dict(database.execute("SELECT name, rootpage FROM sqlite_master WHERE name LIKE 'ix_audit_%'"))
        database.execute("PRAGMA writable_schema = ON")
        for name, other in zip(names, reversed(names), strict=True):
            database.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", [pages[other], name])
    assert found(home) == [f"index {name}: does not have what is in its table" for name in names]
