"""Open the database with the settings that make SQLite durable, bring the schema up to date, begin transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from triage.errors import StorageError

#: SQLite before this release can corrupt a database when a WAL file is reset.
WAL_FIXED_IN = (3, 51, 3)
BUSY_TIMEOUT_MS = 15_000
#: Newest revision under migrations/; a test compares it with the folder.
NEWEST_REVISION = "0009"
#: Execution option of connections whose transactions take the write lock at once.
WRITE_LOCK = "triage_write_lock"
#: Values in one IN (...); databases limit the number of bound parameters.
MAX_IN_VALUES = 500

T = TypeVar("T")
#: Opens a session that only reads, `Database.read`.
Read = Callable[[], AbstractContextManager[Session]]


class Database:
    """Sessions on one database whose schema is up to date.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_engine(url)
        migrate(self.engine)
        self._read = sessionmaker(self.engine)
        self._write = sessionmaker(writing(self.engine))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that only reads.

        Raises
        ------
        StorageError
            If the database is locked for too long or away.
        """
        try:
            with self._read() as session:
                yield session
        except OperationalError as error:
            raise StorageError(f"The database does not answer: {error.orig}. Restore it, then repeat.") from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose transaction is on disk when the block ends without an error.

        Raises
        ------
        StorageError
            If the database is full, locked for too long or away; nothing of the block is kept.
        """
        try:
            with self._write.begin() as session:
                yield session
        except OperationalError as error:
            raise StorageError(
                f"Not stored: {error.orig}. Free disk space or restore the database, then repeat."
            ) from error


def open_engine(url: str) -> Engine:
    """Return an engine with the durable settings; the schema is not touched.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL.
    """
    # Without the values of a row in logged errors: they may name a patient.
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        if engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def writing(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions take the write lock at once.

    A transaction that begins as a reader and then writes can be refused half-way; one that begins as a writer waits
    until the lock is free.
    """
    return engine.execution_options(**{WRITE_LOCK: True})


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; an up-to-date schema is left alone.

    Raises
    ------
    StorageError
        If a newer version has written it.
    """
    revision = _revision(engine)
    if revision == NEWEST_REVISION:
        return
    if revision is not None and revision > NEWEST_REVISION:
        raise StorageError(
            "A newer version of NeuroTriage has written this database. Start that version, or bring back a backup."
        )
    # Alembic takes half a second to import and is needed once per version.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def in_batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut values into batches that fit one ``IN (...)``."""
    return (values[start : start + MAX_IN_VALUES] for start in range(0, len(values), MAX_IN_VALUES))


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _set_pragmas(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Python's sqlite3 would begin transactions late, and never IMMEDIATE; `_begin` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_FIXED_IN else "DELETE"
    cursor.execute(f"PRAGMA journal_mode = {journal}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    locks = connection.get_execution_options().get(WRITE_LOCK)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if locks else "BEGIN")
