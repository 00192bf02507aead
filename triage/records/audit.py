"""The audit trail: one row for each event, written in the transaction of the event if it has one."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select

from triage.records.database import Database
from triage.records.tables import AuditRow, StudyRow


class Event(StrEnum):
    """Everything that is audited; the values are stored, so they never change."""

    RECEIVED = "received"
    REFUSED = "refused"
    CONFLICT = "conflict"
    RESOLVED = "conflict resolved"
    REOPENED = "conflict reopened"
    RANKED = "ranked"
    NOT_ANALYSABLE = "not analysable"
    OPENED = "opened"
    CLAIMED = "claimed"
    TAKEN_OVER = "taken over"
    COMMITTED = "committed blind"
    SIGNED = "signed"
    TAKEN_BACK = "signature taken back"
    SEARCHED = "searched"
    RETRIEVED = "retrieved"
    REIDENTIFIED = "re-identified"


def row(actor: str, event: Event, study_id: str | None, detail: str, at: datetime | None = None) -> AuditRow:
    """Return the audit row to add to the transaction of the event itself.

    Parameters
    ----------
    actor
        Reader, "ai", the interface that a file came through, or the DICOMweb peer.
    event
        What happened.
    study_id
        The study, or None.
    detail
        Safe to show; never a patient's identity.
    at
        Time of the event; now if left out.
    """
    return AuditRow(at=at or datetime.now(UTC), actor=actor, event=event, study_id=study_id, detail=detail)


class AuditTrail:
    """Events that change nothing else in the record: each is a transaction of its own.

    Parameters
    ----------
    database
        Holds the trail. Every method raises `StorageError` if it does not take the row.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def refused(self, detail: str, *, actor: str) -> None:
        """Note a file that was not taken in."""
        self._add(actor, Event.REFUSED, detail)

    def requested(self, event: Event, study_uid: str, detail: str, *, actor: str) -> None:
        """Note what a peer asked for; an empty study UID means no single study."""
        self._add(actor, event, detail, study_uid)

    def received_from_others(self, actor: str) -> bool:
        """Return whether anybody else than this actor ever handed over a file that was taken in."""
        others = select(AuditRow.id).where(AuditRow.event == Event.RECEIVED, AuditRow.actor != actor).limit(1)
        with self._database.read() as session:
            return session.scalar(others) is not None

    def _add(self, actor: str, event: Event, detail: str, study_uid: str = "") -> None:
        with self._database.write() as session:
            study_id = session.scalar(select(StudyRow.id).where(StudyRow.study_uid == study_uid)) if study_uid else None
            session.add(row(actor, event, study_id, detail))
