from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from triage.errors import StorageError
from triage.records import database
from triage.records.database import WAL_FIXED_IN, migrate, open_engine
from triage.records.store import Store
from triage.records.tables import Base
from triage.records.views import Arrival, Instance


def test_sqlite_is_opened_durably(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'deep' / 'triage.db'}")
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    expected = "wal" if sqlite3.sqlite_version_info >= WAL_FIXED_IN else "delete"
    assert pragmas == {"journal_mode": expected, "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}
    engine.dispose()


def test_migrations_make_exactly_the_tables(store: Store) -> None:
    inspector = inspect(store.engine)
    assert set(inspector.get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    for table in Base.metadata.tables.values():
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        assert columns == set(table.columns.keys())
    migrate(store.engine)  # a second time changes nothing


def test_the_newest_revision_is_known() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == database.HEAD


def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    store.engine.dispose()
    from sqlalchemy import event

    event.listen(store.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        while acknowledged < 200:
            store.add_files("x" * 200, [Arrival(Instance(f"{acknowledged:064x}", "x" * 200, "PNG", 1))], actor="door")
            acknowledged += 1

    with pytest.raises(StorageError, match="full"):
        fill()
    with store.read() as session:
        studies = session.scalar(text("SELECT count(*) FROM study"))
        assert studies == acknowledged
        assert session.scalar(text("SELECT count(*) FROM instance")) == studies
    store.engine.dispose()


WRITER = """
import sys
from triage.records.store import Store
from triage.records.views import Arrival, Instance
store = Store(sys.argv[1])
for number in range(10_000):
    taken = store.add_files("x", [Arrival(Instance(f"{number:064x}", "x", "PNG", 1))], actor="door")
    print(taken.study_id, flush=True)
"""


def test_what_was_acknowledged_survives_kill_nine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'triage.db'}"
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(25)]
        writer.kill()
    store = Store(url)
    assert set(acknowledged) <= set(store.unfinished())
    store.engine.dispose()
