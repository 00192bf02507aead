"""Seals every row that a transaction changed, at its end and within it, so that no caller can forget it.

`docs/record.md` describes the chain, and how to check it without this code.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, RowMapping, Table, func, insert, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from triage.errors import StorageError
from triage.records import audit
from triage.records.audit import Event
from triage.records.canonical import canonical, contents, digest, key_column
from triage.records.chain import NOTHING, Link, Seal
from triage.records.keys import Key
from triage.records.model_tables import SEALED_TOO
from triage.records.tables import SEALED, SealRow

#: Sealed tables by name.
TABLES: dict[str, Table] = {row.__tablename__: row.metadata.tables[row.__tablename__] for row in (*SEALED, *SEALED_TOO)}
#: `what` of the first seal; its key is the fingerprint of the key of the record.
FIRST = "record"
#: Clocks of two machines may differ by so much.
CLOCKS_DIFFER = timedelta(seconds=10)
#: Rows of an earlier version that are sealed at one time.
BATCH = 5_000
#: Lock of PostgreSQL that is held while sealing; any number that nobody else uses.
SEALING = 0x7E1A6E01
#: What a transaction wrote: by table and key the values of the columns, or None where it removed the row.
Changed = dict[str, dict[str, dict[str, object] | None]]
#: Under this name a session keeps the rows that it changed, by table and key, with what it wrote into their columns.
CHANGED = "changed"
OTHER_KEY = (
    "This database was sealed with another key. Bring back the key of its backup, keys/record.key, or the database "
    "that belongs to the key."
)
NOT_AS_WRITTEN = (
    "The database did not keep what was written into {table}, so nothing was stored. Have an administrator look for a "
    "trigger or for somebody else who changes it: python -m triage verify"
)
SET_BACK = "The clock of the server is {seconds:,.0f} s behind the record. Set it right: times are too early."

_seals = SealRow.metadata.tables[SealRow.__tablename__]
# Made once: they run in every transaction.
_LAST = select(_seals).order_by(_seals.c.number.desc()).limit(1)
_ADD = insert(_seals)


def note_changes(session: Session, _: UOWTransaction) -> None:
    """Remember the sealed rows that a flush wrote, and what it wrote."""
    changed: Changed = session.info.setdefault(CHANGED, {})
    single = session.get_bind().dialect.name == "sqlite"
    for row in (*session.new, *session.dirty, *session.deleted):
        state = inspect(row)
        table = row.__tablename__
        if table in TABLES and (row not in session.dirty or session.is_modified(row)):
            (key,) = state.mapper.primary_key_from_instance(row)
            rows = changed.setdefault(table, {})
            if row in session.deleted:
                rows[str(key)] = None
                continue
            # Elsewhere than in SQLite, others may meanwhile write the columns that this one did not.
            whole = single or row in session.new
            rows[str(key)] = (rows.get(str(key)) or {}) | {
                name: int(value) if isinstance(value, bool) else value
                for name, value in state.dict.items()
                if name in TABLES[table].columns and (whole or state.attrs[name].history.has_changes())
            }


def refuse_bulk_changes(state: ORMExecuteState) -> None:
    """Refuse to change sealed rows in bulk: nobody would know which ones."""
    if state.is_select or state.bind_mapper is None:
        return
    name = state.bind_mapper.class_.__tablename__
    if name in TABLES:
        raise TypeError(f"Rows of {name} are sealed one by one. Add or change them as objects of the session.")


def seal(session: Session, key: Key) -> tuple[Link, datetime, bool] | None:
    """Seal what the transaction of a session changed, as its last step.

    Returns
    -------
    tuple or None
        The new head, its time, and whether a reading is among it; None if nothing that is sealed was changed.

    Raises
    ------
    StorageError
        If the database holds something else than what was written.
    """
    session.flush()
    changed: Changed = session.info.pop(CHANGED, {})
    if not changed:
        return None
    connection = session.connection()
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.execute(select(func.pg_advisory_xact_lock(SEALING)))
    now = datetime.now(UTC)
    last = head(connection)
    if last is None:
        return _begin(session, key, now), now, True
    if now < last.at - CLOCKS_DIFFER:
        detail = SET_BACK.format(seconds=(last.at - now).total_seconds())
        session.add(audit.row("record", Event.CLOCK, None, detail, now))
        session.flush()
        for table, keys in session.info.pop(CHANGED).items():
            changed.setdefault(table, {}).update(keys)
    facts = []
    for name, keys in changed.items():
        rows = contents(connection, TABLES[name], list(keys))
        if any(not _as_written(rows.get(one), written) for one, written in keys.items()):
            raise StorageError(NOT_AS_WRITTEN.format(table=name))
        facts += [(name, one, digest(rows[one]) if one in rows else NOTHING) for one in keys]
    made = list(_chained(facts, Link(last.number, last.mac), now, key))
    connection.execute(_ADD, [vars(one) for one in made])
    return Link(made[-1].number, made[-1].mac), now, "reading" in changed


def open_chain(session: Session, key: Key) -> tuple[Link, datetime, bool] | None:
    """Begin the chain of a record that has none, with a seal for every row of earlier versions.

    Raises
    ------
    StorageError
        If the chain was begun with another key.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(SEALING)))
    first = connection.execute(select(_seals.c.key).where(_seals.c.number == 1)).scalar()
    if first is None and head(connection) is None:
        now = datetime.now(UTC)
        return _begin(session, key, now), now, True
    if first is not None and first != key.fingerprint:
        raise StorageError(OTHER_KEY)
    return None


