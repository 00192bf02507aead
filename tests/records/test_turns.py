"""Threads that write to one SQLite file wait for each other, in turn, and for other processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from helpers import until
from record_samples import add
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from triage.errors import StorageError
from triage.records.faults import BUSY
from triage.records.store import Store
from triage.records.turns import Turns

READERS = 6


@pytest.fixture
def record(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'triage.db'}")


def test_whoever_came_first_writes_first(record: Store) -> None:
    """Left to SQLite, they would write in any order, and the last of many readers not before its timeout."""
    study_id = add(record, 1)
    line, written = record._turns._line, list[int]()

    def write(number: int) -> None:
        with record.write() as session:
            session.execute(text("UPDATE study SET reason = :said"), {"said": str(number)})
            written.append(number)

    with ThreadPoolExecutor(READERS) as pool, record.write():
        for number in range(READERS):
            pool.submit(write, number)
            until(lambda number=number: len(line) == number + 2)
    assert written == list(range(READERS))
    assert record.study(study_id).reason == str(READERS - 1)


def test_a_write_waits_for_another_connection_that_is_writing(record: Store, tmp_path: Path) -> None:
    """A transaction that first reads and then writes is refused at once; one of ours begins with the lock."""
    other, study_id = Store(f"sqlite:///{tmp_path / 'triage.db'}"), add(record, 1)
    written = Event()
    with ThreadPoolExecutor(1) as pool:
        with other.write() as holding, record.engine.connect() as deferred:
            holding.execute(text("UPDATE study SET reason = 'other'"))
            deferred.exec_driver_sql("PRAGMA busy_timeout = 0")
            deferred.execute(text("SELECT * FROM study")).all()
            with pytest.raises(OperationalError, match="locked"):
                deferred.execute(text("UPDATE study SET reason = 'deferred'"))
            deferred.rollback()
            deferred.invalidate()
            done = pool.submit(record.claims.take, study_id, "Dr. A", datetime.now(UTC))
            done.add_done_callback(lambda _: written.set())
            assert not written.wait(0.2), "it waits"
        assert done.result(timeout=60).reader == "Dr. A"
    assert record.study(study_id).reason == "other"


def test_who_waited_too_long_is_told_and_keeps_nobody_else_waiting() -> None:
    turns = Turns(0.01)
    with turns.one(), ThreadPoolExecutor(1) as pool, pytest.raises(StorageError, match=BUSY):
        pool.submit(turns.one().__enter__).result(timeout=60)
    with turns.one():
        pass
    with Turns(None).one(), Turns(None).one():
        pass
