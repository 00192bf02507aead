"""Accounts, sessions and tokens of peers.

Tested in tests/records/test_accounts.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=32), primary_key=True),
        sa.Column("login", sa.String(length=128), nullable=False, unique=True),
        sa.Column("login_key", sa.String(length=256), nullable=False, unique=True),
        sa.Column("name", sa.String(length=128), nullable=False, unique=True),
        sa.Column("name_key", sa.String(length=256), nullable=False, unique=True),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("totp", sa.String(length=64), nullable=False),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=512), unique=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime()),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=64), primary_key=True),
        sa.Column("account_id", sa.String(length=32), sa.ForeignKey("account.id"), nullable=False, index=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("proved_at", UtcDateTime()),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("id_token", sa.Text(), nullable=False),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("peer", sa.String(length=64), nullable=False, index=True),
        sa.Column("sha256", sa.String(length=64), nullable=False, unique=True),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.Column("revoked_at", UtcDateTime()),
    )


def downgrade() -> None:
    for table in ("token", "session", "account"):
        op.drop_table(table)
