"""What goes wrong with a database, in sentences with the remedy; the log alone has its address, user and file."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from triage.errors import InputError, StorageError

logger = logging.getLogger(__name__)

AWAY = "The record does not answer. Repeat in a few seconds; if it stays so, tell an administrator."
BUSY = "Another program keeps the record busy. Repeat in a few seconds."
FULL = "Not stored: the disk is full. Free disk space, then repeat."
READ_ONLY = "Not stored: the record cannot be written. Make its disk and folder writable for the server, then repeat."
NO_VALUE = "The record cannot keep a character or a number of this. Leave it out, then repeat."
DAMAGED = "The database is damaged. Stop the server, bring back the newest backup, then start it again."
#: By the primary result code of SQLite.
_SQLITE = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
#: By the SQLSTATE of PostgreSQL, or the class that it begins with.
_POSTGRESQL = {"53100": FULL, "25006": READ_ONLY, "55P03": BUSY, "40": BUSY, "XX001": DAMAGED, "XX002": DAMAGED}


@contextmanager
def said() -> Iterator[None]:
    """Raise what goes wrong with the database in the block as a sentence; an error in our SQL stays what it is.

    Raises
    ------
    StorageError
        If the database is away, locked for too long, full, read-only or damaged.
    InputError
        If it cannot hold a value: a zero byte, half of a character, a number of many digits.
    """
    try:
        yield
    except (DataError, OverflowError, UnicodeEncodeError) as error:
        raise InputError(NO_VALUE) from error
    except SQLAlchemyError as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        logger.warning("the database failed: %s", getattr(error, "orig", error))
        raise StorageError(sentence) from error


def _sentence(error: SQLAlchemyError) -> str | None:
    cause = getattr(error, "orig", None)
    code, state = getattr(cause, "sqlite_errorcode", 0) & 0xFF, getattr(cause, "sqlstate", None) or ""
    known = _SQLITE.get(code) or _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    if known and isinstance(error, DatabaseError):
        return known
    is_away = isinstance(error, (OperationalError, InterfaceError, PoolTimeout))
    return AWAY if is_away or (isinstance(error, InternalError) and state.startswith("XX")) else None
