"""Identity in doubt: studies set aside, digests of data sets, birth date and issuer of the MRN.

Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

STUDY = {
    "birth_date": sa.Date(),
    "issuer": sa.Text(),
    "claimed_uid": sa.String(length=64),
    "conflict": sa.Text(),
    "conflict_with": sa.String(length=32),
}
INSTANCE = {"claimed_uid": sa.String(length=64), "content": sa.String(length=64)}
INDEXES = (("study", "claimed_uid"), ("study", "conflict_with"), ("instance", "claimed_uid"))


def upgrade() -> None:
    for table, columns in (("study", STUDY), ("instance", INSTANCE)):
        for name, kind in columns.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
    for table, name in INDEXES:
        op.create_index(f"ix_{table}_{name}", table, [name])


def downgrade() -> None:
    for table, name in INDEXES:
        op.drop_index(f"ix_{table}_{name}", table)
    for table, columns in (("instance", INSTANCE), ("study", STUDY)):
        for name in columns:
            op.drop_column(table, name)