def head(connection: Connection) -> Seal | None:
    """Return the last seal."""
    row = connection.execute(_LAST).mappings().first()
    return seal_of(row) if row else None


def is_sealed(connection: Connection, key: Key, what: str, which: str) -> bool:
    """Whether a row is as its newest seal says, and that seal is of this record; for what cannot wait for `verify`.

    Parameters
    ----------
    connection
        To the record.
    key
        Of the record.
    what, which
        Table and key of the row.
    """
    newest = select(_seals).where(_seals.c.what == what, _seals.c.key == which).order_by(_seals.c.number.desc())
    found = connection.execute(newest.limit(1)).mappings().first()
    row = contents(connection, TABLES[what], [which]).get(which)
    if found is None or row is None:
        return False
    own = seal_of(found)
    before = connection.scalar(select(_seals.c.mac).where(_seals.c.number == own.number - 1))
    return own.digest == digest(row) and before is not None and own.follows(key.mac, before)


def seal_of(row: RowMapping) -> Seal:
    """Return a seal as the database has it."""
    return Seal(**dict(row))


def _as_written(row: dict[str, object] | None, written: dict[str, object] | None) -> bool:
    """Whether a row is in the database as it was written, or is gone if it was removed."""
    if row is None or written is None:
        return row is None and written is None
    return canonical({name: row[name] for name in written}) == canonical(written)


def _begin(session: Session, key: Key, now: datetime) -> Link:
    """Write the first seal, and one for every row that is there."""
    connection = session.connection()
    counted = {name: connection.scalar(select(func.count()).select_from(table)) for name, table in TABLES.items()}
    if of_before := sum(filter(None, counted.values())):
        session.add(audit.row("record", Event.SEALED, None, f"{of_before} rows of an earlier version", now))
        session.flush()
    session.info.pop(CHANGED, None)
    last = Link(0, NOTHING)
    for facts in ([(FIRST, key.fingerprint, digest(counted))], *_existing(connection)):
        made = list(_chained(facts, last, now, key))
        connection.execute(_ADD, [vars(one) for one in made])
        last = Link(made[-1].number, made[-1].mac)
    return last


def _existing(connection: Connection) -> Iterator[list[tuple[str, str, str]]]:
    """Give the facts of all rows of sealed tables, in batches."""
    for name, table in TABLES.items():
        identity, after = key_column(table), None
        while True:
            query = select(identity).order_by(identity).limit(BATCH)
            keys = connection.scalars(query if after is None else query.where(identity > after)).all()
            if not keys:
                break
            after = keys[-1]
            rows = contents(connection, table, [str(one) for one in keys])
            yield [(name, one, digest(row)) for one, row in rows.items()]


def _chained(facts: list[tuple[str, str, str]], last: Link, now: datetime, key: Key) -> Iterator[Seal]:
    number, before = last.number, last.mac
    for what, which, content in facts:
        number += 1
        before = key.mac(Seal(number, now, what, which, content, "").message(before))
        yield Seal(number, now, what, which, content, before)
