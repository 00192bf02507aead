"""What a reader goes on with: down the list from the study that is left, without what others have open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from triage.domain import Band
from triage.records.reranks import raised_since
from triage.records.tables import ClaimRow, DraftRow, StudyRow
from triage.records.worklist_filters import for_another
from triage.records.worklist_order import reading_order
from triage.worklist import WaitLimits

#: Studies that a reader is offered: more than readers come at one moment.
OFFERED = 50


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
    theirs = select(ClaimRow.study_id).where(ClaimRow.until > now, ClaimRow.reader != reader)
    signing = select(DraftRow.study_id).where(DraftRow.due_at.is_not(None), DraftRow.reader == reader)
    free = (
        StudyRow.waiting,
        StudyRow.id.not_in(theirs),
        StudyRow.id.not_in(signing),
        ~for_another(reader),
    )
    last = left[-1] if left else ""
    after = since or now
    came = or_(StudyRow.ranked_at > after, raised_since(after))
    ranked = select(StudyRow.id, StudyRow.band, came).where(*free)
    found = {study_id: (band, bool(later)) for study_id, band, later in session.execute(ranked)}
    order = [study_id for study_id, _ in reading_order(session, limits, now, also=last, reader=reader)]
    here = order.index(last) if last in order else -1
    below, above = order[here + 1 :], order[: here + 1]
    first = {study_id for study_id in above if study_id in found and found[study_id][1] and left}
    onward = [*(one for one in above if one in first), *below, *(one for one in above if one not in first)]
    return GoingOn(
        studies=list(islice((one for one in onward if one in found and one not in left), OFFERED)),
        above=set(above),
        fresh=first,
        stat_above=[one for one in above if one != last and one in found and found[one][0] == Band.STAT.order],
    )
