"""Everything that is written to the record, and studies read whole. Each function is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, selectinload, sessionmaker

from triage.domain import (
    AIResult,
    Band,
    Reading,
    StudyStatus,
)
from triage.errors import ConflictError, NotFoundError, StorageError
from triage.records import audit, rows
from triage.records.arrivals import contents, present, take_in
from triage.records.database import migrate, open_engine, writing
from triage.records.tables import AIResultRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import Arrival, SignedReading, Study, Taken
from triage.worklist import at_least


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

    def add_files(self, name: str, arrivals: Sequence[Arrival], *, actor: str, site_band: Band = Band.ROUTINE) -> Taken:
        """Add files of one study, which is made if it is not there yet; they are on disk already.

        A study that was judged or read goes back to the queue: it has pictures that nobody has seen.

        Parameters
        ----------
        name
            What the study is called, if it is new.
        arrivals
            Files with one Study Instance UID, or one file that has none.
        actor
            Who handed them over.
        site_band
            Priority that the referrer asked for.
        """
        for last in (False, True):
            try:
                with self.write() as session:
                    now = datetime.now(UTC)
                    return take_in(session, name, arrivals, actor=actor, site_band=site_band, now=now)
            except IntegrityError as error:
                # Another door committed the same file or study between the look and the commit: look again.
                if last:
                    raise StorageError("Not stored: these files keep arriving from elsewhere. Repeat it.") from error
        raise AssertionError("unreachable")

    def refuse(self, detail: str, *, actor: str) -> None:
        """Keep an audit row of a file that was not taken in."""
        with self.write() as session:
            session.add(audit.row(actor, "refused", None, detail))

    def note_conflict(self, detail: str, *, actor: str) -> None:
        """Keep an audit row of a file that contradicts what is on the record."""
        with self.write() as session:
            session.add(audit.row(actor, "conflict", None, detail))

    def note_request(self, event: str, study_uid: str, detail: str, *, actor: str) -> None:
        """Keep an audit row of what a peer asked for; an empty study UID stands for no study in particular."""
        with self.write() as session:
            study_id = session.scalar(select(StudyRow.id).where(StudyRow.study_uid == study_uid)) if study_uid else None
            session.add(audit.row(actor, event, study_id, detail))

    def studies_of(self, digests: Sequence[str]) -> dict[str, str]:
        """Return the ID of the study that holds each file, by its sha256; files that no study holds are left out."""
        with self.read() as session:
            return present(session, InstanceRow.sha256, SeriesRow.study_id, digests)

    def digests_of(self, sop_instance_uids: Sequence[str]) -> dict[str, str]:
        """Return the sha256 of the file with each SOP Instance UID; those that are not known are left out."""
        with self.read() as session:
            return present(session, InstanceRow.sop_instance_uid, InstanceRow.sha256, sop_instance_uids)

    def file_result(self, study_id: str, result: AIResult) -> None:
        """File an AI result and rank the study by it; filing the same result again changes nothing.

        A result for contents that the study no longer has is kept, but ranks nothing.
        """
        now = datetime.now(UTC)
        with self.write() as session:
            row = self._row(session, study_id)
            known = session.scalar(
                select(AIResultRow.id).where(
                    AIResultRow.study_id == study_id,
                    AIResultRow.model_sha256 == result.model_sha256,
                    AIResultRow.contents == result.contents,
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
                    contents=result.contents,
                    slices=rows.kept(result.slices),
                    prediction_set=[finding.value for finding in result.prediction_set],
                )
            )
            if result.contents != contents(session, study_id)[study_id]:
                return
            ranking = at_least(result.ranking, rows.BANDS[row.site_band])
            row.band, row.reason = ranking.band.order, ranking.reason
            row.malignancy = result.malignancy
            row.predicted = result.predicted
            row.ranked_at = now
            if row.waiting:
                row.status = StudyStatus.RANKED
            session.add(audit.row("ai", "ranked", study_id, f"{ranking.band}: {ranking.reason}", now))

    def file_not_analysable(self, study_id: str, reason: str, *, judged: str | None = None) -> None:
        """Keep the study in its band with the reason why the AI cannot judge it.

        Parameters
        ----------
        study_id
            The study.
        reason
            Safe to show.
        judged
            Digest of the contents that were looked at; where the study has others by now, nothing changes. None:
            whatever it has.
        """
        now = datetime.now(UTC)
        with self.write() as session:
            row = self._row(session, study_id)
            if row.status != StudyStatus.RECEIVED:
                return
            if judged is not None and judged != contents(session, study_id)[study_id]:
                return
            row.status, row.reason, row.ranked_at = StudyStatus.NOT_ANALYSABLE, reason, now
            row.malignancy = row.predicted = None
            session.add(audit.row("ai", "not analysable", study_id, reason, now))

    def contents(self, study_ids: Sequence[str]) -> dict[str, str]:
        """Return the digest of the files that each of the studies has now, in their order."""
        with self.read() as session:
            return contents(session, *study_ids)

    def unfinished(self, among: Collection[str] | None = None) -> list[str]:
        """Studies that were received but neither ranked nor found not analysable, oldest first.

        Parameters
        ----------
        among
            Look only at these study IDs.
        """
        query = (
            select(StudyRow.id)
            .where(StudyRow.waiting, StudyRow.status == StudyStatus.RECEIVED)
            .order_by(StudyRow.arrived_at)
        )
        if among is not None:
            query = query.where(StudyRow.id.in_(among))
        with self.read() as session:
            return list(session.scalars(query))

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
                site_band=rows.BANDS[row.site_band],
                arrived_at=row.arrived_at,
                opened_at=row.opened_at,
                header=rows.header(row),
                series=tuple(rows.series(item) for item in row.series),
                results=tuple(rows.result(item) for item in row.results),
                readings=tuple(rows.reading(item) for item in row.readings),
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
            If somebody signed, or slices arrived, in between.
        """
        conflict = "Somebody else signed this study while it was open here. Look at their reading, then amend it."
        try:
            with self.write() as session:
                row = self._row(session, study_id)
                count = session.scalar(select(func.count()).where(ReadingRow.study_id == study_id))
                if count != seen:
                    raise ConflictError(conflict)
                if reading.contents is not None and reading.contents != contents(session, study_id)[study_id]:
                    raise ConflictError("Slices arrived while this study was open here. Look at them, then sign.")
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
                        contents=reading.contents,
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
            select(ReadingRow, StudyRow, AIResultRow)
            .join(StudyRow, StudyRow.id == ReadingRow.study_id)
            .outerjoin(
                AIResultRow,
                (AIResultRow.study_id == StudyRow.id)
                & (AIResultRow.model_sha256 == ReadingRow.model_sha256)
                # Readings of before contents were kept belong to studies of one file, and these never change.
                & (AIResultRow.contents == func.coalesce(ReadingRow.contents, AIResultRow.contents)),
            )
            .options(selectinload(StudyRow.series).selectinload(SeriesRow.instances))
            .order_by(ReadingRow.id.desc())
        )
        if reader is not None:
            query = query.where(ReadingRow.reader == reader)
        with self.read() as session:
            return [
                rows.signed(reading, study, rows.result(result) if result else None)
                for reading, study, result in session.execute(query)
            ]

    @staticmethod
    def _row(session: Session, study_id: str) -> StudyRow:
        # Writers of one study take turns; SQLite lets only one write anyway.
        row = session.get(StudyRow, study_id, with_for_update=True)
        if row is None:
            raise NotFoundError("This study is not in the record.")
        return row
