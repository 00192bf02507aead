"""What a reader goes on with: down the list from the study that is left, without what others have open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from triage.domain import Band
from triage.records.database import in_batches
from triage.records.reranks import raised_since
from triage.records.tables import ClaimRow, DraftRow, StudyRow
from triage.records.worklist_filters import for_another
from triage.records.worklist_order import reading_order
from triage.worklist import WaitLimits

#: Studies that a reader is offered: more than readers come at one moment.
OFFERED = 50
#: How much of the list is looked at, from its top: more only where the reader is further down, or little is free.
DEPTHS = (500, 5000, None)


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What a reader goes on with: the studies in order; what stands above, came meanwhile, and is STAT and free."""

    studies: list[str]
    above: set[str]
    fresh: set[str]
    stat_above: list[str]


def going_on(
    session: Session, limits: WaitLimits, reader: str, now: datetime, left: Sequence[str], since: datetime | None
) -> GoingOn:
    """Return what a reader goes on with; parameters as of `Queue.free`."""
    for depth in DEPTHS:
        order = reading_order(session, limits, now, depth, also=left[-1] if left else "", reader=reader)
        top = [study_id for study_id, _ in islice(order, depth)]
        whole = depth is None or len(top) < depth
        if whole or not left or left[-1] in top:
            found, enough = _within(session, top, reader, now, left, since)
            if whole or enough:
                break
    return found


def _within(
    session: Session, order: Sequence[str], reader: str, now: datetime, left: Sequence[str], since: datetime | None
) -> tuple[GoingOn, bool]:
    """Return what a reader goes on with in the top of the list, and whether more of the list would change nothing."""
    last = left[-1] if left else ""
    free = _free(session, order, reader, now, since or now)
    here = order.index(last) if last in order else -1
    below, above = order[here + 1 :], order[: here + 1]
    fresh = {one for one in above if one in free and free[one][1]} if left else set()
    onward = [one for one in (*(one for one in above if one in fresh), *below) if one in free and one not in left]
    again = [one for one in above if one in free and one not in fresh and one not in left]
    found = GoingOn(
        studies=[*onward, *again][:OFFERED],
        above=set(above),
        fresh=fresh,
        stat_above=[one for one in above if one != last and one in free and free[one][0] == Band.STAT.order],
    )
    return found, len(onward) >= OFFERED


def _free(
    session: Session, study_ids: Sequence[str], reader: str, now: datetime, after: datetime
) -> dict[str, tuple[int, bool]]:
    """Return the band of each study that the reader can read now, and whether it was ranked after a time."""
    theirs = select(ClaimRow.study_id).where(ClaimRow.until > now, ClaimRow.reader != reader)
    signing = select(DraftRow.study_id).where(DraftRow.due_at.is_not(None), DraftRow.reader == reader)
    conditions = (StudyRow.id.not_in(theirs), StudyRow.id.not_in(signing), ~for_another(reader))
    came = or_(StudyRow.ranked_at > after, raised_since(after))
    query = select(StudyRow.id, StudyRow.band, came, StudyRow.waiting).where(*conditions)
    return {
        study_id: (band, bool(later))
        for batch in in_batches(study_ids)
        for study_id, band, later, waits in session.execute(query.where(StudyRow.id.in_(batch)))
        if waits  # not a condition: SQLite would then go through all that wait, for every batch
    }
