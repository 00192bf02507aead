"""Which studies have a signed reading, and which of them belong to one patient."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from triage.domain import ReadingState, StudyStatus
from triage.records.database import Read
from triage.records.tables import ReadingRow, StudyRow


@dataclass(frozen=True, slots=True)
class SignedStudy:
    """A study with at least one signed reading.

    Attributes
    ----------
    study_id
        The study.
    patient
        ID of the earliest study in the record with the same MRN. It groups the studies of one patient without naming
        the patient. A study without an MRN is a patient of its own.
    """

    study_id: str
    patient: str


def signed_studies(read: Read, reader: str | None = None) -> list[SignedStudy]:
    """Return the signed studies in order of arrival.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    reader
        Only studies with a reading of this reader.
    """
    signed = select(ReadingRow.study_id)
    if reader is not None:
        signed = signed.where(ReadingRow.reader == reader)
    arrival = (StudyRow.arrived_at, StudyRow.id)
    studies = select(StudyRow.id, StudyRow.mrn).where(StudyRow.id.in_(signed)).order_by(*arrival)
    mrns = select(StudyRow.mrn).where(StudyRow.id.in_(signed), StudyRow.mrn != "")
    same_patient = select(StudyRow.mrn, StudyRow.id).where(StudyRow.mrn.in_(mrns)).order_by(*arrival)
    with read() as session:
        earliest: dict[str | None, str] = {}
        for mrn, study_id in session.execute(same_patient):
            earliest.setdefault(mrn, study_id)
        return [SignedStudy(study_id, earliest.get(mrn, study_id)) for study_id, mrn in session.execute(studies)]


def concluded(read: Read) -> list[tuple[str, str]]:
    """Return the patient, as `SignedStudy` names them, and the last signed class of every settled study.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    """
    patients = {one.study_id: one.patient for one in signed_studies(read)}
    last = (
        select(ReadingRow.study_id, func.max(ReadingRow.version).label("version"))
        .group_by(ReadingRow.study_id)
        .subquery()
    )
    query = (
        select(ReadingRow.study_id, ReadingRow.finding)
        .join(last, (ReadingRow.study_id == last.c.study_id) & (ReadingRow.version == last.c.version))
        .join(StudyRow, StudyRow.id == ReadingRow.study_id)
        .where(StudyRow.status == StudyStatus.READ, ReadingRow.state != ReadingState.PRELIMINARY)
    )
    with read() as session:
        found = session.execute(query).all()
    return [(patients.get(study_id, study_id), called) for study_id, called in found]
