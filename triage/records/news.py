"""What changed on the worklist, read from the audit trail: cheap to ask for often, and it names no patient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from triage.domain import StudyStatus
from triage.records import rows
from triage.records.audit import Event
from triage.records.database import Read
from triage.records.tables import AuditRow, StudyRow

#: What an event of the trail is about; others change nothing on the worklist.
KINDS = {
    Event.RECEIVED: "study",
    Event.RANKED: "study",
    Event.RERANKED: "study",
    Event.NOT_ANALYSABLE: "study",
    Event.CONFLICT: "study",
    Event.RESOLVED: "study",
    Event.REOPENED: "study",
    Event.OPENED: "claim",
    Event.CLAIMED: "claim",
    Event.TAKEN_OVER: "claim",
    Event.RELEASED: "claim",
    Event.EXPIRED: "claim",
    Event.COMMITTED: "reading",
    Event.TAKEN_BACK: "reading",
    Event.SIGNED: "reading",
}
#: Most events of one answer; whoever was away for longer loads the page anyway.
MAX_EVENTS = 500


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One event, with the state of its study now.

    Attributes
    ----------
    number
        Of the row of the audit trail.
    kind
        "study", "claim" or "reading".
    """

    number: int
    kind: str
    event: Event
    at: datetime
    study_id: str
    band: str
    prior: bool
    status: StudyStatus
    waiting: bool


@dataclass(frozen=True, slots=True)
class News:
    """News of one record.

    Attributes
    ----------
    read
        Makes reading sessions.
    """

    read: Read

    def latest(self) -> int:
        """Return the number of the latest row of the trail, 0 if there is none."""
        with self.read() as session:
            return session.scalar(select(func.max(AuditRow.id))) or 0

    def since(self, number: int) -> list[NewsItem]:
        """Return what happened after a row of the trail, in its order."""
        query = (
            select(AuditRow, StudyRow)
            .join(StudyRow, StudyRow.id == AuditRow.study_id)
            .where(AuditRow.id > number, AuditRow.event.in_(KINDS))
            .order_by(AuditRow.id)
            .limit(MAX_EVENTS)
        )
        with self.read() as session:
            return [
                NewsItem(
                    number=row.id,
                    kind=KINDS[Event(row.event)],
                    event=Event(row.event),
                    at=row.at,
                    study_id=study.id,
                    band=rows.BANDS[study.band],
                    prior=study.prior_of is not None,
                    status=StudyStatus(study.status),
                    waiting=study.waiting,
                )
                for row, study in session.execute(query)
            ]
