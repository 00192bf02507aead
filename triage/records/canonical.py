"""The content of a row in a form that never depends on the database: what a seal and a signature are computed over.

The form is JSON, ASCII, keys sorted, no spaces. Times are in UTC with microseconds, dates are ISO 8601, truth values
are 0 and 1, numbers are as Python prints them, and an empty column is null. `docs/record.md` describes it for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Integer, RowMapping, Select, Table, bindparam, cast, select

from triage.records.database import in_batches


def canonical(value: object) -> bytes:
    """Return a value in the canonical form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def digest(value: object) -> str:
    """Return the sha256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def contents(connection: Connection, table: Table, keys: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the rows of a table as they are in the database, by their key; rows that are not there are left out."""
    identity = key_column(table)
    wanted = [identity.type.python_type(key) for key in keys]
    found: dict[str, dict[str, object]] = {}
    names = table.columns.keys()
    for batch in in_batches(wanted):
        for row in connection.execute(_query(table), {"keys": batch}):
            content = dict(zip(names, row, strict=True))
            found[str(content[identity.name])] = content
    return found


def key_column(table: Table) -> ColumnElement[Any]:
    """Return the only column of the primary key."""
    (column,) = table.primary_key.columns
    return column


def without(row: Mapping[str, object] | RowMapping, left_out: Iterable[str]) -> dict[str, object]:
    """Return the columns of a row but for some."""
    return {name: value for name, value in row.items() if name not in set(left_out)}


@cache
def _query(table: Table) -> Select[tuple[Any, ...]]:
    """Return the query for the rows of some keys; it is made once, since it runs in every transaction."""
    # SQLite keeps any number in a column for truth values, and 2 is as true as 1 only to Python.
    columns = (
        cast(column, Integer).label(column.name) if isinstance(column.type, Boolean) else column
        for column in table.columns
    )
    return select(*columns).where(key_column(table).in_(bindparam("keys", expanding=True)))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return {"unexpected": repr(value)}
