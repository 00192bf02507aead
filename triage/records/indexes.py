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
            page = f"SELECT rowid FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT {STEP}"  # noqa: S608
            begin, last = last, connection.exec_driver_sql(f"SELECT max(rowid) FROM ({page})", (last,)).scalar()  # noqa: S608
            found = {index for index in _indexes(connection, table) if _differs(connection, table, index, begin, last)}
        yield [Damage(Kind.UNTRUE, "index", index) for index in sorted(found - named)]
        named |= found


def _differs(connection: Connection, table: str, index: str, begin: int, last: int | None) -> bool:
    """Whether some rows are not found by an index as they are; behind the last row, whether it has more than all."""
    quote = connection.dialect.identifier_preparer.quote_identifier  # the name may be anybody's
    if last is None:
        counts = (f"SELECT count(*) FROM {table} {by}" for by in ("NOT INDEXED", f"INDEXED BY {quote(index)}"))  # noqa: S608
        one, other = (connection.exec_driver_sql(count).scalar() for count in counts)
        return one != other
    names = connection.exec_driver_sql("SELECT name FROM pragma_index_info(?)", (index,)).scalars()
    same = " AND ".join(f"found.{quote(name)} IS base.{quote(name)}" for name in names)
    lookup = f"SELECT 1 FROM {table} AS found INDEXED BY {quote(index)} WHERE {same} AND found.rowid = base.rowid"  # noqa: S608
    rows = f"SELECT 1 FROM {table} AS base NOT INDEXED WHERE rowid > ? AND rowid <= ? AND NOT EXISTS ({lookup})"  # noqa: S608
    return connection.exec_driver_sql(f"{rows} LIMIT 1", (begin, last)).scalar() is not None


def _indexes(connection: Connection, table: str) -> list[str]:
    """Return the indexes of all rows by columns; any other is none of ours, and named as such."""
    query = (
        "SELECT name FROM pragma_index_list(?) AS listed WHERE NOT partial"
        " AND NOT EXISTS (SELECT 1 FROM pragma_index_info(listed.name) AS info WHERE info.name IS NULL)"
    )
    return list(connection.exec_driver_sql(query, (table,)).scalars())
