"""The orders of the worklist in SQL: the reading order, what does not wait behind it, and the order of a column.

The database sorts the two lines of `triage.worklist`, and `triage.worklist.merged` makes the reading order of them; a
test compares the outcome with the pure functions. A list that is sorted by a column is sorted by the database alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from triage.domain import Band, ReadingState, StudyStatus
from triage.records.tables import ImageCountRow, ReadingRow, StudyRow
from triage.records.worklist_filters import for_another
from triage.records.worklist_views import Sort, WorklistFilter
from triage.worklist import WaitLimits, merged

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
    # A study whose series are all set aside has no row.
    Sort.IMAGES: func.coalesce(ImageCountRow.images, 0),
    Sort.ARRIVED: StudyRow.arrived_at.expression,
    Sort.STATUS: case({status: place for place, status in enumerate(StudyStatus)}, value=StudyRow.status),
}
Where = Sequence[ColumnElement[bool]]


def reading_order(
    session: Session,
    limits: WaitLimits,
    now: datetime,
    size: int | None = None,
    where: Where = (),
    *,
    also: str = "",
    reader: str = "",
) -> Iterator[tuple[str, bool]]:
    """Give the IDs of the first `size` waiting studies in the reading order, or all, as `merged` does.

    Of a filtered list too, every `SHARE`th place goes to the study of the list that waited longest: nothing starves
    either where readers work on such a list alone. `also` is a study that has its place although it waits no more.
    What waits for another reader than `reader` is left out.
    """
    waits = and_(StudyRow.waiting, ~for_another(reader)) if reader else StudyRow.waiting.is_(True)
    waits = or_(waits, StudyRow.id == also) if also else waits
    first = select(StudyRow.id).where(waits, *where).order_by(*_priority()).limit(size)
    turn = session.scalar(select(func.count()).where(ReadingRow.state != ReadingState.AMENDED)) or 0
    return merged(session.scalars(first), _second_line(session, limits, now, size, (waits, *where)), turn)


def then_the_latest(
    session: Session, limits: WaitLimits, now: datetime, where: Where, start: int, stop: int
) -> list[tuple[str, bool]]:
    """Return rows from `start` to `stop`: what waits, in the reading order; then what does not, the latest first."""
    found = list(islice(reading_order(session, limits, now, stop, where), start, stop))
    if missing := stop - start - len(found):
        waiting = count_of(session, [*where, StudyRow.waiting.is_(True)])
        others = select(StudyRow.id).where(*where, StudyRow.waiting.is_(False))
        latest = others.order_by(StudyRow.arrived_at.desc(), StudyRow.id)
        some = session.scalars(latest.offset(max(start - waiting, 0)).limit(missing))
        found += [(study_id, False) for study_id in some]
    return found


def by_column(session: Session, wanted: WorklistFilter, where: Where, start: int, stop: int) -> list[tuple[str, bool]]:
    """Return rows from `start` to `stop` in the order of a column; rows without a value come last, both ways.

    Of equal ones, those that wait come first, by priority, and then the latest arrivals: so the few STAT studies that
    wait do not stand somewhere among the thousands that were read. For a blind reader the arrival counts, not the
    priority, also where no column was chosen.
    """
    way: tuple[ColumnElement[Any], ...] = ()
    if wanted.sort is not None:
        column = SORTS[wanted.sort]
        way = (column.is_(None), column.desc() if wanted.descending else column.asc())
    latest = case((StudyRow.waiting.is_(False), StudyRow.arrived_at)).desc()
    equal = [StudyRow.arrived_at.asc(), StudyRow.id.asc()] if wanted.blind else _priority()
    order = (*way, StudyRow.waiting.desc(), latest, *equal)
    rows = select(StudyRow.id).where(*where)
    if wanted.sort is Sort.IMAGES:
        rows = rows.outerjoin(ImageCountRow, ImageCountRow.study_id == StudyRow.id)
    found = session.scalars(rows.order_by(*order).offset(start).limit(stop - start))
    return [(study_id, False) for study_id in found]


def count_of(session: Session, where: Where) -> int:
    """Return how many studies meet conditions."""
    return session.scalar(select(func.count()).select_from(StudyRow).where(*where)) or 0


def _priority() -> list[ColumnElement[Any]]:
    """Return the order of `triage.worklist.by_priority`."""
    return [
        case((StudyRow.prior_of.is_(None), 0), else_=1),
        StudyRow.band.asc(),
        func.coalesce(StudyRow.malignancy, 1.0).desc(),
        StudyRow.arrived_at.asc(),
        StudyRow.id.asc(),
    ]


def _second_line(session: Session, limits: WaitLimits, now: datetime, size: int | None, where: Where) -> Iterator[str]:
    """Give the IDs of what waited longer than the limit of its band, in the order of `triage.worklist.by_wait`."""
    lines = []
    for band in Band:
        if (limit := limits.of(band)) is not None:
            late = (StudyRow.band == band.order, StudyRow.arrived_at < now - limit, *where)
            query = select(StudyRow.arrived_at, StudyRow.id).where(*late).order_by(StudyRow.arrived_at, StudyRow.id)
            lines.append(_passed(session, query.limit(size), limit))
    return (study_id for _, study_id in merge(*lines))


def _passed(session: Session, query: Select[datetime, str], limit: timedelta) -> Iterator[tuple[datetime, str]]:
    """Give when studies passed a limit; one by one, since a page needs few of many thousands."""
    return ((arrived + limit, study_id) for arrived, study_id in session.execute(query))
