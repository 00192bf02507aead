"""What studies are called where an ID would tell a person nothing. Tested in tests/records/test_queue.py."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from triage.records.database import Read, in_batches
from triage.records.tables import StudyRow
from triage.text import one_line, readable_name


def calling(patient: str | None, accession: str | None, name: str) -> str:
    """Return what to call a study on one line: patient, accession number and name, as far as it has them."""
    return " · ".join(filter(None, (readable_name(patient or ""), one_line(accession or ""), one_line(name))))


def called(read: Read, study_ids: Collection[str]) -> dict[str, str]:
    """Return what to call each study, by its ID, as `calling` does.

    Parameters
    ----------
    read
        Makes reading sessions.
    study_ids
        IDs of studies; those that are not on the record are left out.
    """
    columns = select(StudyRow.id, StudyRow.patient_name, StudyRow.accession_number, StudyRow.name)
    with read() as session:
        found = [
            row
            for batch in in_batches(sorted(set(study_ids)))
            for row in session.execute(columns.where(StudyRow.id.in_(batch)))
        ]
    return {study_id: calling(patient, number, name) for study_id, patient, number, name in found}
