"""Marks of readers: drafts, and those that were signed with a reading.

Tested in tests/records/test_marks.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0009"
down_revision = "0008"

#: As a reading, what was marked for it is a statement: the database itself refuses to change or delete it.
MESSAGE = "mark is append-only"


def upgrade() -> None:
    op.create_table(
        "mark_draft",
        sa.Column("study_id", sa.String(length=32), sa.ForeignKey("study.id"), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", "reader"),
    )
    op.create_table(
        "mark",
        sa.Column("reading_id", sa.Integer(), sa.ForeignKey("reading.id"), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("reading_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER mark_no_{verb} BEFORE {verb} ON mark BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION mark_append_only() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER mark_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mark "
            "FOR EACH STATEMENT EXECUTE FUNCTION mark_append_only()"
        )


def downgrade() -> None:
    op.drop_table("mark")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION mark_append_only")
    op.drop_table("mark_draft")
