"""Studies that hold images which came under another patient, and were merged by a person on the page Conflicts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from triage.domain import StudyStatus
from triage.records.database import in_batches
from triage.records.tables import StudyRow
from triage.text import one_line, readable_name


def merged(session: Session, study_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return what is said of the studies that were merged with one of another patient, by study ID.

    A merge leaves the patient who does not count any more with the emptied study, whichever of the two came first.
    """
    emptied = aliased(StudyRow)
    found: dict[str, list[str]] = {}
    for batch in in_batches(study_ids):
        query = (
            select(StudyRow, emptied)
            .join(emptied, emptied.conflict_with == StudyRow.id)
            .where(StudyRow.id.in_(batch), emptied.status == StudyStatus.MERGED)
            .order_by(emptied.arrived_at, emptied.id)
        )
        for row, other in session.execute(query):
            if said := _said(row, other):
                found.setdefault(row.id, []).append(said)
    return {study_id: tuple(dict.fromkeys(said)) for study_id, said in found.items()}


def _said(row: StudyRow, other: StudyRow) -> str:
    mrn, patient = one_line(other.mrn or ""), readable_name(other.patient_name or "")
    if mrn and other.mrn != row.mrn:
        return f"Merged with images that came under MRN {mrn}"
    if patient and other.folded_name != row.folded_name:
        return f"Merged with images that came under the name {patient}"
    return ""
