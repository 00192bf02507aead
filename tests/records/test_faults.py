"""What goes wrong with a database is said in a sentence with its remedy, and without address, user or file."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from record_samples import add
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from triage.errors import InputError, StorageError
from triage.records import database
from triage.records.faults import AWAY, BUSY, DAMAGED
from triage.records.store import Store


def test_another_program_keeps_it_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    with closing(sqlite3.connect(tmp_path / "triage.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError) as error:
            store.audit.refused(Counter(["damaged"]), actor="door")
    assert str(error.value) == BUSY
    store.audit.refused(Counter(["damaged"]), actor="door")
    store.engine.dispose()


def test_a_damaged_file_is_said_at_the_start_and_found_by_reading_it_through(tmp_path: Path) -> None:
    path = tmp_path / "triage.db"
    store = Store(f"sqlite:///{path}")
    for number in range(30):
        add(store, number)
    store.check_whole()
    store.engine.dispose()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\x55" * 65536 + whole[8192 + 65536 :])
    with pytest.raises(StorageError, match=r"The database is damaged\. .* bring back the newest backup"):
        Store(f"sqlite:///{path}").check_whole()
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageError) as error:
        Store(f"sqlite:///{path}")
    assert str(error.value) == DAMAGED


def test_nothing_of_the_server_is_told(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as error:
        Store(postgres.replace("triage@", "stranger@"), tmp_path)
    assert str(error.value) == AWAY


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_column_can_hold_is_refused(store: Store, value: str) -> None:
    if store.engine.dialect.name == "sqlite" and value != "\ud800":
        return  # SQLite keeps it
    with pytest.raises(InputError, match="Leave it out"):
        store.audit.refused(Counter([value]), actor="door")
    with pytest.raises(InputError, match="Leave it out"):
        store.study(value)


def test_a_number_of_many_digits_is_refused(store: Store) -> None:
    with pytest.raises(InputError), store.read() as session:
        session.execute(text("SELECT id FROM audit LIMIT :n"), {"n": 10**25})


def test_an_error_in_our_sql_stays_one(store: Store) -> None:
    store.audit.refused(Counter(["damaged"]), actor="door")
    with pytest.raises(IntegrityError), store.write() as session:
        session.execute(text("INSERT INTO audit (id, at, actor, event) SELECT id, at, actor, event FROM audit"))
