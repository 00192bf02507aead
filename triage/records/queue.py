"""The worklist as SQL: filter, order, page and count in the database, so that 100,000 studies answer at once.

The order is that of `triage.worklist.sort_key`, expression by expression; a test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import Session, sessionmaker

from triage.domain import Band, Finding, Ranking, StudyStatus
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import QueueSummary, WorklistFilter, WorklistPage, WorklistRow
from triage.worklist import WaitLimits, reason_of_place

BANDS = tuple(Band)
STAT, URGENT, ROUTINE = (band.order for band in Band)
#: What the reader's words are looked for in.
SEARCHED = (StudyRow.name, StudyRow.patient_name, StudyRow.mrn, StudyRow.accession_number)
#: Bins of the probability axis in `Queue.summary`.
BINS = 50


@dataclass(frozen=True, slots=True)
class Queue:
    """The worklist of one record.

    Attributes
    ----------
    read
        Makes reading sessions.
    limits
        How long a study may wait in its band.
    """

    read: sessionmaker[Session]
    limits: WaitLimits

    def page(self, wanted: WorklistFilter, now: datetime, *, number: int = 0, size: int = 50) -> WorklistPage:
        """Return one page of the worklist in its order, and the number of rows on all pages."""
        where = self._where(wanted, now)
        # Sorted from the index alone; whole rows are read for one page only.
        ids = select(StudyRow.id).where(*where).order_by(*self._order(now)).offset(number * size).limit(size)
        with self.read() as session:
            total = session.scalar(select(func.count()).select_from(StudyRow).where(*where)) or 0
            order = list(session.scalars(ids))
            rows = _rows(session, select(StudyRow).where(StudyRow.id.in_(order)))
            return WorklistPage(tuple(self._placed(*rows[study_id], now) for study_id in order), total)

    def first(self, now: datetime, *, but: str | None = None) -> str | None:
        """Return the ID of the study to be read next, other than `but`."""
        query = select(StudyRow.id).where(StudyRow.waiting).order_by(*self._order(now)).limit(1)
        if but is not None:
            query = query.where(StudyRow.id != but)
        with self.read() as session:
            return session.scalar(query)

    def summary(self, now: datetime) -> QueueSummary:
        """Count what waits, by band (ageing included) and by P(glioma), in one pass over the queue."""
        level = self._level(now)
        # The floor, by what both databases have built in: SQLAlchemy's floor for SQLite is a Python function, slow and
        # without an answer for NULL; a plain cast cuts in SQLite and rounds in PostgreSQL.
        position = cast(func.round(StudyRow.malignancy * BINS - 0.499999999), Integer)
        unjudged = case((StudyRow.status == StudyStatus.NOT_ANALYSABLE, 1), else_=0)
        query = (
            select(level, unjudged, position, func.count()).where(StudyRow.waiting).group_by(level, unjudged, position)
        )
        counts = dict.fromkeys(Band, 0)
        histogram = {band: [0] * BINS for band in Band}
        not_analysable = 0
        with self.read() as session:
            for order, is_unjudged, found, count in session.execute(query):
                counts[BANDS[order]] += count
                not_analysable += is_unjudged * count
                if found is not None:
                    histogram[BANDS[order]][min(found, BINS - 1)] += count
        return QueueSummary(counts, not_analysable, histogram)

    def recent(self, size: int) -> list[WorklistRow]:
        """Return the latest arrivals, newest first, whatever their status."""
        query = select(StudyRow).order_by(StudyRow.arrived_at.desc(), StudyRow.id).limit(size)
        with self.read() as session:
            return [row for _, row in _rows(session, query).values()]

    def _where(self, wanted: WorklistFilter, now: datetime) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [
            StudyRow.status.in_(wanted.statuses) if wanted.statuses else StudyRow.waiting.is_(True)
        ]
        if wanted.bands:
            conditions.append(self._level(now).in_([band.order for band in wanted.bands]))
        if wanted.findings:
            conditions.append(StudyRow.predicted.in_(wanted.findings))
        if wanted.text:
            conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in SEARCHED)))
        return conditions

    def _level(self, now: datetime) -> ColumnElement[int]:
        urgent, routine = now - self.limits.urgent, now - self.limits.routine
        both = now - self.limits.urgent - self.limits.routine
        is_routine = and_(StudyRow.waiting, StudyRow.band == ROUTINE)
        is_urgent = and_(StudyRow.waiting, StudyRow.band == URGENT)
        return case(
            (and_(is_routine, StudyRow.arrived_at < both), STAT),
            (and_(is_routine, StudyRow.arrived_at < routine), URGENT),
            (and_(is_urgent, StudyRow.arrived_at < urgent), STAT),
            else_=StudyRow.band,
        )

    def _order(self, now: datetime) -> list[ColumnElement[Any]]:
        level = self._level(now)
        overdue = level != StudyRow.band
        return [
            level,
            case((overdue, 0), else_=1),
            case((overdue, StudyRow.arrived_at), else_=null()),
            func.coalesce(StudyRow.malignancy, 1.0).desc(),
            StudyRow.arrived_at.asc(),
            StudyRow.id.asc(),
        ]

    def _placed(self, row: StudyRow, plain: WorklistRow, now: datetime) -> WorklistRow:
        if not row.waiting:
            return plain
        band, reason = reason_of_place(Ranking(plain.band, plain.reason), row.arrived_at, now, self.limits)
        return replace(plain, band=band, reason=reason)


def _rows(session: Session, query: Select[StudyRow]) -> dict[str, tuple[StudyRow, WorklistRow]]:
    """Return the studies of a query by ID, in its order, each as a row of the worklist; two queries however many."""
    rows = list(session.scalars(query))
    counted = func.coalesce(func.sum(case((SeriesRow.set_aside.is_(None), InstanceRow.frames), else_=0)), 0)
    images = (
        select(SeriesRow.study_id, func.max(SeriesRow.modality), counted)
        .join(InstanceRow)
        .where(SeriesRow.study_id.in_([row.id for row in rows]))
        .group_by(SeriesRow.study_id)
    )
    found = {study_id: (modality, slices) for study_id, modality, slices in session.execute(images)}
    return {row.id: (row, _plain(row, *found.get(row.id, (None, 0)))) for row in rows}


def _plain(row: StudyRow, modality: str | None, slices: int) -> WorklistRow:
    return WorklistRow(
        study_id=row.id,
        name=row.name,
        status=StudyStatus(row.status),
        band=BANDS[row.band],
        malignancy=row.malignancy,
        predicted=Finding(row.predicted) if row.predicted else None,
        arrived_at=row.arrived_at,
        reason=row.reason,
        patient_name=row.patient_name or "",
        mrn=row.mrn or "",
        accession_number=row.accession_number or "",
        modality=modality or "",
        slices=slices,
    )
