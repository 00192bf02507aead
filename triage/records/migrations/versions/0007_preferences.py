"""What a reader has chosen for a page.

Tested in tests/records/test_preferences.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "preference",
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "name"),
    )


def downgrade() -> None:
    op.drop_table("preference")
