"""Who has a study open, so that two readers do not read the same one at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from triage.records import audit
from triage.records.audit import Event
from triage.records.begun import begun
from triage.records.database import Database
from triage.records.tables import ClaimRow
from triage.records.views import Claim

#: A claim ends this long after its reader last looked at the study or entered something.
IDLE = timedelta(minutes=15)


class Claims:
    """Claims of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, study_id: str, reader: str, now: datetime) -> Claim:
        """Claim a study that is free, or keep it for longer, and return who has it then: this reader or another."""
        with self._database.write() as session:
            if not _renewed(session, study_id, reader, now) and not _taken(session, study_id, reader, now):
                return _claim(session.get_one(ClaimRow, study_id))
            return _claim(session.get_one(ClaimRow, study_id, populate_existing=True))

    def take_first(self, study_ids: Iterable[str], reader: str, now: datetime) -> str | None:
        """Claim the first of the studies that is free or this reader's already; None if all are others'."""
        return next((one for one in study_ids if self.take(one, reader, now).reader == reader), None)

    def take_over(self, study_id: str, reader: str, note: str, now: datetime) -> None:
        """Claim a study whoever has it; the note is kept beside the claim and in the audit trail."""
        with self._database.write() as session:
            _note_expired(session, now, ClaimRow.study_id == study_id)
            before = session.get(ClaimRow, study_id, with_for_update=True)
            held_by = before.reader if before and before.until > now else ""
            values: dict[str, object] = {"reader": reader, "changed_at": now, "until": now + IDLE, "note": note}
            if before is not None or not _made(session, study_id, values):
                session.execute(update(ClaimRow).where(ClaimRow.study_id == study_id).values(**values))
            session.add(audit.row(reader, Event.TAKEN_OVER, study_id, f"from {held_by or 'nobody'}: {note}", now))

    def holder(self, study_id: str, now: datetime) -> Claim | None:
        """Return who has a study open, or None."""
        with self._database.read() as session:
            row = session.get(ClaimRow, study_id)
            return _claim(row) if row and row.until > now else None

    def release(self, study_id: str, reader: str, now: datetime) -> None:
        """End the claim of a reader who leaves the study, unless something of theirs there is not signed yet.

        Such a claim ends by itself, `IDLE` after the last change, so that nobody signs meanwhile what is half read.
        """
        with self._database.write() as session:
            found = begun(session, [study_id])[study_id]
            if reader not in found.drafts | found.signing and released(session, study_id, reader, now):
                session.add(audit.row(reader, Event.RELEASED, study_id, "", now))

    def rename(self, study_id: str, before: str, reader: str, now: datetime) -> None:
        """Give the claim of a reader to the name that they go by from now on; to "" ends it.

        Nobody else can claim the study in between, and what others have claimed stays theirs. What is begun under the
        earlier name and not signed keeps the claim, as when its reader leaves (`release`): the draft is of that name.
        """
        with self._database.write() as session:
            found = begun(session, [study_id])[study_id]
            if before in found.drafts | found.signing:
                return
            if not reader:
                passed = released(session, study_id, before, now)
            else:  # changed twice in a transaction, a row also locks its study, which others hold before the claim
                passed = _changed(session, study_id, before, now, reader=reader, until=now + IDLE, note="")
            if not passed:
                return
            session.add(audit.row(before, Event.RELEASED, study_id, "", now))
            if reader:
                session.add(audit.row(reader, Event.CLAIMED, study_id, "", now))

    def note_expired(self, now: datetime) -> None:
        """Write an audit row for each claim that ended by itself since the last time, dated when it did."""
        with self._database.read() as session:
            if session.scalar(select(ClaimRow.study_id).where(*_expired(now)).limit(1)) is None:
                return
        with self._database.write() as session:
            _note_expired(session, now)


def released(session: Session, study_id: str, reader: str, now: datetime) -> bool:
    """End the claim of a reader within a transaction, and return whether there was one."""
    return _changed(session, study_id, reader, now, until=now)


def _changed(session: Session, study_id: str, of: str, now: datetime, **values: object) -> bool:
    mine = (ClaimRow.study_id == study_id, ClaimRow.reader == of, ClaimRow.until > now)
    done = session.execute(update(ClaimRow).where(*mine).values(changed_at=now, **values))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _expired(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of claims that ended by themselves; with its audit row, a claim changes hands to nobody."""
    return ClaimRow.until <= now, ClaimRow.changed_at < ClaimRow.until


def _note_expired(session: Session, now: datetime, *which: ColumnElement[bool]) -> None:
    for row in session.scalars(select(ClaimRow).where(*_expired(now), *which).with_for_update()):
        row.changed_at = row.until
        session.add(audit.row(row.reader, Event.EXPIRED, row.study_id, "", row.until))
    session.flush()


def _renewed(session: Session, study_id: str, reader: str, now: datetime) -> bool:
    mine = (ClaimRow.study_id == study_id, ClaimRow.reader == reader, ClaimRow.until > now)
    return bool(session.execute(update(ClaimRow).where(*mine).values(until=now + IDLE)).rowcount)  # type: ignore[attr-defined]


def _taken(session: Session, study_id: str, reader: str, now: datetime) -> bool:
    """Take a claim that ended, or make the first one of the study; of two readers at once, one succeeds."""
    _note_expired(session, now, ClaimRow.study_id == study_id)
    values: dict[str, object] = {"reader": reader, "changed_at": now, "until": now + IDLE, "note": ""}
    ended = (ClaimRow.study_id == study_id, ClaimRow.until <= now)
    taken = bool(session.execute(update(ClaimRow).where(*ended).values(**values)).rowcount)  # type: ignore[attr-defined]
    if not taken and not _made(session, study_id, values):
        return False
    session.add(audit.row(reader, Event.CLAIMED, study_id, "", now))
    return True


def _made(session: Session, study_id: str, values: dict[str, object]) -> bool:
    """Make the first claim of a study, and return whether it had none."""
    exists = select(func.count()).select_from(ClaimRow).where(ClaimRow.study_id == study_id)
    if session.scalar(exists):
        return False
    try:
        with session.begin_nested():
            session.execute(insert(ClaimRow).values(study_id=study_id, **values))
    except IntegrityError:  # another reader made it in between, or there is no such study
        if session.scalar(exists):
            return False
        raise
    return True


def _claim(row: ClaimRow) -> Claim:
    return Claim(row.reader, row.changed_at, row.until, row.note)
