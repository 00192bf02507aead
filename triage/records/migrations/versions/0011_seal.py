"""The chain of seals, what a signature is bound to, accepted models; more of the record is append-only.

The first start afterwards seals the rows that are there. Tested in tests/records/test_database.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0011"
down_revision = "0010"

COLUMNS = (
    ("reading", "account", sa.String(length=64)),
    ("reading", "meaning", sa.String(length=32)),
    ("reading", "bound", sa.String(length=64)),
    ("audit", "account", sa.String(length=64)),
    ("audit", "address", sa.String(length=64)),
    ("ai_result", "card", sa.String(length=64)),
)
#: Tables that are append-only from now on; reading, audit and mark are already.
APPEND_ONLY = ("ai_result", "pseudonym", "model", "seal")
#: Rows of these change, and stay.
KEPT = ("study", "instance")
#: What is unique in a table: INSERT OR REPLACE would take the place of a row that has the same.
UNIQUE = {
    "reading": (("id",), ("study_id", "version")),
    "audit": (("id",),),
    "mark": (("reading_id",),),
    "ai_result": (("id",), ("study_id", "model_sha256", "contents")),
    "pseudonym": (("id",), ("replacement",), ("original", "identity")),
    "model": (("card",),),
    "seal": (("number",),),
    "study": (("id",), ("study_uid",)),
    "instance": (("id",), ("sha256",), ("sop_instance_uid",)),
}


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_table(
        "seal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("seal_of_row", "seal", ["what", "key", "number"])
    op.create_table(
        "model",
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("card"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            _refuse(table, "update", f"{table} is append-only")
            _refuse(table, "delete", f"{table} is append-only")
        for table in KEPT:
            _refuse(table, "delete", f"rows of {table} stay")
        for table, keys in UNIQUE.items():
            same = " OR ".join(f"({' AND '.join(f'{name} = NEW.{name}' for name in columns)})" for columns in keys)
            there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"
            _refuse(table, "insert", f"UNIQUE: {table} has this row already", there)
    else:
        for table in APPEND_ONLY:
            _guard(table, "UPDATE OR DELETE OR TRUNCATE", f"{table} is append-only")
        for table in KEPT:
            _guard(table, "DELETE OR TRUNCATE", f"rows of {table} stay")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_no_update")
        for table in (*APPEND_ONLY, *KEPT):
            op.execute(f"DROP TRIGGER {table}_no_delete")
        for table in UNIQUE:
            op.execute(f"DROP TRIGGER {table}_no_insert")
    else:
        for table in (*APPEND_ONLY, *KEPT):
            op.execute(f"DROP TRIGGER {table}_stays ON {table}")
            op.execute(f"DROP FUNCTION {table}_stays")
    op.drop_table("model")
    op.drop_table("seal")
    for table, name, _ in COLUMNS:
        op.drop_column(table, name)


def _refuse(table: str, verb: str, message: str, when: str = "") -> None:
    """Make a trigger of SQLite."""
    condition = f" WHEN {when}" if when else ""
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _guard(table: str, verbs: str, message: str) -> None:
    """Make a trigger of PostgreSQL."""
    op.execute(
        f"CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ BEGIN RAISE EXCEPTION '{message}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_stays BEFORE {verbs} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
    )
