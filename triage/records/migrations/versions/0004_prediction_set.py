"""The classes that an AI result cannot rule out.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("ai_result") as table:
        table.add_column(sa.Column("prediction_set", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("ai_result") as table:
        table.drop_column("prediction_set")
