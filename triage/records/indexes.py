"""Whether the indexes of SQLite have what is in their tables: worklist, searches and seals are found by index.

Whoever writes the file can leave a row out of an index, and nothing of the row itself is changed. The indexes of
PostgreSQL are out of reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from triage.records.chain import Damage, Kind

#: Rows of one step.
STEP = 500
#: Before the first row: whoever plants one may give it any number.
BEGIN = -(2**63)


def untrue(reading: Callable[[], AbstractContextManager[Connection]], table: str) -> Iterator[list[Damage]]:
    """Give the indexes of a table that lack one of its rows or have others, step by step, each once.

    Parameters
    ----------
    reading
        Opens a short transaction that only reads.
    table
        Its name.
    """
    named = set[str]()
    last: int | None = BEGIN
    while last is not None:
        with reading() as connection:
            if connection.dialect.name != "sqlite":
                return
            page = f'SELECT rowid FROM "{table}" NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT {STEP}'
            begin, last = last, connection.exec_driver_sql(f"SELECT max(rowid) FROM ({page})", (last,)).scalar()
            found = {
                index
                for index, columns in _indexes(connection, table).items()
                if _differs(connection, table, index, columns, begin, last)
            }
        yield [Damage(Kind.UNTRUE, "index", index) for index in sorted(found - named)]
        named |= found


def _differs(connection: Connection, table: str, index: str, columns: list[str], begin: int, last: int | None) -> bool:
    """Whether some rows are not found by an index as they are; behind the last row, whether it has more than all."""
    if last is None:
        counts = (f'SELECT count(*) FROM "{table}" {by}' for by in ("NOT INDEXED", f'INDEXED BY "{index}"'))
        one, other = (connection.exec_driver_sql(count).scalar() for count in counts)
        return one != other
    same = " AND ".join(f'found."{column}" IS base."{column}"' for column in columns)
    lookup = f'SELECT 1 FROM "{table}" AS found INDEXED BY "{index}" WHERE {same} AND found.rowid = base.rowid'
    rows = f'SELECT 1 FROM "{table}" AS base NOT INDEXED WHERE rowid > ? AND rowid <= ? AND NOT EXISTS ({lookup})'
    return connection.exec_driver_sql(f"{rows} LIMIT 1", (begin, last)).scalar() is not None


def _indexes(connection: Connection, table: str) -> dict[str, list[str]]:
    """Return the columns of each index; one on a part of the rows or on an expression is none of ours."""
    listed = connection.exec_driver_sql(f"PRAGMA index_list('{table}')").all()
    columns = {
        name: [column for _, _, column in connection.exec_driver_sql(f"PRAGMA index_info('{name}')")]
        for _, name, _, _, partial in listed
        if not partial
    }
    return {name: found for name, found in columns.items() if None not in found}
