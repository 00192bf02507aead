"""Earlier and later studies of the patient of a study, by MRN and who issued it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.domain import StudyStatus
from triage.records.tables import StudyRow

#: Most of them that are offered, those nearest in time first.
MAX_OTHERS = 20
#: Studies that are not to be read.
GONE = (StudyStatus.MERGED.value, StudyStatus.DISCARDED.value)


@dataclass(frozen=True, slots=True)
class Other:
    """Another study of the same patient."""

    study_id: str
    study_date: date | None
    description: str


def others(session: Session, study_id: str) -> tuple[Other, ...]:
    """Return the other studies of the patient, the newest first; none for a study without an MRN.

    A study that somebody else issued the same MRN for is of another patient; one whose identity is in doubt is left
    out until a person has decided.
    """
    row = session.get(StudyRow, study_id)
    if row is None or not row.mrn:
        return ()
    query = (
        select(StudyRow.id, StudyRow.study_date, StudyRow.description)
        .where(
            StudyRow.id != study_id,
            StudyRow.mrn == row.mrn,
            func.coalesce(StudyRow.issuer, "") == (row.issuer or ""),
            StudyRow.status.not_in(GONE),
            StudyRow.conflict.is_(None),
        )
        .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.arrived_at.desc())
        .limit(MAX_OTHERS)
    )
    return tuple(Other(found, day, description or "") for found, day, description in session.execute(query))
