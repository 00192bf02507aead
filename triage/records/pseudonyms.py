"""The map from identifiers to pseudonyms: the only place of an installation that holds both."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from triage.errors import NotFoundError, StorageError
from triage.records import audit
from triage.records.audit import Event
from triage.records.database import Database, in_batches
from triage.records.tables import PseudonymRow
from triage.scans.deidentify.pseudonym import Identity, Key, Pseudonym, draw

#: Another process may draw a pseudonym for the same identifier at the same moment; then the other one counts.
MAX_TRIES = 5


class Pseudonyms:
    """The map of one record.

    Parameters
    ----------
    database
        Holds the record; the map is a table of its own that nothing refers to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        """Return the pseudonym of every identifier: the known one, or a new one that is on disk when this returns.

        Raises
        ------
        StorageError
            If the database did not take the new ones.
        """
        for _ in range(MAX_TRIES):
            with self._database.read() as session:
                known = _known(session, wanted)
            missing = [key for key in wanted if key not in known]
            if not missing:
                return known
            try:
                with self._database.write() as session:
                    session.add_all(_row(key) for key in missing)
            except IntegrityError:
                continue
        raise StorageError("Not stored: the map of pseudonyms is busy. Repeat in a moment.")

    def original(self, replacement: str, *, actor: str) -> str:
        """Return the identifier behind a pseudonym; the audit trail names who asked.

        Raises
        ------
        NotFoundError
            If there is no such pseudonym.
        """
        with self._database.write() as session:
            row = session.scalar(select(PseudonymRow).where(PseudonymRow.replacement == replacement))
            if row is None:
                raise NotFoundError("This installation has no such pseudonym. Copy all of it from the worklist.")
            session.add(audit.row(actor, Event.REIDENTIFIED, None, replacement))
            return row.original


def _known(session: Session, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
    found: dict[Key, Pseudonym] = {}
    for batch in in_batches(sorted({original for _, original in wanted})):
        for row in session.scalars(select(PseudonymRow).where(PseudonymRow.original.in_(batch))):
            key = (Identity(row.identity), row.original)
            if key in wanted:
                found[key] = Pseudonym(row.replacement, row.shift)
    return found


def _row(key: Key) -> PseudonymRow:
    identity, original = key
    drawn = draw(identity)
    return PseudonymRow(
        identity=identity,
        original=original,
        replacement=drawn.replacement,
        shift=drawn.shift,
        made_at=datetime.now(UTC),
    )
