"""The audit trail: one row for each event, written in the transaction of the event if it has one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select

from triage.records import origin
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
    VIEWED = "viewed"
    LOADED_AHEAD = "loaded ahead"
    CLAIMED = "claimed"
    TAKEN_OVER = "taken over"
    RELEASED = "claim released"
    EXPIRED = "claim expired"
    COMMITTED = "committed blind"
    SIGNED = "signed"
    TAKEN_BACK = "signature taken back"
    SEARCHED = "searched"
    RETRIEVED = "retrieved"
    REIDENTIFIED = "re-identified"
    MENDED = "mended"
    MODEL = "model accepted"
    RETRAINED = "model retrained"
    PROMOTED = "model promoted"
    ROLLED_BACK = "model rolled back"
    SHADOW = "shadow changed"
    OVERRIDE = "override of a judgement"
    RERANKED = "ranked anew"
    SETTINGS = "settings changed"
    SEALED = "record sealed"
    VERIFIED = "record verified"
    DAMAGED = "record damaged"
    TRAIL_SEEN = "audit trail seen"
    CLOCK = "clock set back"
    SIGNED_IN = "signed in"
    SIGN_IN_FAILED = "sign-in failed"
    SIGNED_OUT = "signed out"
    DENIED = "not allowed"
    ACCOUNT = "account changed"
    PASSWORD = "password changed"  # noqa: S105 - the name of an event
    TOKEN = "token changed"  # noqa: S105 - the name of an event
    EXPORTED = "exported"
    SENT = "sent to the PACS"


def row(
    actor: str,
    event: Event,
    study_id: str | None,
    detail: str,
    at: datetime | None = None,
    *,
    account: str | None = None,
    address: str | None = None,
) -> AuditRow:
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
    account, address
        ID of the account that the actor signed in with, and where from; those of the origin if left out, see
        `triage.records.origin`, unless somebody else is the actor. None if nobody signed in, or from the console.
    """
    here = origin.current()
    if here.actor == actor:
        account, address = account or here.account or None, address or here.address or None
    return AuditRow(
        at=at or datetime.now(UTC),
        actor=actor,
        event=event,
        study_id=study_id,
        detail=detail,
        account=account,
        address=address,
    )


#: Reasons of one hand-over for which refused files get rows of their own.
MAX_REASONS = 5


class AuditTrail:
    """Events that change nothing else in the record: each is a transaction of its own.

    Parameters
    ----------
    database
        Holds the trail. Every method raises `StorageError` if it does not take the row.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def refused(self, details: Counter[str], *, actor: str) -> None:
        """Note the files of one hand-over that were not taken in: a row for each reason, with the number of files.

        A sender of many must not fill the trail, so reasons beyond `MAX_REASONS` share a row.
        """
        noted = details.most_common(MAX_REASONS)
        if others := details.total() - sum(count for _, count in noted):
            noted.append(("others", others))
        with self._database.write() as session:
            for detail, count in noted:
                said = detail if count == 1 else f"{detail} (files: {count:,})"
                session.add(row(actor, Event.REFUSED, None, said))

    def did(
        self,
        event: Event,
        detail: str,
        *,
        actor: str,
        study_id: str | None = None,
        account: str | None = None,
        address: str | None = None,
    ) -> None:
        """Note what a person did; see `row` for the parameters."""
        with self._database.write() as session:
            session.add(row(actor, event, study_id, detail, account=account, address=address))

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
