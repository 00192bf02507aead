"""The content of a row in a form that never depends on the database: what a seal and a signature are computed over.

The form is JSON, ASCII, keys sorted, no spaces. Times are in UTC with microseconds, dates are ISO 8601, truth values
are 0 and 1, numbers are as Python prints them, and an empty column is null. `docs/record.md` describes it for others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Date,
    RowMapping,
    Select,
    String,
    Table,
    bindparam,
    select,
    type_coerce,
)

from triage.records.database import in_batches
from triage.records.tables import UtcDateTime

#: How SQLite has a time and a day. It sorts and compares them as text, so the same time in another form is elsewhere.
TIME, DAY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", re.ASCII), re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def canonical(value: object) -> bytes:
    """Return a value in the canonical form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def digest(value: object) -> str:
    """Return the sha256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def contents(connection: Connection, table: Table, keys: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the rows of a table as they are in the database, by their key; rows that are not there are left out.

    A time, a day or a truth value that the product would not have written so is returned as it stands there.
    """
    identity = key_column(table)
    wanted = [identity.type.python_type(key) for key in keys]
    found: dict[str, dict[str, object]] = {}
    kinds = _kinds(table)
    for batch in in_batches(wanted):
        for row in connection.execute(_query(table), {"keys": batch}):
            content = {
                name: _read(value, kind) if kind else value
                for (name, kind), value in zip(kinds.items(), row, strict=True)
            }
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
    kinds = _kinds(table)
    columns = (type_coerce(column, String) if kinds[column.name] else column for column in table.columns)
    return select(*columns).where(key_column(table).in_(bindparam("keys", expanding=True)))


@cache
def _kinds(table: Table) -> dict[str, type | None]:
    """Return by name what a column holds, if it is one in which SQLite keeps anything else too; None for the others."""
    kinds = {UtcDateTime: datetime, Date: date, Boolean: bool}
    return {
        column.name: next((kind for of, kind in kinds.items() if isinstance(column.type, of)), None)
        for column in table.columns
    }


def _read(value: object, kind: type) -> object:
    """Return a value in one form for all databases; what SQLite has in no form of ours stays as it is."""
    # PostgreSQL gives what the column holds; 1.5 in SQLite is as true to Python, and not to an index.
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and kind is datetime and TIME.fullmatch(value):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if isinstance(value, str) and kind is date and DAY.fullmatch(value):
        return date.fromisoformat(value)
    return value


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return {"unexpected": repr(value)}
