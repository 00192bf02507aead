"""The registry of models, ranks that a new model changed, what candidates say in shadow.

Tested in tests/records/test_registry.py.
"""

import sqlalchemy as sa
from alembic import op

from triage.records.tables import UtcDateTime

revision = "0012"
down_revision = "0011"

#: What is unique in the new append-only tables, see 0011.
UNIQUE = {
    "registry": (("number",),),
    "rerank": (("id",), ("study_id", "promotion")),
    "shadow_result": (("id",), ("study_id", "card", "contents")),
}


def upgrade() -> None:
    op.create_table(
        "registry",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=64)),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=255), nullable=False),
        sa.Column("against", sa.String(length=64), nullable=False),
        sa.Column("judgement", sa.String(length=64)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request", sa.Integer(), sa.ForeignKey("registry.number")),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "rerank",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.String(length=32), sa.ForeignKey("study.id"), nullable=False),
        sa.Column("promotion", sa.Integer(), sa.ForeignKey("registry.number"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("result_id", sa.Integer(), sa.ForeignKey("ai_result.id")),
        sa.Column("refusal", sa.Text()),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("malignancy", sa.Float()),
        sa.Column("predicted", sa.String(length=16)),
        sa.Column("before_model", sa.Text(), nullable=False),
        sa.Column("before_band", sa.Integer(), nullable=False),
        sa.Column("before_malignancy", sa.Float()),
        sa.Column("before_predicted", sa.String(length=16)),
        sa.UniqueConstraint("study_id", "promotion", name="rerank_once"),
    )
    op.create_table(
        "shadow_result",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("study_id", sa.String(length=32), sa.ForeignKey("study.id"), nullable=False),
        sa.Column("card", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("contents", sa.String(length=64), nullable=False),
        sa.Column("probabilities", sa.JSON()),
        sa.Column("band", sa.Integer()),
        sa.Column("refusal", sa.Text()),
        sa.Column("filed_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("study_id", "card", "contents", name="shadow_result_once"),
    )
    op.create_index("shadow_result_card", "shadow_result", ["card"])
    op.create_table(
        "attempt",
        sa.Column("study_id", sa.String(length=32), sa.ForeignKey("study.id"), nullable=False),
        sa.Column("task", sa.String(length=80), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("study_id", "task"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table, keys in UNIQUE.items():
            _refuse(table, "update", f"{table} is append-only")
            _refuse(table, "delete", f"{table} is append-only")
            same = " OR ".join(f"({' AND '.join(f'{name} = NEW.{name}' for name in columns)})" for columns in keys)
            there = f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"
            _refuse(table, "insert", f"UNIQUE: {table} has this row already", there)
    else:
        for table in UNIQUE:
            op.execute(
                f"CREATE FUNCTION {table}_stays() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stays()"
            )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("attempt", "shadow_result", "rerank", "registry"):
        op.drop_table(table)
        if not sqlite and table in UNIQUE:
            op.execute(f"DROP FUNCTION {table}_stays")


def _refuse(table: str, verb: str, message: str, condition: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}{condition} "
        f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )
