"""Studies that hold images which came under another patient, and were merged by a person on the page Conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.domain import StudyStatus
from triage.records import rows
from triage.records.database import in_batches
from triage.records.identity import agree
from triage.records.tables import StudyRow
from triage.text import one_line, readable_name


def merged(session: Session, study_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return what is said of the studies that were merged with one of another patient, by study ID.

    A merge leaves the patient who does not count any more with the emptied study, whichever of the two came first; that
    one may have been merged with a third before.
    """
    found: dict[str, list[str]] = {}
    kept = {study_id: study_id for study_id in study_ids}
    while kept:
        emptied = _emptied(session, list(kept))
        for other in emptied:
            row = session.get_one(StudyRow, kept[str(other.conflict_with)])
            if said := _said(row, other):
                found.setdefault(row.id, []).append(said)
        kept = {other.id: kept[str(other.conflict_with)] for other in emptied}
    return {study_id: tuple(dict.fromkeys(said)) for study_id, said in found.items()}


def _emptied(session: Session, study_ids: Sequence[str]) -> list[StudyRow]:
    """Return the studies that were emptied into these."""
    found: list[StudyRow] = []
    for batch in in_batches(study_ids):
        wanted = (StudyRow.conflict_with.in_(batch), StudyRow.status == StudyStatus.MERGED)
        found += session.scalars(select(StudyRow).where(*wanted).order_by(StudyRow.arrived_at, StudyRow.id))
    return found


def _said(row: StudyRow, other: StudyRow) -> str:
    mrn, patient = one_line(other.mrn or ""), readable_name(other.patient_name or "")
    if mrn and other.mrn != row.mrn:
        return f"Merged with images that came under MRN {mrn}"
    if patient and other.folded_name != row.folded_name:
        return f"Merged with images that came under the name {patient}"
    if agree(rows.header(row), rows.header(other)):
        return ""
    if not mrn and not patient:
        return "Merged with images that came without a patient"
    return "Merged with images that came with another issuer, birth date or sex"
