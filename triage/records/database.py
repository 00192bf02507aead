"""Open the database with the settings that make SQLite durable, bring the schema up to date, begin transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from triage.errors import StorageError
from triage.records import faults
from triage.records.turns import Turns

#: SQLite before this release can corrupt a database when a WAL file is reset.
WAL_FIXED_IN = (3, 51, 3)
BUSY_TIMEOUT_MS = 15_000
#: Newest revision under migrations/; a test compares it with the folder.
NEWEST_REVISION = "0014"
#: Execution option of connections whose transactions take the write lock at once.
WRITE_LOCK = "triage_write_lock"
#: Lock of PostgreSQL that is held while tables are made; any number that nobody else uses.
MIGRATING = 0x7E1A6E02
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
    own_tables
        Whether this process makes the tables; otherwise they have to be there.

    Raises
    ------
    StorageError
        If the database does not answer, or its tables are not those of this version.
    """

    def __init__(self, url: str, *, own_tables: bool = True) -> None:
        self.engine: Engine = open_engine(url)
        try:
            with faults.said():
                self._prepare(own_tables=own_tables)
        except StorageError:
            self.engine.dispose()
            raise
        self._read = sessionmaker(self.engine)
        self._write = sessionmaker(writing(self.engine))
        self._turns = Turns(BUSY_TIMEOUT_MS / 1000 if self.engine.dialect.name == "sqlite" else None)

    def _prepare(self, *, own_tables: bool) -> None:
        if own_tables:
            migrate(self.engine)
        elif _revision(self.engine) != NEWEST_REVISION:
            raise StorageError("The tables are not those of this version. Run first: python -m triage migrate")

    def check_whole(self) -> None:
        """Read the file of a SQLite database through; PostgreSQL notices damage itself, where it reads.

        Raises
        ------
        StorageError
            If it is damaged, or does not answer.
        """
        if self.engine.dialect.name != "sqlite":
            return
        with self.read() as session:
            found = session.connection().exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise StorageError(faults.DAMAGED)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that only reads.

        Raises
        ------
        StorageError
            If the database is away, locked for too long, or damaged.
        """
        with faults.said(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose transaction is on disk when the block ends without an error.

        Raises
        ------
        StorageError
            If the database is full, locked for too long or away; nothing of the block is kept.
        """
        with faults.said(), self._turns.one(), self._write.begin() as session:
            yield session


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
    else:
        event.listen(engine, "connect", _set_jit)
    return engine


def writing(engine: Engine) -> Engine:
    """Return a view of the engine whose transactions take the write lock at once.

    A transaction that begins as a reader and then writes can be refused half-way; one that begins as a writer waits
    until the lock is free.
    """
    return engine.execution_options(**{WRITE_LOCK: True})


def migrate(engine: Engine) -> None:
    """Bring the schema up to date, and what the record keeps beside what was sent; an up-to-date one is left alone.

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
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATING)))
        # Another process may have done it while this one waited for the lock; then Alembic finds nothing to do.
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if revision is not None:
            from triage.records import priors  # which needs this module

            with Session(connection) as session:
                priors.refresh_all(session)
                session.flush()


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
    cursor.execute("PRAGMA recursive_triggers = ON")  # or the triggers do not see what a REPLACE deletes
    cursor.close()


def _set_jit(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # A page of the worklist needs few of the rows that the planner counts on: compiling its query takes longer than it.
    cursor = connection.cursor()
    cursor.execute("SET jit = off")
    cursor.close()
    connection.commit()


def _begin(connection: Connection) -> None:
    locks = connection.get_execution_options().get(WRITE_LOCK)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if locks else "BEGIN")
