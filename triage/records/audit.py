"""One row for everything that happened to a study, written in the transaction that did it."""

from __future__ import annotations

from datetime import UTC, datetime

from triage.records.tables import AuditRow


def row(actor: str, event: str, study_id: str | None, detail: str, at: datetime | None = None) -> AuditRow:
    """Return the audit row to add to the transaction of the event itself.

    Parameters
    ----------
    actor
        Reader, "ai", the door that a file came through, or the DICOMweb peer.
    event
        One word: received, refused, ranked, not analysable, opened, signed,
        searched, retrieved.
    study_id
        The study, where there is one.
    detail
        Safe to show; never a patient's identity.
    at
        Time of the event; now if left out.
    """
    return AuditRow(at=at or datetime.now(UTC), actor=actor, event=event, study_id=study_id, detail=detail)
