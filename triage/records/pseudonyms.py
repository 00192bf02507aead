"""The map from identifiers to pseudonyms: the one place of an installation where both stand side by side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from triage.errors import NotFoundError, StorageError
from triage.records import audit
from triage.records.store import Store
from triage.records.tables import PseudonymRow
from triage.scans.deidentify.pseudonym import Identity, Key, Pseudonym, draw

#: Values in one IN (...); databases have a limit.
CHUNK = 500
#: Somebody else may draw for the same identifier at the same moment; then theirs counts.
TRIES = 5


class Pseudonyms:
    """The map of one record.

    Parameters
    ----------
    store
        The record; the map is a table of its own in it, and nothing refers to it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        """Return the pseudonym of every identifier: the known one, or a new one that is on disk when this returns.

        Raises
        ------
        StorageError
            If the database did not take it.
        """
        for _ in range(TRIES):
            with self._store.read() as session:
                known = _known(session, wanted)
            missing = [key for key in wanted if key not in known]
            if not missing:
                return known
            try:
                with self._store.write() as session:
                    session.add_all(_row(key) for key in missing)
            except IntegrityError:
                continue
        raise StorageError("Not stored: the map of pseudonyms is busy. Repeat in a moment.")

    def original(self, replacement: str, *, actor: str) -> str:
        """Return what a pseudonym stands for; who asked is kept in the audit trail.

        Raises
        ------
        NotFoundError
            If it stands for nothing.
        """
        with self._store.write() as session:
            row = session.scalar(select(PseudonymRow).where(PseudonymRow.replacement == replacement))
            if row is None:
                raise NotFoundError("No pseudonym of this installation reads so. Copy it whole from the worklist.")
            session.add(audit.row(actor, "re-identified", None, replacement))
            return row.original


def _known(session: Session, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
    found: dict[Key, Pseudonym] = {}
    originals: Sequence[str] = sorted({original for _, original in wanted})
    for start in range(0, len(originals), CHUNK):
        query = select(PseudonymRow).where(PseudonymRow.original.in_(originals[start : start + CHUNK]))
        for row in session.scalars(query):
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
