"""The map of pseudonyms, for installations that de-identify.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "pseudonym",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=16), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("replacement", sa.String(length=64), nullable=False),
        sa.Column("shift", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("original", "identity", name="pseudonym_once"),
        sa.UniqueConstraint("replacement"),
    )


def downgrade() -> None:
    op.drop_table("pseudonym")
