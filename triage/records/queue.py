"""The worklist as SQL: filter, order, page and count in the database, so that 100,000 studies answer at once.

The order is that of `triage.worklist.sort_key`, expression by expression; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, null, select
from sqlalchemy.orm import Session

from triage.domain import Band, Finding, Ranking, StudyStatus
from triage.records import rows, studies
from triage.records.database import Read, in_batches
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import QueueSummary, Standing, WorklistFilter, WorklistPage, WorklistRow
from triage.worklist import WaitLimits, reason_of_place

#: Orders of the bands, as the database stores them.
STAT = Band.STAT.order
URGENT = Band.URGENT.order
ROUTINE = Band.ROUTINE.order
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

    read: Read
    limits: WaitLimits

    def page(self, wanted: WorklistFilter, now: datetime, *, number: int = 0, size: int = 50) -> WorklistPage:
        """Return one page of the worklist in its order; the last page if the worklist has fewer pages.

        Parameters
        ----------
        wanted
            The filter.
        now
            Time by which ageing is counted.
        number
            Of the page, from 0.
        size
            Rows on a page.
        """
        where = self._where(wanted, now)
        with self.read() as session:
            total = session.scalar(select(func.count()).select_from(StudyRow).where(*where)) or 0
            number = min(number, max(total - 1, 0) // size)
            # Sorted from the index alone; whole rows are read for one page only.
            ids = select(StudyRow.id).where(*where).order_by(*self._order(now)).offset(number * size).limit(size)
            order = list(session.scalars(ids))
            found = _rows(session, select(StudyRow).where(StudyRow.id.in_(order)))
            return WorklistPage(tuple(self._placed(*found[study_id], now) for study_id in order), total, number)

    def first(self, now: datetime, *, but: str | None = None) -> str | None:
        """Return the ID of the study to read next, other than `but`."""
        query = select(StudyRow.id).where(StudyRow.waiting).order_by(*self._order(now)).limit(1)
        if but is not None:
            query = query.where(StudyRow.id != but)
        with self.read() as session:
            return session.scalar(query)

    def standing(self, study_ids: Collection[str], now: datetime) -> dict[str, Standing]:
        """Return where studies stand now, by study ID; those that are not on the record are left out."""
        place = func.row_number().over(order_by=self._order(now)).label("place")
        places = select(StudyRow.id, place).where(StudyRow.waiting).subquery()
        found: dict[str, Standing] = {}
        with self.read() as session:
            for batch in in_batches(list(study_ids)):
                known = session.execute(select(places).where(places.c.id.in_(batch)))
                place_of: dict[str, int] = dict(known.all())
                for study, row in _rows(session, select(StudyRow).where(StudyRow.id.in_(batch))).values():
                    found[study.id] = Standing(self._placed(study, row, now), place_of.get(study.id))
        return found

    def summary(self, now: datetime) -> QueueSummary:
        """Count the waiting studies, by band (ageing included) and by P(glioma), in one pass over the queue."""
        level = self._level(now)
        # The floor, from functions that both databases have built in: SQLAlchemy's floor for SQLite is a slow Python
        # function that fails on NULL; a plain cast truncates in SQLite and rounds in PostgreSQL.
        position = cast(func.round(StudyRow.malignancy * BINS - 0.499999999), Integer)
        not_judged = case((StudyRow.status == StudyStatus.NOT_ANALYSABLE, 1), else_=0)
        query = (
            select(level, not_judged, position, func.count())
            .where(StudyRow.waiting)
            .group_by(level, not_judged, position)
        )
        counts = dict.fromkeys(Band, 0)
        histogram = {band: [0] * BINS for band in Band}
        not_analysable = 0
        with self.read() as session:
            for order, is_not_judged, found, count in session.execute(query):
                counts[rows.BANDS[order]] += count
                not_analysable += is_not_judged * count
                if found is not None:
                    histogram[rows.BANDS[order]][min(found, BINS - 1)] += count
        return QueueSummary(counts, not_analysable, histogram)

    def recent(self, size: int) -> list[WorklistRow]:
        """Return the latest arrivals of any status, newest first."""
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
        return conditions + studies.mentions(wanted.text)

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

    def _placed(self, study: StudyRow, row: WorklistRow, now: datetime) -> WorklistRow:
        """Return the row with the band that the study is in now, ageing included."""
        if not study.waiting:
            return row
        band, reason = reason_of_place(Ranking(row.band, row.reason), study.arrived_at, now, self.limits)
        return replace(row, band=band, reason=reason)


def _rows(session: Session, query: Select[StudyRow]) -> dict[str, tuple[StudyRow, WorklistRow]]:
    """Return the studies of a query by ID, in its order, each as a row of the worklist; three queries however many."""
    found_studies = list(session.scalars(query))
    ids = [study.id for study in found_studies]
    doubts = studies.in_doubt(session, ids)
    counted = func.coalesce(func.sum(case((SeriesRow.set_aside.is_(None), InstanceRow.frames), else_=0)), 0)
    images = (
        select(SeriesRow.study_id, func.max(SeriesRow.modality), counted)
        .join(InstanceRow)
        .where(SeriesRow.study_id.in_(ids))
        .group_by(SeriesRow.study_id)
    )
    found = {study_id: (modality, slices) for study_id, modality, slices in session.execute(images)}
    return {
        study.id: (study, _in_doubt(_as_ranked(study, *found.get(study.id, (None, 0))), doubts))
        for study in found_studies
    }


def _in_doubt(row: WorklistRow, doubts: Mapping[str, str]) -> WorklistRow:
    """Return the row with the reason why its identity is in doubt, if it is."""
    return replace(row, doubt=doubts.get(row.study_id, ""))


def _as_ranked(row: StudyRow, modality: str | None, slices: int) -> WorklistRow:
    return WorklistRow(
        study_id=row.id,
        name=row.name,
        status=StudyStatus(row.status),
        band=rows.BANDS[row.band],
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
