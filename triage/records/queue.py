"""The worklist as SQL: filter, order, page and count in the database, so that 100,000 studies answer at once.

The order is that of `triage.worklist.sort_key`, expression by expression; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, null, or_, select
from sqlalchemy.orm import Session

from triage.domain import Band, Finding, Ranking, StudyStatus
from triage.reading import UNSETTLED
from triage.records import rows, studies
from triage.records.database import Read, in_batches
from triage.records.tables import ClaimRow, DraftRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import QueueSummary, Standing, WorklistFilter, WorklistPage, WorklistRow
from triage.worklist import WaitLimits, reason_of_place

#: Orders of the bands, as the database stores them.
STAT = Band.STAT.order
URGENT = Band.URGENT.order
ROUTINE = Band.ROUTINE.order
#: Studies that `Queue.free` returns: more than readers come at one moment.
OFFERED = 50
#: Said before the reason for the rank of a prior.
PRIOR = "Prior of a newer study of this patient"
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
            found = _rows(session, select(StudyRow).where(StudyRow.id.in_(order)), now)
            return WorklistPage(tuple(self._placed(*found[study_id], now) for study_id in order), total, number)

    def first(self, now: datetime) -> str | None:
        """Return the ID of the study to read next, whoever may have it open."""
        query = select(StudyRow.id).where(StudyRow.waiting).order_by(*self._order(now)).limit(1)
        with self.read() as session:
            return session.scalar(query)

    def free(self, reader: str, now: datetime, *, left: Sequence[str] = (), since: datetime | None = None) -> list[str]:
        """Return the studies that a reader can read next, first the one to read next; nobody else has them open.

        Parameters
        ----------
        reader
            Who asks; a study that waits for a second reader is not for its first one.
        now
            Time by which ageing and claims are counted.
        left
            Studies that the reader left, the last one last. The list goes on below that one, then from its top; none of
            these is in it.
        since
            When the reader came to the last one: what was ranked after that may come first although it stands above.
        """
        mine = select(ReadingRow.id).where(ReadingRow.study_id == StudyRow.id, ReadingRow.reader == reader)
        theirs = select(ClaimRow.study_id).where(ClaimRow.until > now, ClaimRow.reader != reader)
        signing = select(DraftRow.study_id).where(DraftRow.due_at.is_not(None), DraftRow.reader == reader)
        free = (
            StudyRow.waiting,
            StudyRow.id.not_in(theirs),
            StudyRow.id.not_in(signing),
            or_(StudyRow.status.not_in(UNSETTLED), ~mine.exists()),
        )
        query = select(StudyRow.id).where(*free)
        if left:
            place = func.row_number().over(order_by=self._order(now, left[-1])).label("place")
            places = select(StudyRow.id, place).where(or_(StudyRow.waiting, StudyRow.id == left[-1])).subquery()
            here = select(places.c.place).where(places.c.id == left[-1]).scalar_subquery()
            onward = or_(places.c.place > func.coalesce(here, 0), StudyRow.ranked_at > (since or now))
            query = query.join(places, places.c.id == StudyRow.id).order_by(case((onward, 0), else_=1), places.c.place)
        else:
            query = query.order_by(*self._order(now))
        with self.read() as session:
            found = session.scalars(query.limit(OFFERED + len(left)))
            return [study_id for study_id in found if study_id not in left][:OFFERED]

    def standing(self, study_ids: Collection[str], now: datetime) -> dict[str, Standing]:
        """Return where studies stand now, by study ID; those that are not on the record are left out."""
        place = func.row_number().over(order_by=self._order(now)).label("place")
        places = select(StudyRow.id, place).where(StudyRow.waiting).subquery()
        found: dict[str, Standing] = {}
        with self.read() as session:
            for batch in in_batches(list(study_ids)):
                known = session.execute(select(places).where(places.c.id.in_(batch)))
                place_of: dict[str, int] = dict(known.all())
                for study, row in _rows(session, select(StudyRow).where(StudyRow.id.in_(batch)), now).values():
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
            return [row for _, row in _rows(session, query, datetime.now(UTC)).values()]

    def _where(self, wanted: WorklistFilter, now: datetime) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [
            StudyRow.status.in_(wanted.statuses) if wanted.statuses else StudyRow.waiting.is_(True)
        ]
        if wanted.bands:
            conditions.append(self._level(now).in_([band.order for band in wanted.bands]))
        if wanted.findings:
            conditions.append(StudyRow.predicted.in_(wanted.findings))
        return conditions + studies.mentions(wanted.text)

    def _level(self, now: datetime, also: str = "") -> ColumnElement[int]:
        """Return the band that a study is in now; `also` is one that ages although it waits no more."""
        urgent, routine = now - self.limits.urgent, now - self.limits.routine
        both = now - self.limits.urgent - self.limits.routine
        waits = or_(StudyRow.waiting, StudyRow.id == also) if also else StudyRow.waiting
        is_routine = and_(waits, StudyRow.band == ROUTINE)
        is_urgent = and_(waits, StudyRow.band == URGENT)
        return case(
            (and_(is_routine, StudyRow.arrived_at < both), STAT),
            (and_(is_routine, StudyRow.arrived_at < routine), URGENT),
            (and_(is_urgent, StudyRow.arrived_at < urgent), STAT),
            else_=StudyRow.band,
        )

    def _order(self, now: datetime, also: str = "") -> list[ColumnElement[Any]]:
        level = self._level(now, also)
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


def _rows(session: Session, query: Select[StudyRow], now: datetime) -> dict[str, tuple[StudyRow, WorklistRow]]:
    """Return the studies of a query by ID, in its order, each as a row of the worklist; four queries however many."""
    found_studies = list(session.scalars(query))
    ids = [study.id for study in found_studies]
    doubts = studies.in_doubt(session, ids)
    open_now = select(ClaimRow.study_id, ClaimRow.reader).where(ClaimRow.study_id.in_(ids), ClaimRow.until > now)
    holders: dict[str, str] = dict(session.execute(open_now).all())
    counted = func.coalesce(func.sum(case((SeriesRow.set_aside.is_(None), InstanceRow.frames), else_=0)), 0)
    images = (
        select(SeriesRow.study_id, func.max(SeriesRow.modality), counted)
        .join(InstanceRow)
        .where(SeriesRow.study_id.in_(ids))
        .group_by(SeriesRow.study_id)
    )
    found = {study_id: (modality, slices) for study_id, modality, slices in session.execute(images)}
    return {
        study.id: (
            study,
            replace(
                _as_ranked(study, *found.get(study.id, (None, 0))),
                doubt=doubts.get(study.id, ""),
                claimed_by=holders.get(study.id, ""),
            ),
        )
        for study in found_studies
    }


def _as_ranked(row: StudyRow, modality: str | None, slices: int) -> WorklistRow:
    return WorklistRow(
        study_id=row.id,
        name=row.name,
        status=StudyStatus(row.status),
        band=rows.BANDS[row.band],
        malignancy=row.malignancy,
        predicted=Finding(row.predicted) if row.predicted else None,
        arrived_at=row.arrived_at,
        reason=f"{PRIOR}. {row.reason}" if row.prior_of else row.reason,
        is_prior=row.prior_of is not None,
        patient_name=row.patient_name or "",
        mrn=row.mrn or "",
        accession_number=row.accession_number or "",
        modality=modality or "",
        slices=slices,
    )
