"""Everything that is written to the record, and studies read whole. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, selectinload, sessionmaker

from triage.domain import (
    AIResult,
    Band,
    Decision,
    Finding,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    StudyStatus,
)
from triage.errors import ConflictError, NotFoundError, StorageError
from triage.records import audit
from triage.records.database import migrate, open_engine, writing
from triage.records.tables import AIResultRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import Instance, SignedReading, Study

BANDS = tuple(Band)


class Store:
    """The record behind one database address.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL; the schema is brought up to date.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_engine(url)
        migrate(self.engine)
        self.read = sessionmaker(self.engine)
        self._write = sessionmaker(writing(self.engine))

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose transaction is on disk when the block ends without an error.

        Raises
        ------
        StorageError
            If the database is full, locked for too long or away; nothing of the block is kept.
        """
        try:
            with self._write.begin() as session:
                yield session
        except OperationalError as error:
            raise StorageError(
                f"Not stored: {error.orig}. Free disk space or restore the database, then repeat."
            ) from error

    def add_study(self, name: str, instances: Sequence[Instance], *, actor: str, site_band: Band = Band.ROUTINE) -> str:
        """Add a study of one series whose files are on disk, and return its ID.

        Raises
        ------
        ConflictError
            If one of the files is already part of a study.
        """
        now = datetime.now(UTC)
        study_id = uuid4().hex
        study = StudyRow(
            id=study_id,
            name=name,
            site_band=site_band.order,
            arrived_at=now,
            status=StudyStatus.RECEIVED,
            waiting=True,
            band=site_band.order,
            reason="Received; not scored yet",
        )
        series = SeriesRow(number=1, description="")
        series.instances = [
            InstanceRow(number=number, sha256=item.sha256, name=item.name, kind=item.kind, size=item.size)
            for number, item in enumerate(instances, start=1)
        ]
        study.series = [series]
        try:
            with self.write() as session:
                session.add(study)
                session.add(audit.row(actor, "received", study_id, f"{len(instances)} file(s)", now))
        except IntegrityError as error:
            raise ConflictError("One of these files is already here, as part of another study.") from error
        return study_id

    def refuse(self, detail: str, *, actor: str) -> None:
        """Keep an audit row of a file that was not taken in."""
        with self.write() as session:
            session.add(audit.row(actor, "refused", None, detail))

    def study_of(self, sha256: str) -> str | None:
        """Return the ID of the study that holds a file with these bytes."""
        with self.read() as session:
            return session.scalar(select(SeriesRow.study_id).join(InstanceRow).where(InstanceRow.sha256 == sha256))

    def file_result(self, study_id: str, result: AIResult) -> None:
        """File an AI result and rank the study by it; filing the same result again changes nothing."""
        now = datetime.now(UTC)
        with self.write() as session:
            row = self._row(session, study_id)
            known = session.scalar(
                select(AIResultRow.id).where(
                    AIResultRow.study_id == study_id, AIResultRow.model_sha256 == result.model_sha256
                )
            )
            if known is not None:
                return
            session.add(
                AIResultRow(
                    study_id=study_id,
                    model=result.model,
                    model_sha256=result.model_sha256,
                    probabilities={finding.value: value for finding, value in result.probabilities.items()},
                    band=result.ranking.band.order,
                    reason=result.ranking.reason,
                    filed_at=now,
                )
            )
            row.band = result.ranking.band.order
            row.reason = result.ranking.reason
            row.malignancy = result.malignancy
            row.predicted = result.predicted
            row.ranked_at = now
            if row.waiting:
                row.status = StudyStatus.RANKED
            session.add(audit.row("ai", "ranked", study_id, f"{result.ranking.band}: {result.ranking.reason}", now))

    def file_not_analysable(self, study_id: str, reason: str) -> None:
        """Keep the study in its arrival band with the reason why the AI cannot judge it."""
        now = datetime.now(UTC)
        with self.write() as session:
            row = self._row(session, study_id)
            if row.status != StudyStatus.RECEIVED:
                return
            row.status, row.reason, row.ranked_at = StudyStatus.NOT_ANALYSABLE, reason, now
            session.add(audit.row("ai", "not analysable", study_id, reason, now))

    def unfinished(self) -> list[str]:
        """Studies that were received but neither ranked nor found not analysable, oldest first."""
        with self.read() as session:
            return list(
                session.scalars(
                    select(StudyRow.id)
                    .where(StudyRow.waiting, StudyRow.status == StudyStatus.RECEIVED)
                    .order_by(StudyRow.arrived_at)
                )
            )

    def study(self, study_id: str) -> Study:
        """Return a study with its files, AI results and readings.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        with self.read() as session:
            options = (
                selectinload(StudyRow.series).selectinload(SeriesRow.instances),
                selectinload(StudyRow.results),
                selectinload(StudyRow.readings),
            )
            row = session.get(StudyRow, study_id, options=options)
            if row is None:
                raise NotFoundError("This study is not in the record. Go back to the worklist and open it from there.")
            return Study(
                study_id=row.id,
                name=row.name,
                status=StudyStatus(row.status),
                reason=row.reason,
                site_band=BANDS[row.site_band],
                arrived_at=row.arrived_at,
                opened_at=row.opened_at,
                instances=tuple(_instance(item) for series in row.series for item in series.instances),
                results=tuple(_result(item) for item in row.results),
                readings=tuple(_reading(item) for item in row.readings),
            )

    def note_opened(self, study_id: str, *, reader: str) -> None:
        """Note the first time that a reader opened the study; it ends the wait (ranked -> opened)."""
        now = datetime.now(UTC)
        with self.write() as session:
            row = self._row(session, study_id)
            if row.opened_at is None:
                row.opened_at = now
                session.add(audit.row(reader, "opened", study_id, "", now))

    def sign(self, study_id: str, reading: Reading, *, seen: int) -> None:
        """Keep a reading for good and take the study off the waiting list.

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
            If somebody signed in between.
        """
        conflict = "Somebody else signed this study while it was open here. Look at their reading, then amend it."
        try:
            with self.write() as session:
                row = self._row(session, study_id)
                count = session.scalar(select(func.count()).where(ReadingRow.study_id == study_id))
                if count != seen:
                    raise ConflictError(conflict)
                session.add(
                    ReadingRow(
                        study_id=study_id,
                        version=seen + 1,
                        reader=reading.reader,
                        decision=reading.decision,
                        finding=reading.finding,
                        reason=reading.reason,
                        comment=reading.comment,
                        state=reading.state,
                        signed_at=reading.signed_at,
                        model_sha256=reading.model_sha256,
                    )
                )
                row.waiting, row.status = False, StudyStatus.READ
                detail = f"{reading.state}: {reading.decision} {reading.finding}"
                session.add(audit.row(reading.reader, "signed", study_id, detail, reading.signed_at))
        except IntegrityError as error:
            raise ConflictError(conflict) from error

    def signed_readings(self, reader: str | None = None) -> list[SignedReading]:
        """Return signed readings, newest first: those of one reader, or of all."""
        query = (
            select(ReadingRow, StudyRow.name, InstanceRow, AIResultRow)
            .join(StudyRow, StudyRow.id == ReadingRow.study_id)
            .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
            .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
            .outerjoin(
                AIResultRow,
                (AIResultRow.study_id == StudyRow.id) & (AIResultRow.model_sha256 == ReadingRow.model_sha256),
            )
            .order_by(ReadingRow.id.desc(), InstanceRow.number)
        )
        if reader is not None:
            query = query.where(ReadingRow.reader == reader)
        with self.read() as session:
            return [
                SignedReading(
                    study_id=reading.study_id,
                    name=name,
                    instance=_instance(instance),
                    predicted=_result(result).predicted if result else None,
                    reading=_reading(reading),
                )
                for reading, name, instance, result in session.execute(query)
            ]

    @staticmethod
    def _row(session: Session, study_id: str) -> StudyRow:
        # Writers of one study take turns; SQLite lets only one write anyway.
        row = session.get(StudyRow, study_id, with_for_update=True)
        if row is None:
            raise NotFoundError("This study is not in the record.")
        return row


def _instance(row: InstanceRow) -> Instance:
    return Instance(sha256=row.sha256, name=row.name, kind=row.kind, size=row.size)


def _result(row: AIResultRow) -> AIResult:
    probabilities = {finding: float(row.probabilities[finding]) for finding in Finding}
    return AIResult(
        model=row.model,
        model_sha256=row.model_sha256,
        probabilities=probabilities,
        ranking=Ranking(BANDS[row.band], row.reason),
    )


def _reading(row: ReadingRow) -> Reading:
    return Reading(
        reader=row.reader,
        decision=Decision(row.decision),
        finding=Finding(row.finding),
        reason=ReasonCode(row.reason) if row.reason else None,
        comment=row.comment,
        state=ReadingState(row.state),
        signed_at=row.signed_at,
        model_sha256=row.model_sha256,
    )
