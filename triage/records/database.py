"""Open the database: the settings that make SQLite durable, and the schema brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

#: SQLite before this release can corrupt a database when a WAL file is reset.
WAL_FIXED_IN = (3, 51, 3)
BUSY_TIMEOUT_MS = 15_000
#: Newest revision under migrations/; a test holds it against the folder.
HEAD = "0004"
WRITES = "triage_writes"


def open_engine(url: str) -> Engine:
    """Return an engine with the settings of the design page; the schema is not touched.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL.
    """
    # An error that is logged never quotes the values of a row: they may name a patient.
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        if engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def writing(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions take the write lock at once.

    A transaction that begins as a reader and becomes a writer can be refused half-way; one that begins as a writer
    waits for its turn at the door.
    """
    return engine.execution_options(**{WRITES: True})


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; does nothing where it is."""
    if _revision(engine) == HEAD:
        return
    # Half a second to import, and needed once in the life of a version.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _set_pragmas(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # We begin transactions ourselves: Python's sqlite3 would begin them late, and never IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_FIXED_IN else "DELETE"
    cursor.execute(f"PRAGMA journal_mode = {journal}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
