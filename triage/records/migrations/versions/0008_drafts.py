"""Drafts, claims, priors, and what a reading says beside its class.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0008"
down_revision = "0007"

READING = {
    "role": sa.String(length=16),
    "lesion": sa.Text(),
    "confidence": sa.String(length=16),
    "blind": sa.String(length=16),
}


def upgrade() -> None:
    for name, kind in READING.items():
        op.add_column("reading", sa.Column(name, kind, nullable=True))
    op.add_column("study", sa.Column("prior_of", sa.String(length=32), nullable=True))
    op.create_index("study_patient", "study", ["mrn", "study_date"])
    op.create_table(
        "draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("entries", sa.JSON(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("blind", sa.String(length=16), nullable=True),
        sa.Column("signature", sa.JSON(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("study_id", "reader", name="draft_once"),
    )
    op.create_index("ix_draft_reader", "draft", ["reader"])
    op.create_index("ix_draft_due_at", "draft", ["due_at"])
    op.create_table(
        "claim",
        sa.Column("study_id", sa.String(length=32), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"]),
        sa.PrimaryKeyConstraint("study_id"),
    )
    op.create_index("ix_claim_changed_at", "claim", ["changed_at"])


def downgrade() -> None:
    op.drop_table("claim")
    op.drop_table("draft")
    op.drop_index("study_patient", "study")
    op.drop_column("study", "prior_of")
    for name in READING:
        op.drop_column("reading", name)
