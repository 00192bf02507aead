"""The worklist as SQL: filter, order, page and count in the database, so that 100,000 studies answer at once.

The database sorts the two lines of `triage.worklist`, and `triage.worklist.merged` makes the reading order of them; a
test compares the outcome with the pure functions. A list that is sorted by a column is sorted by the database alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from triage.domain import Band, Finding, Ranking, ReadingState, StudyStatus
from triage.reading import OPENING, UNSETTLED
from triage.records import rows, studies
from triage.records.database import MAX_IN_VALUES, Read, in_batches
from triage.records.reranks import raised_since
from triage.records.tables import ClaimRow, DraftRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.worklist_rows import worklist_rows
from triage.records.worklist_views import (
    Counted,
    Onward,
    QueueSummary,
    Sort,
    Standing,
    WorklistFilter,
    WorklistPage,
    WorklistRow,
)
from triage.worklist import WaitLimits, merged, reason_of_place

#: Studies that `Queue.free` returns: more than readers come at one moment.
OFFERED = 50
#: Bins of the probability axis in `Queue.summary`.
BINS = 50
#: Images of a study, without those of series that are set aside.
IMAGES = (
    select(func.coalesce(func.sum(InstanceRow.frames), 0))
    .join(SeriesRow)
    .where(SeriesRow.study_id == StudyRow.id, SeriesRow.set_aside.is_(None))
    .correlate(StudyRow)
    .scalar_subquery()
)
#: What a click on the header of a column sorts by.
SORTS: dict[Sort, ColumnElement[Any]] = {
    Sort.BAND: StudyRow.band.expression,
    Sort.MALIGNANCY: StudyRow.malignancy.expression,
    Sort.PREDICTED: StudyRow.predicted.expression,
    Sort.PATIENT: func.nullif(StudyRow.folded_name, ""),
    Sort.MRN: StudyRow.mrn.expression,
    Sort.ACCESSION: StudyRow.accession_number.expression,
    Sort.STUDY: func.lower(StudyRow.name),
    Sort.DATE: StudyRow.study_date.expression,
    Sort.IMAGES: IMAGES,
    Sort.ARRIVED: StudyRow.arrived_at.expression,
    Sort.STATUS: StudyRow.status.expression,
}


@dataclass(frozen=True, slots=True)
class _GoingOn:
    """What a reader goes on with: the studies in order; what stands above, came meanwhile, and is STAT and free."""

    studies: list[str]
    above: set[str]
    fresh: set[str]
    stat_above: list[str]


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

        Unless it is sorted by a column, what waits comes first, in the reading order; then the latest arrivals.

        Parameters
        ----------
        wanted
            The filter, and the column to sort by.
        now
            Time by which waiting is counted.
        number
            Of the page, from 0.
        size
            Rows on a page.
        """
        with self.read() as session:
            where = _where(wanted, session)
            total = _count(session, where)
            number = min(number, max(total - 1, 0) // size)
            start, stop = number * size, (number + 1) * size
            if wanted.sort is not None:
                order = [(one, False) for one in _sorted(session, wanted, where, start, size)]
            else:
                later = wanted.everything or bool(wanted.statuses)
                order = self._ordered(session, where, now, start, stop, later=later)
            found = worklist_rows(session, select(StudyRow).where(StudyRow.id.in_([one for one, _ in order])), now)
            placed = (self._placed(found[study_id], shared=shared) for study_id, shared in order)
            return WorklistPage(tuple(placed), total, number)

    def first(self, now: datetime) -> str | None:
        """Return the ID of the study to read next, whoever may have it open."""
        with self.read() as session:
            return next((study_id for study_id, _ in self._order(session, now, 1)), None)

    def free(self, reader: str, now: datetime, *, left: Sequence[str] = (), since: datetime | None = None) -> list[str]:
        """Return the studies that a reader can read next, first the one to read next; nobody else has them open.

        Parameters
        ----------
        reader
            Who asks; a study that waits for a second reader is not for its first one.
        now
            Time by which waiting and claims are counted.
        left
            Studies that the reader left, the last one last. The list goes on below that one, then from its top; none of
            these is in it.
        since
            When the reader came to the last one: what was ranked after that may come first although it stands above.
        """
        return self._going_on(reader, now, left, since).studies

    def onward(self, reader: str, now: datetime, *, left: Sequence[str], since: datetime | None = None) -> Onward:
        """Return what `free` gives next to a reader who leaves a study, and which STAT studies stand above that one.

        Parameters
        ----------
        reader, now, left, since
            As of `free`; the last one left is the study that is open.
        """
        found = self._going_on(reader, now, left, since)
        if not found.studies and len(left) > 1:  # the reader has been through the list
            found = self._going_on(reader, now, left[-1:], since)
        following = next(iter(found.studies), None)
        with self.read() as session:
            query = select(StudyRow).where(StudyRow.id == following)
            row = worklist_rows(session, query, now).get(following) if following else None
        return Onward(
            following=row,
            fresh=following in found.fresh,
            from_top=following in found.above and following not in found.fresh,
            above=() if following in found.stat_above[:1] else tuple(found.stat_above),
        )

    def _going_on(self, reader: str, now: datetime, left: Sequence[str], since: datetime | None) -> _GoingOn:
        theirs = select(ClaimRow.study_id).where(ClaimRow.until > now, ClaimRow.reader != reader)
        signing = select(DraftRow.study_id).where(DraftRow.due_at.is_not(None), DraftRow.reader == reader)
        free = (
            StudyRow.waiting,
            StudyRow.id.not_in(theirs),
            StudyRow.id.not_in(signing),
            ~_for_another(reader),
        )
        last = left[-1] if left else ""
        after = since or now
        came = or_(StudyRow.ranked_at > after, raised_since(after))
        ranked = select(StudyRow.id, StudyRow.band, came).where(*free)
        with self.read() as session:
            found = {study_id: (band, bool(later)) for study_id, band, later in session.execute(ranked)}
            order = [study_id for study_id, _ in self._order(session, now, also=last, reader=reader)]
        here = order.index(last) if last in order else -1
        below, above = order[here + 1 :], order[: here + 1]
        first = {study_id for study_id in above if study_id in found and found[study_id][1] and left}
        onward = [*(one for one in above if one in first), *below, *(one for one in above if one not in first)]
        return _GoingOn(
            studies=list(islice((one for one in onward if one in found and one not in left), OFFERED)),
            above=set(above),
            fresh=first,
            stat_above=[one for one in above if one != last and one in found and found[one][0] == Band.STAT.order],
        )

    def standing(self, study_ids: Collection[str], now: datetime) -> dict[str, Standing]:
        """Return where studies stand now, by study ID; those that are not on the record are left out."""
        found: dict[str, Standing] = {}
        with self.read() as session:
            known = [
                row
                for batch in in_batches(list(study_ids))
                for row in worklist_rows(session, select(StudyRow).where(StudyRow.id.in_(batch)), now).values()
            ]
            waiting = {row.study_id for row in known if row.waiting}
            order = enumerate(self._order(session, now), 1) if waiting else ()
            places = {one: (place, shared) for place, (one, shared) in order if one in waiting}
        for row in known:
            place, shared = places.get(row.study_id, (None, False))
            found[row.study_id] = Standing(self._placed(row, shared=shared), place)
        return found

    def counts(self, text: str = "", reader: str = "") -> list[Counted]:
        """Count all studies that mention a text, by status, band and class; merged ones are left out.

        Those that wait for another reader than `reader` are counted apart.
        """
        kinds = (StudyRow.status, StudyRow.waiting, StudyRow.band, StudyRow.predicted)
        with self.read() as session:
            where = _where(WorklistFilter(text=text, everything=True), session)
            query = select(*kinds, func.count()).where(*where).group_by(*kinds)
            counts = _by_kind(session.execute(query).all())
            apart = _by_kind(session.execute(query.where(_for_another(reader))).all()) if reader else {}
        mine = {kind: count - apart.get(kind, 0) for kind, count in counts.items()}
        return [
            Counted(
                StudyStatus(status), waiting, rows.BANDS[band], Finding(found) if found else None, count, for_another
            )
            for for_another, some in ((False, mine), (True, apart))
            for (status, waiting, band, found), count in some.items()
            if count
        ]

    def summary(self) -> QueueSummary:
        """Count the waiting studies, by band and by P(glioma), in one pass over the queue."""
        # The floor, from functions that both databases have built in: SQLAlchemy's floor for SQLite is a slow Python
        # function that fails on NULL; a plain cast truncates in SQLite and rounds in PostgreSQL.
        position = cast(func.round(StudyRow.malignancy * BINS - 0.499999999), Integer)
        not_judged = case((StudyRow.status == StudyStatus.NOT_ANALYSABLE, 1), else_=0)
        query = (
            select(StudyRow.band, not_judged, position, func.count())
            .where(StudyRow.waiting)
            .group_by(StudyRow.band, not_judged, position)
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
            return list(worklist_rows(session, query, datetime.now(UTC)).values())

    def _ordered(
        self,
        session: Session,
        where: Sequence[ColumnElement[bool]],
        now: datetime,
        start: int,
        stop: int,
        *,
        later: bool,
    ) -> list[tuple[str, bool]]:
        """Return rows from `start` to `stop`: what waits, in the reading order; then, with `later`, what does not."""
        found = list(islice(self._order(session, now, stop, where), start, stop))
        missing = stop - start - len(found)
        if missing and later:
            waiting = _count(session, [*where, StudyRow.waiting.is_(True)])
            others = select(StudyRow.id).where(*where, StudyRow.waiting.is_(False))
            latest = others.order_by(StudyRow.arrived_at.desc(), StudyRow.id)
            some = session.scalars(latest.offset(max(start - waiting, 0)).limit(missing))
            found += [(study_id, False) for study_id in some]
        return found

    def _order(
        self,
        session: Session,
        now: datetime,
        size: int | None = None,
        where: Sequence[ColumnElement[bool]] = (),
        *,
        also: str = "",
        reader: str = "",
    ) -> Iterator[tuple[str, bool]]:
        """Give the IDs of the first `size` waiting studies in the reading order, or all, as `merged` does.

        Of a filtered list too, every `SHARE`th place goes to the study of the list that waited longest: nothing starves
        either where readers work on such a list alone. `also` is a study that has its place although it waits no more.
        What waits for another reader than `reader` is left out.
        """
        waits = and_(StudyRow.waiting, ~_for_another(reader)) if reader else StudyRow.waiting.is_(True)
        waits = or_(waits, StudyRow.id == also) if also else waits
        first = select(StudyRow.id).where(waits, *where).order_by(*_priority()).limit(size)
        turn = session.scalar(select(func.count()).where(ReadingRow.state != ReadingState.AMENDED)) or 0
        return merged(session.scalars(first).all(), self._second_line(session, now, size, (waits, *where)), turn)

    def _second_line(
        self, session: Session, now: datetime, size: int | None, where: Sequence[ColumnElement[bool]]
    ) -> Iterator[str]:
        """Give the IDs of what waited longer than the limit of its band, in the order of `triage.worklist.by_wait`."""
        lines = []
        for band in Band:
            if (limit := self.limits.of(band)) is not None:
                late = (StudyRow.band == band.order, StudyRow.arrived_at < now - limit, *where)
                query = select(StudyRow.arrived_at, StudyRow.id).where(*late).order_by(StudyRow.arrived_at, StudyRow.id)
                lines.append([(arrived + limit, study_id) for arrived, study_id in session.execute(query.limit(size))])
        return (study_id for _, study_id in merge(*lines))

    def _placed(self, row: WorklistRow, *, shared: bool) -> WorklistRow:
        """Return the row with the reason for its place."""
        return replace(row, reason=reason_of_place(Ranking(row.band, row.reason), self.limits, shared=shared))


def _priority() -> list[ColumnElement[Any]]:
    """Return the order of `triage.worklist.by_priority`."""
    return [
        case((StudyRow.prior_of.is_(None), 0), else_=1),
        StudyRow.band.asc(),
        func.coalesce(StudyRow.malignancy, 1.0).desc(),
        StudyRow.arrived_at.asc(),
        StudyRow.id.asc(),
    ]


def _by_kind(found: Sequence[Any]) -> dict[tuple[str, bool, int, str | None], int]:
    return {(status, waits, band, predicted): count for status, waits, band, predicted, count in found}


def _for_another(reader: str) -> ColumnElement[bool]:
    """Whether a reader has signed a study that waits for another one, as `triage.reading.opinions` has it."""
    opened = (
        select(func.coalesce(func.max(ReadingRow.version), 0))
        .where(ReadingRow.study_id == StudyRow.id, ReadingRow.role.in_(OPENING))
        .correlate(StudyRow)
        .scalar_subquery()
    )
    theirs = (ReadingRow.study_id == StudyRow.id, ReadingRow.reader == reader, ReadingRow.version >= opened)
    return and_(StudyRow.status.in_(UNSETTLED), select(ReadingRow.id).where(*theirs).correlate(StudyRow).exists())


def _where(wanted: WorklistFilter, session: Session) -> list[ColumnElement[bool]]:
    conditions = _mentioning(wanted.text, session)
    if wanted.everything:
        conditions.append(StudyRow.status != StudyStatus.MERGED)
    elif wanted.statuses:
        conditions.append(StudyRow.status.in_(wanted.statuses))
    elif not wanted.for_another:
        conditions.append(StudyRow.waiting.is_(True))
    if wanted.for_another:
        conditions.append(_for_another(wanted.reader))
    elif wanted.reader and not wanted.everything:
        conditions.append(~_for_another(wanted.reader))
    if wanted.bands:
        conditions.append(StudyRow.band.in_([band.order for band in wanted.bands]))
    if wanted.findings:
        conditions.append(StudyRow.predicted.in_(wanted.findings))
    return conditions


def _mentioning(text: str, session: Session) -> list[ColumnElement[bool]]:
    """Return the conditions of a text; if few studies meet them, by their IDs, so that texts are searched only once."""
    conditions = studies.mentions(text)
    if conditions:
        few = session.scalars(select(StudyRow.id).where(*conditions).limit(MAX_IN_VALUES + 1)).all()
        if len(few) <= MAX_IN_VALUES:
            return [StudyRow.id.in_(few)]
    return conditions


def _count(session: Session, where: list[ColumnElement[bool]]) -> int:
    return session.scalar(select(func.count()).select_from(StudyRow).where(*where)) or 0


def _sorted(
    session: Session, wanted: WorklistFilter, where: list[ColumnElement[bool]], start: int, size: int
) -> list[str]:
    """Return IDs in the order of a column; rows without a value come last, whichever the direction."""
    assert wanted.sort is not None
    column = SORTS[wanted.sort]
    order = (column.is_(None), column.desc() if wanted.descending else column.asc(), StudyRow.id)
    return list(session.scalars(select(StudyRow.id).where(*where).order_by(*order).offset(start).limit(size)))
