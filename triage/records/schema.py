"""What the database does by itself: triggers, views and tables that the migrations did not make could make it lie.

Without the triggers that they made it no longer refuses changes of what is signed.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from sqlalchemy import Connection

from triage.records.chain import Damage, Kind
from triage.records.database import migrate, open_engine

#: SQLite's own tables, such as the statistics of ANALYZE, have these names.
_SQLITE = "SELECT type, name, sql FROM sqlite_master WHERE NOT (type = 'table' AND name GLOB 'sqlite_*')"
#: A trigger of ours only raises an error; one that is switched off is as good as dropped. Rules and policies are other
#: ways to change or hide rows.
_POSTGRESQL = r"""
    SELECT 'trigger', c.relname || '.' || t.tgname,
           CASE WHEN p.prosrc ~ '^\s*BEGIN RAISE EXCEPTION ''[^'']*''; END\s*$' THEN 'refuses' ELSE '' END
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'view', c.relname, '' FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT 'rule', c.relname || '.' || r.rulename, ''
      FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'policy', c.relname || '.' || p.polname, ''
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
     WHERE c.relnamespace = current_schema()::regnamespace
"""


#: Kind, name and definition of something in a database; of a trigger of PostgreSQL, whether all it does is to refuse.
Held = frozenset[tuple[str, str, str]]
#: Digest of what the migrations make of an empty database of SQLite. To make one takes seconds.
MADE = "287f98c7b55cc20f083e36515d1627bee74510d03d7f3766d71091c35a9f2a87"
#: What they make of one of PostgreSQL.
GUARDS: Held = frozenset(
    ("trigger", f"{table}.{table}_{name}", "refuses")
    for name, tables in {
        "append_only": ("reading", "audit", "mark"),
        "stays": (
            "ai_result",
            "pseudonym",
            "model",
            "seal",
            "study",
            "instance",
            "registry",
            "rerank",
            "shadow_result",
        ),
    }.items()
    for table in tables
)


def held(connection: Connection) -> Held:
    """Return what the database holds that could do something by itself."""
    query = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    found = connection.exec_driver_sql(query)
    return frozenset((kind, name, " ".join((text or "").split())) for kind, name, text in found)


def changed(found: Held, dialect: str) -> list[Damage]:
    """Return what a database holds beside what the migrations make, or otherwise than they do, and what it lacks.

    Parameters
    ----------
    found
        What it holds.
    dialect
        Of SQLAlchemy.
    """
    if dialect == "sqlite" and digest(found) == MADE:
        return []
    expected = made() if dialect == "sqlite" else GUARDS
    names = {(kind, name) for kind, name, _ in found}
    planted = [Damage(Kind.PLANTED, kind, name) for kind, name, _ in sorted(found - expected)]
    return planted + [
        Damage(Kind.DROPPED, kind, name) for kind, name, _ in sorted(expected) if (kind, name) not in names
    ]


def digest(found: Held) -> str:
    """Return the digest of what a database holds."""
    return sha256(repr(sorted(found)).encode()).hexdigest()


@cache
def made() -> Held:
    """Return what the migrations make of an empty database of SQLite."""
    engine = open_engine("sqlite://")
    try:
        migrate(engine)
        with engine.connect() as connection:
            return held(connection)
    finally:
        engine.dispose()
