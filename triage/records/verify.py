"""Compare the record with its seals, in small steps: every seal, row, anchor, signature and accepted model.

Each step is a short transaction that only reads, so that whoever runs them can pause in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, islice

from sqlalchemy import Connection, String, Table, cast, func, select
from sqlalchemy.exc import SQLAlchemyError

from triage.errors import StorageError
from triage.records import bound, indexes, schema, waiting
from triage.records.canonical import contents, digest, key_column
from triage.records.chain import NOTHING, Damage, Kind, Link, Seal, Suspect, judge
from triage.records.files import FileStore
from triage.records.sealed import SealedDatabase
from triage.records.seals import FIRST, TABLES, seal_of
from triage.records.tables import DraftRow, InstanceRow, ReadingRow, SealRow

#: Seals, rows or anchors of one step.
STEP = 200
#: Files of one step.
FILES = 4
#: Damaged seals and rows that are held against each other to tell what was done to them.
COMPARED = 64

_seals = SealRow.metadata.tables[SealRow.__tablename__]


@dataclass
class Verification:
    """One pass over a record.

    Parameters
    ----------
    database
        The record.
    files
        The received files; None: they are not looked at.

    Attributes
    ----------
    seals, checked_files
        How many were looked at so far.
    """

    database: SealedDatabase
    files: FileStore | None = None
    seals: int = 0
    checked_files: int = 0
    _suspects: list[Suspect] = field(default_factory=list)
    _suspected: Suspect | None = None
    _changed: list[tuple[Damage, str, dict[str, object]]] = field(default_factory=list)

    def count_files(self) -> int:
        """Return how many files there are to look at."""
        if self.files is None:
            return 0
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(InstanceRow)) or 0

    def steps(self, after: int = 0) -> Iterator[list[Damage]]:
        """Give what is wrong, step by step; nothing at all if the record is as it was sealed.

        Parameters
        ----------
        after
            Begin with the seal after this one; what is not sealed is looked for only from the beginning, at 0.
        """
        yield from self._chain(after)
        yield self._judged()
        with self._reading() as connection:
            held = schema.held(connection)
        # Nothing may be open while the next step is waited for: in SQLite an open reader keeps writers from committing.
        yield schema.changed(held, self.database.engine.name)
        yield from self._anchors(after)
        if after:
            return
        for table in TABLES.values():
            yield from self._unsealed(table)
        yield self._orphans()
        for name in (*TABLES, _seals.name):
            yield from indexes.untrue(self._reading, name)
        yield from self._signatures()
        yield self._waiting()
        if self.files is not None:
            yield from self._stored(self.files)

    def _chain(self, after: int) -> Iterator[list[Damage]]:
        """Follow the seals, and compare each row with its newest one."""
        last = Link(0, NOTHING)
        if after:
            with self._reading() as connection:
                mac = connection.scalar(select(_seals.c.mac).where(_seals.c.number == after))
            last = Link(after, mac or NOTHING)
        while True:
            with self._reading() as connection:
                query = select(_seals).where(_seals.c.number > last.number).order_by(_seals.c.number).limit(STEP)
                found = [seal_of(row) for row in connection.execute(query).mappings()]
                damage = self._rows(connection, found)
            if not found:
                self._suspect(None)
                return
            self.seals += len(found)
            yield self._gaps(found, last) + damage
            last = Link(found[-1].number, found[-1].mac)

    def _gaps(self, found: list[Seal], last: Link) -> list[Damage]:
        """Check that seals follow from each other, and return where some are missing."""
        gaps: list[Damage] = []
        for seal in found:
            self._suspect(seal)
            if seal.number != last.number + 1:
                gaps.append(Damage(Kind.DELETED, "seals", f"{last.number + 1} to {seal.number - 1}"))
            elif not seal.follows(self.database.key.mac, last.mac):
                self._suspected = Suspect(seal, last.mac, None)
            last = Link(seal.number, seal.mac)
        return gaps

    def _suspect(self, following: Seal | None) -> None:
        """Keep the seal that was not right, together with the one that follows it."""
        if self._suspected is not None and len(self._suspects) < COMPARED:
            self._suspects.append(replace(self._suspected, following=following))
        self._suspected = None

    def _rows(self, connection: Connection, found: Iterable[Seal]) -> list[Damage]:
        """Compare rows with seals, if these are their newest."""
        damage: list[Damage] = []
        by_table = sorted(found, key=lambda one: one.what)
        for what, group in groupby(by_table, key=lambda one: one.what):
            sealed = {one.key: one for one in group}
            if what == FIRST:
                if set(sealed) != {self.database.key.fingerprint}:
                    damage.append(Damage(Kind.SPLICED, "record", "begun with another key"))
                continue
            if what not in TABLES:
                damage.append(Damage(Kind.SPLICED, what, "no table of this record"))
                continue
            newest = select(_seals.c.key, func.max(_seals.c.number)).where(_seals.c.what == what)
            newest = newest.where(_seals.c.key.in_(sealed)).group_by(_seals.c.key)
            current = [sealed[key] for key, number in connection.execute(newest) if sealed[key].number == number]
            rows = self._contents(connection, TABLES[what], [one.key for one in current])
            for one in sorted(current, key=lambda one: one.number):
                row = rows.get(one.key)
                if row is None and one.digest != NOTHING:
                    damage.append(Damage(Kind.DELETED, what, one.key))
                elif row is not None and digest(row) != one.digest:
                    changed = Damage(Kind.INSERTED if one.digest == NOTHING else Kind.EDITED, what, one.key)
                    if len(self._changed) < COMPARED:
                        self._changed.append((changed, one.digest, row))
                    else:
                        damage.append(changed)
        return damage

    @staticmethod
    def _contents(connection: Connection, table: Table, keys: list[str]) -> dict[str, dict[str, object]]:
        """Return rows; one that cannot be read as its columns ask is returned as it cannot have been sealed."""
        try:
            return contents(connection, table, keys)
        except (SQLAlchemyError, ValueError, TypeError):
            found: dict[str, dict[str, object]] = {}
            for key in keys:
                try:
                    found |= contents(connection, table, [key])
                except (SQLAlchemyError, ValueError, TypeError):
                    found[key] = {}
            return found

    def _judged(self) -> list[Damage]:
        """Tell what was done to the seals and rows that are not right."""
        damage = judge(self._suspects, self.database.key.mac)
        expected = {(one.what, sealed) for one, sealed, _ in self._changed}
        for one, _, row in self._changed:
            identity = key_column(TABLES[one.what]).name
            of_others = (
                digest(row | {identity: other_row[identity]})
                for other, _, other_row in self._changed
                if other.what == one.what and other.key != one.key and other_row
            )
            moved = bool(row) and any((one.what, other) in expected for other in of_others)
            damage.append(Damage(Kind.REORDERED, one.what, one.key) if moved else one)
        return damage

    def _anchors(self, after: int) -> Iterator[list[Damage]]:
        """Compare the anchors with the seals; a record without any was cut off from them."""
        try:
            yield [Damage(Kind.EDITED, "anchors", line) for line in self.database.anchors.garbled()]
            kept = self.database.anchors.kept()
            first = next(kept, None)
            if first is None:
                yield [Damage(Kind.TRUNCATED, "anchors", f"no anchor in {self.database.anchors.folder.name}/")]
                return
            later = (one for one in _with(first, kept) if one.number > after)
            while some := list(islice(later, STEP)):
                with self._reading() as connection:
                    numbers = [one.number for one in some]
                    query = select(_seals.c.number, _seals.c.mac).where(_seals.c.number.in_(numbers))
                    there = dict(connection.execute(query).all())
                yield [
                    Damage(Kind.TRUNCATED, "seal", f"{one.number} is anchored and not there")
                    if one.number not in there
                    else Damage(Kind.SPLICED, "seal", f"{one.number} is not the one that was anchored")
                    for one in some
                    if there.get(one.number) != one.mac
                ]
        except OSError as error:
            raise StorageError(f"The anchors cannot be read: {error.strerror}. Give this user the right to.") from error

    def _unsealed(self, table: Table) -> Iterator[list[Damage]]:
        """Look for rows without a seal."""
        identity, last = key_column(table), None
        name = cast(identity, String)
        sealed = select(_seals.c.number).where(_seals.c.what == table.name, _seals.c.key == name).exists()
        while True:
            with self._reading() as connection:
                page = select(identity).order_by(identity).limit(STEP)
                keys = connection.scalars(page if last is None else page.where(identity > last)).all()
                if not keys:
                    return
                last = keys[-1]
                unknown = connection.scalars(select(identity).where(identity.in_(keys), ~sealed)).all()
            yield [Damage(Kind.INSERTED, table.name, str(key)) for key in unknown]

    def _orphans(self) -> list[Damage]:
        """Look for rows that refer to rows that are not there; PostgreSQL never lets them be."""
        with self._reading() as connection:
            if connection.dialect.name != "sqlite":
                return []
            found = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        return [Damage(Kind.ORPHANED, str(table), str(row)) for table, row, *_ in found]

    def _signatures(self) -> Iterator[list[Damage]]:
        """Check that every signature fits what was signed."""
        last = 0
        while True:
            with self.database.read() as session:
                query = select(ReadingRow.id, ReadingRow.study_id).where(ReadingRow.id > last)
                found = session.execute(query.order_by(ReadingRow.id).limit(STEP // 10)).all()
                if not found:
                    return
                last = found[-1][0]
                damage = []
                for number, study_id in found:
                    try:
                        if not bound.holds(session, session.get_one(ReadingRow, number)):
                            damage.append(Damage(Kind.UNBOUND, "reading", str(number)))
                    except (SQLAlchemyError, ValueError, TypeError):
                        damage.append(Damage(Kind.UNBOUND, "reading", f"{number} of study {study_id}"))
            yield damage

    def _waiting(self) -> list[Damage]:
        """Check that every signature that can still be taken back is one that was made here."""
        forged = []
        with self.database.read() as session:
            for number in session.scalars(select(DraftRow.id).where(DraftRow.due_at.is_not(None))).all():
                try:
                    genuine = waiting.is_genuine(session, self.database.key, session.get_one(DraftRow, number))
                except (SQLAlchemyError, ValueError, TypeError):
                    genuine = False
                if not genuine:
                    forged.append(Damage(Kind.UNBOUND, "draft", str(number)))
        return forged

    def _stored(self, files: FileStore) -> Iterator[list[Damage]]:
        """Read every received file."""
        last = 0
        while True:
            with self._reading() as connection:
                query = select(InstanceRow.id, InstanceRow.sha256).where(InstanceRow.id > last)
                found = connection.execute(query.order_by(InstanceRow.id).limit(FILES)).all()
            if not found:
                return
            last = found[-1][0]
            self.checked_files += len(found)
            yield [damage for number, sha256 in found if (damage := _file(files, number, str(sha256)))]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the record: a row and its seal, or neither."""
        with self.database.read() as session:
            options = {"isolation_level": "REPEATABLE READ"} if self.database.engine.name == "postgresql" else {}
            yield session.connection(execution_options=options)


def _file(files: FileStore, number: int, sha256: str) -> Damage | None:
    if files.holds(sha256):
        return None
    kind = Kind.ALTERED if files.path(sha256).exists() else Kind.MISSING
    return Damage(kind, "instance", f"{number}, file {sha256}")


def _with(first: Link, others: Iterator[Link]) -> Iterator[Link]:
    yield first
    yield from others
