"""Identity of studies, series and instances as DICOM has it; AI results by contents and slice.

Tested in tests/records/test_database.py.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STUDY = {
    "study_uid": sa.String(length=64),
    "patient_name": sa.Text(),
    "description": sa.Text(),
    "study_date": sa.Date(),
    "sex": sa.Text(),
    "age": sa.Text(),
}
SERIES = {
    "uid": sa.String(length=64),
    "modality": sa.String(length=16),
    "plane": sa.String(length=8),
    "scanner": sa.Text(),
    "spacing": sa.JSON(),
    "set_aside": sa.Text(),
}
INSTANCE = {
    "sop_instance_uid": sa.String(length=64),
    "sop_class_uid": sa.String(length=64),
    "transfer_syntax": sa.String(length=64),
}
#: Columns that had a length which files do not keep to; SQLite never held them to it.
LONGER = {"study": ("mrn", "accession_number"), "series": ("description",)}


def upgrade() -> None:
    for table, columns in (("study", STUDY), ("series", SERIES), ("instance", INSTANCE)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.add_column("instance", sa.Column("frames", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("reading", sa.Column("contents", sa.String(length=64), nullable=True))
    op.create_index("study_uid_once", "study", ["study_uid"], unique=True)
    op.create_index("instance_uid_once", "instance", ["sop_instance_uid"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        for table, names in LONGER.items():
            for name in names:
                op.alter_column(table, name, type_=sa.Text())
    op.add_column("ai_result", sa.Column("slices", sa.JSON(), nullable=True))
    op.add_column("ai_result", sa.Column("contents", sa.String(length=64), nullable=True))
    _fill_contents(op.get_bind())
    with op.batch_alter_table("ai_result") as table:
        table.alter_column("contents", existing_type=sa.String(length=64), nullable=False)
        table.drop_constraint("ai_result_once", type_="unique")
        table.create_unique_constraint("ai_result_once", ["study_id", "model_sha256", "contents"])


def downgrade() -> None:
    op.execute("DELETE FROM ai_result WHERE id NOT IN (SELECT max(id) FROM ai_result GROUP BY study_id, model_sha256)")
    with op.batch_alter_table("ai_result") as table:
        table.drop_constraint("ai_result_once", type_="unique")
        table.create_unique_constraint("ai_result_once", ["study_id", "model_sha256"])
        table.drop_column("contents")
        table.drop_column("slices")
    op.drop_index("instance_uid_once", "instance")
    op.drop_index("study_uid_once", "study")
    op.drop_column("reading", "contents")
    for table, columns in (("instance", {**INSTANCE, "frames": None}), ("series", SERIES), ("study", STUDY)):
        for name in columns:
            op.drop_column(table, name)


def _fill_contents(connection: sa.Connection) -> None:
    """Key the results that are there by the files of their studies, as `triage.records.views.contents_of` does."""
    files = connection.execute(
        sa.text(
            "SELECT series.study_id, instance.sha256 FROM instance JOIN series ON series.id = instance.series_id "
            "WHERE series.study_id IN (SELECT study_id FROM ai_result)"
        )
    )
    digests: dict[str, list[str]] = {}
    for study_id, sha256 in files:
        digests.setdefault(study_id, []).append(sha256)
    rows = [
        {"study": study_id, "contents": hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()}
        for study_id, found in digests.items()
    ]
    if rows:
        connection.execute(sa.text("UPDATE ai_result SET contents = :contents WHERE study_id = :study"), rows)
