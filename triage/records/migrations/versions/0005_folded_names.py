"""Names as DICOM writes them, and the folded text that searches compare.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.database import MAX_IN_VALUES
from triage.records.folding import folded, folded_name, folded_study

revision = "0005"
down_revision = "0004"

COLUMNS = ("folded_name", "folded_description", "folded_text")
STUDY = sa.table("study", *(sa.column(name) for name in ("id", "name", "patient_name", "mrn", "accession_number")))
DESCRIPTION = sa.column("description")
SET = sa.text(
    "UPDATE study SET patient_name = :patient, folded_name = :folded_name, folded_description = :folded_description, "
    "folded_text = :folded_text WHERE id = :id"
)


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("study", sa.Column(name, sa.Text(), nullable=True))
    connection = op.get_bind()
    for rows in _studies(connection):
        connection.execute(SET, [_filled(*row) for row in rows])
    op.create_index("study_name_search", "study", ["folded_name", "id"])


def downgrade() -> None:
    connection = op.get_bind()
    for rows in _studies(connection):
        names = [{"id": row.id, "patient": _as_before(row.patient_name)} for row in rows]
        connection.execute(sa.text("UPDATE study SET patient_name = :patient WHERE id = :id"), names)
    op.drop_index("study_name_search", "study")
    for name in COLUMNS:
        op.drop_column("study", name)


def _studies(connection):
    """Give all studies, some at a time."""
    after = ""
    query = sa.select(*STUDY.c, DESCRIPTION).order_by(STUDY.c.id).limit(MAX_IN_VALUES)
    while rows := connection.execute(query.where(STUDY.c.id > after)).all():
        yield rows
        after = rows[-1].id


def _filled(study, name, patient, mrn, accession, description):
    # Names were kept as "family, given"; DICOMweb made a caret of the comma.
    if patient and "^" not in patient:
        patient = patient.replace(", ", "^", 1)
    return {
        "id": study,
        "patient": patient,
        "folded_name": folded_name(patient or ""),
        "folded_description": folded(description or ""),
        "folded_text": folded_study(name, patient, mrn, accession),
    }


def _as_before(patient):
    return patient and ", ".join(part for part in patient.split("=")[0].split("^")[:2] if part)
