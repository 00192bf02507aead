"""Readings: note opened studies, sign, list."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from triage.domain import Reading, StudyStatus
from triage.errors import ConflictError, NotFoundError
from triage.reading import status_of
from triage.records import audit, bound, marks, rows, studies
from triage.records.audit import Event
from triage.records.claims import released
from triage.records.database import Database
from triage.records.tables import AIResultRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import Shown, SignedReading, Study

SIGNED_MEANWHILE = "Somebody else signed this study while it was open here. Look at their reading, then amend it."
TAKEN_OFF = "This study was merged or discarded on the page Conflicts. Read the study that stayed."
BEFORE_ARRIVAL = "Signed at a time before the study arrived. Set the clock of the server right."
SCORED_MEANWHILE = "The AI result of this study changed while it was open here. Look at it, then sign."
SLICES_ARRIVED = "Slices arrived while this study was open here. Look at them, then sign."


class Readings:
    """Readings of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def note_opened(self, study_id: str, *, reader: str) -> None:
        """Note the first time that a reader opened the study; it ends the wait (ranked -> opened).

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            row = studies.locked(session, study_id)
            if row.opened_at is None:
                row.opened_at = now
                session.add(audit.row(reader, Event.OPENED, study_id, "", now))

    def sign(self, study_id: str, reading: Reading, *, seen: int) -> None:
        """Store a reading, which never changes afterwards; the study waits on only for a second read or arbitration.

        Parameters
        ----------
        study_id
            The study.
        reading
            As `triage.reading.sign` returned it.
        seen
            How many readings the reader saw when deciding.

        Raises
        ------
        ConflictError
            As `check`.
        NotFoundError
            If there is no such study.
        """
        try:
            with self._database.write() as session:
                study = studies.locked(session, study_id)
                check(session, study, reading, seen)
                store(session, study, reading, seen, datetime.now(UTC))
        except IntegrityError as error:
            raise ConflictError(SIGNED_MEANWHILE) from error

    def of(self, study_id: str) -> tuple[StudyStatus, tuple[Reading, ...]]:
        """Return the status of a study and its readings, oldest first, without its files.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        query = select(ReadingRow).where(ReadingRow.study_id == study_id).order_by(ReadingRow.id)
        with self._database.read() as session:
            status = session.scalar(select(StudyRow.status).where(StudyRow.id == study_id))
            if status is None:
                raise NotFoundError(studies.NOT_THERE)
            return StudyStatus(status), tuple(map(rows.reading, session.scalars(query)))

    def any(self) -> bool:
        """Return whether any reading is signed."""
        with self._database.read() as session:
            return session.scalar(select(ReadingRow.id).limit(1)) is not None

    def without_account(self, reader: str) -> int:
        """Return how many readings were signed under a name by nobody who had signed in."""
        query = select(func.count()).where(ReadingRow.reader == reader, ReadingRow.account.is_(None))
        with self._database.read() as session:
            return session.scalar(query) or 0

    def signed(self, reader: str | None = None, text: str = "") -> list[SignedReading]:
        """Return signed readings, newest first.

        Parameters
        ----------
        reader
            Only those of this reader.
        text
            Words that the study mentions, in any order; see `WorklistFilter.text`.
        """
        query = (
            select(ReadingRow, StudyRow, AIResultRow)
            .join(StudyRow, StudyRow.id == ReadingRow.study_id)
            .outerjoin(
                AIResultRow,
                (AIResultRow.study_id == StudyRow.id)
                & (AIResultRow.model_sha256 == ReadingRow.model_sha256)
                # The oldest readings have no contents; their studies have one file each, which never changes.
                & (AIResultRow.contents == func.coalesce(ReadingRow.contents, AIResultRow.contents)),
            )
            .options(selectinload(StudyRow.series).selectinload(SeriesRow.instances), selectinload(StudyRow.readings))
            .where(*studies.mentions(text))
            .order_by(ReadingRow.id.desc())
        )
        if reader is not None:
            query = query.where(ReadingRow.reader == reader)
        with self._database.read() as session:
            return [
                rows.signed(reading, study, rows.result(result) if result else None)
                for reading, study, result in session.execute(query)
            ]


def check_shown(study: Study, shown: Shown) -> None:
    """Check that a study still is what its reader saw.

    Raises
    ------
    ConflictError
        If in between somebody signed, slices arrived, another AI result was filed, or the study was taken off the list.
    """
    if study.status in (StudyStatus.MERGED, StudyStatus.DISCARDED):
        raise ConflictError(TAKEN_OFF)
    now = study.shown
    if now.readings != shown.readings:
        raise ConflictError(SIGNED_MEANWHILE)
    if now.contents != shown.contents:
        raise ConflictError(SLICES_ARRIVED)
    if now.model != shown.model:
        raise ConflictError(SCORED_MEANWHILE)


def check(session: Session, study: StudyRow, reading: Reading, seen: int) -> None:
    """Check within a transaction that a reading still answers what its reader saw.

    Raises
    ------
    ConflictError
        If in between somebody signed, slices arrived, another AI result was filed, or the study was taken off the list.
    """
    count = session.scalar(select(func.count()).where(ReadingRow.study_id == study.id))
    if study.status in (StudyStatus.MERGED, StudyStatus.DISCARDED):
        raise ConflictError(TAKEN_OFF)
    if count != seen:
        raise ConflictError(SIGNED_MEANWHILE)
    if reading.contents is None:
        return
    if reading.contents != studies.contents(session, [study.id])[study.id]:
        raise ConflictError(SLICES_ARRIVED)
    result = studies.current(session, study.id, reading.contents)
    if reading.model_sha256 != (result.model_sha256 if result else None):
        raise ConflictError(SCORED_MEANWHILE)


def store(session: Session, study: StudyRow, reading: Reading, seen: int, now: datetime) -> None:
    """Store a checked reading within a transaction; it never changes afterwards."""
    row = rows.reading_row(study.id, seen + 1, reading)
    row.bound = bound.digest_of(session, row)
    session.add(row)
    session.flush()
    marks.freeze(session, row)
    query = select(ReadingRow).where(ReadingRow.study_id == study.id).order_by(ReadingRow.id)
    study.status = status_of([rows.reading(row) for row in session.scalars(query)])
    study.waiting = study.status != StudyStatus.READ
    released(session, study.id, reading.reader, now)
    detail = f"{reading.state}, {reading.role}: {reading.decision} {reading.finding}"
    session.add(audit.row(reading.reader, Event.SIGNED, study.id, detail, reading.signed_at, account=reading.account))
    if reading.signed_at < study.arrived_at:
        session.add(audit.row(reading.reader, Event.CLOCK, study.id, BEFORE_ARRIVAL, now, account=reading.account))
