"""What readers have entered and not signed: kept as it changes, signed when the time to take it back is over."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from triage.domain import Conclusion, Reading, conclusion
from triage.errors import ConflictError
from triage.reading import Entries, as_json, from_json
from triage.records import audit, origin, rows, studies, waiting
from triage.records.audit import Event
from triage.records.origin import Origin
from triage.records.readings import SLICES_ARRIVED, check, store
from triage.records.sealed import SealedDatabase
from triage.records.tables import DraftRow, ReadingRow, StudyRow
from triage.records.views import Draft, Held, Refused

CHANGED_ELSEWHERE = "This draft was changed in another window meanwhile. Choose which one to keep."
ENTERED_ELSEWHERE = "Another window changed this draft meanwhile. Check what it says now, then sign."
BEING_SIGNED = "This reading is being signed. Take the signature back to change it."
NOT_AS_SIGNED = "The signature that waited here is not the one that was made, so it was not stored. Sign again."
#: Versions of drafts begin below this number.
FIRST = 10**9
#: What the audit trail says of it.
FORGED = "a signature that waited is not the one that was made"
SIGNED_ALREADY = "This reading is signed already and cannot be taken back. Amend it."


class Drafts:
    """Drafts of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: SealedDatabase) -> None:
        self._database = database

    def get(self, study_id: str, reader: str) -> Draft | None:
        """Return the draft of a reader about a study, or None."""
        with self._database.read() as session:
            row = _find(session, study_id, reader)
            return _draft(row) if row else None

    def save(self, study_id: str, reader: str, entries: Entries, *, base: int, seen: int, now: datetime) -> Draft:
        """Keep what the reader has entered.

        Parameters
        ----------
        study_id, reader
            Whose draft it is.
        entries
            All fields of the form.
        base
            Version of the draft that was changed, 0 for a new one.
        seen
            How many readings the reader had seen when beginning.
        now
            Time of saving.

        Raises
        ------
        ConflictError
            If another window changed the draft since, or its signature waits.
        NotFoundError
            If there is no such study.
        """
        with self._database.write() as session:
            studies.locked(session, study_id)
            row = _find(session, study_id, reader)
            if row is not None and row.signature is not None:
                raise ConflictError(BEING_SIGNED)
            if base != (row.version if row else 0):
                raise ConflictError(CHANGED_ELSEWHERE)
            row = row or _new(session, study_id, reader, seen, now)
            # Drafts before and after a signature never have one version: a window may hold the earlier one.
            row.entries, row.saved_at = as_json(entries), now
            row.version = (row.version or secrets.randbelow(FIRST)) + 1
            return _draft(row)

    def catch_up(self, study_id: str, reader: str, seen: int) -> None:
        """Note that the reader has seen the first `seen` readings of the study, also those that others signed."""
        with self._database.write() as session:
            studies.locked(session, study_id)
            row = _find(session, study_id, reader)
            if row is not None:
                row.seen, row.refusal = max(row.seen, min(seen, _signed(session, study_id))), None

    def commit_blind(
        self, study_id: str, reader: str, finding: Conclusion, *, seen: int, now: datetime, contents: str | None = None
    ) -> Conclusion:
        """Keep what the reader concludes without the AI, and return it; the first one of a draft stays.

        Parameters
        ----------
        study_id, reader
            Whose draft it is.
        finding
            The class.
        seen
            How many readings the reader had seen.
        now
            Time of the commitment.
        contents
            Digest of the study's files as the reader saw them, if they committed in a form.

        Raises
        ------
        ConflictError
            If the study has other files by now: their result would be shown to a reader who never saw them.
        NotFoundError
            If there is no such study.
        """
        with self._database.write() as session:
            studies.locked(session, study_id)
            if contents not in (None, studies.contents(session, [study_id])[study_id]):
                raise ConflictError(SLICES_ARRIVED)
            row = _find(session, study_id, reader) or _new(session, study_id, reader, seen, now)
            if row.blind is None:
                row.blind = finding
                session.add(audit.row(reader, Event.COMMITTED, study_id, finding, now))
            return conclusion(row.blind)

    def hold(self, study_id: str, reading: Reading, *, seen: int, due: datetime, version: int | None = None) -> None:
        """Keep a signature that the reader can take back until it is due.

        Parameters
        ----------
        study_id
            The study.
        reading
            As `triage.reading.sign` returned it.
        seen
            How many readings the reader saw when deciding.
        due
            When it is to be stored for good.
        version
            Of the draft that was signed, 0 for none: what another window entered since is not passed over.

        Raises
        ------
        ConflictError
            As `Readings.sign`, or if a signature waits already, or the draft has another version.
        NotFoundError
            If there is no such study.
        """
        with self._database.write() as session:
            study = studies.locked(session, study_id)
            check(session, study, reading, seen)
            row = _find(session, study_id, reading.reader)
            row = row or _new(session, study_id, reading.reader, seen, reading.signed_at)
            if row.signature is not None:
                raise ConflictError(BEING_SIGNED)
            if version is not None and version != (row.version or 0):
                raise ConflictError(ENTERED_ELSEWHERE)
            signature = rows.reading_as_json(reading) | {"seen": seen, "address": origin.current().address}
            row.signature = waiting.with_code(self._database.key, study_id, signature, due)
            row.due_at, row.refusal = due, None

    def take_back(self, study_id: str, reader: str, now: datetime) -> None:
        """Turn a signature that is not due yet into a draft again, with all that was entered.

        Raises
        ------
        ConflictError
            If it is stored already.
        """
        with self._database.write() as session:
            studies.locked(session, study_id)
            row = _find(session, study_id, reader)
            if row is None or row.signature is None:
                raise ConflictError(SIGNED_ALREADY)
            row.signature = row.due_at = None
            session.add(audit.row(reader, Event.TAKEN_BACK, study_id, "", now))

    def held(self, reader: str) -> list[Held]:
        """Return the signatures that a reader can still take back, the first due first."""
        query = (
            select(DraftRow, StudyRow.patient_name, StudyRow.name)
            .join(StudyRow, StudyRow.id == DraftRow.study_id)
            .where(DraftRow.reader == reader, DraftRow.due_at.is_not(None))
            .order_by(DraftRow.due_at)
        )
        with self._database.read() as session:
            return [
                Held(row.study_id, patient or name, _signature(row).finding, row.due_at)
                for row, patient, name in session.execute(query)
                if row.due_at and waiting.is_genuine(session, self._database.key, row)
            ]

    def refused(self, reader: str) -> list[Refused]:
        """Return the signatures of a reader that were not stored after all, the latest first, until they sign anew."""
        query = (
            select(DraftRow.study_id, StudyRow.patient_name, StudyRow.name, DraftRow.refusal)
            .join(StudyRow, StudyRow.id == DraftRow.study_id)
            .where(DraftRow.reader == reader, DraftRow.refusal.is_not(None), DraftRow.refusal != "")
            .order_by(DraftRow.saved_at.desc())
        )
        with self._database.read() as session:
            found = session.execute(query).all()
            return [Refused(study, patient or name, refusal or "") for study, patient, name, refusal in found]

    def next_due(self) -> datetime | None:
        """Return when the next signature is due, or None if none waits."""
        with self._database.read() as session:
            return session.scalar(select(func.min(DraftRow.due_at)))

    def settle(self, now: datetime) -> int:
        """Store the signatures that are due, and return how many were.

        One that somebody else overtook, or that is not as it was made, stays a draft, which says so.
        """
        due = select(DraftRow.study_id, DraftRow.reader).where(DraftRow.due_at <= now).order_by(DraftRow.due_at)
        with self._database.read() as session:
            found = session.execute(due).all()
        return sum(self._settle(study_id, reader, now) for study_id, reader in found)

    def _settle(self, study_id: str, reader: str, now: datetime) -> bool:
        with self._database.write() as session:
            study = studies.locked(session, study_id)
            try:
                row = _find(session, study_id, reader)
            except ValueError:  # no JSON any more: the others are stored nevertheless
                damaged = update(DraftRow).where(DraftRow.study_id == study_id, DraftRow.reader == reader)
                session.execute(damaged.values(signature=None, due_at=None, refusal=NOT_AS_SIGNED))
                session.add(audit.row("record", Event.DAMAGED, study_id, FORGED, now))
                return False
            if row is None or row.due_at is None or row.due_at > now:
                return False  # taken back, or stored by another process
            if row.signature is None or not waiting.is_genuine(session, self._database.key, row):
                row.signature, row.due_at, row.refusal = None, None, NOT_AS_SIGNED
                session.add(audit.row("record", Event.DAMAGED, study_id, FORGED, now))
                return False
            reading, seen = _signature(row), int(row.signature["seen"])
            try:
                check(session, study, reading, seen)
            except ConflictError as error:
                row.signature, row.due_at, row.refusal = None, None, str(error)
                return False
            # Whoever stores it, it was signed from there.
            signer = Origin(reader, reading.account or "", row.signature.get("address", ""))
            with origin.coming_from(signer):
                store(session, study, reading, seen, now)
            session.delete(row)
            return True


def _find(session: Session, study_id: str, reader: str) -> DraftRow | None:
    return session.scalar(select(DraftRow).where(DraftRow.study_id == study_id, DraftRow.reader == reader))


def _new(session: Session, study_id: str, reader: str, seen: int, now: datetime) -> DraftRow:
    entries: dict[str, Any] = dict(as_json(Entries()))
    known = min(seen, _signed(session, study_id))
    row = DraftRow(study_id=study_id, reader=reader, version=0, seen=known, entries=entries, saved_at=now)
    session.add(row)
    return row


def _signed(session: Session, study_id: str) -> int:
    return session.scalar(select(func.count()).where(ReadingRow.study_id == study_id)) or 0


def _signature(row: DraftRow) -> Reading:
    return rows.reading_of_json(row.signature or {})


def _draft(row: DraftRow) -> Draft:
    blind = conclusion(row.blind) if row.blind else None
    return Draft(
        study_id=row.study_id,
        reader=row.reader,
        version=row.version,
        seen=row.seen,
        entries=from_json(row.entries, blind),
        saved_at=row.saved_at,
        due_at=row.due_at,
        refusal=row.refusal or "",
    )
