"""What the database does by itself: triggers, views and tables that the migrations did not make could make it lie.

One that is missing is not named: what it would have refused is found by the seals.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from sqlalchemy import Connection

from triage.records.chain import Damage, Kind
from triage.records.database import migrate, open_engine

#: Indexes change no row. SQLite's own tables, such as the statistics of ANALYZE, have these names.
_SQLITE = (
    "SELECT type, name, sql FROM sqlite_master WHERE type <> 'index' AND NOT (type = 'table' AND name GLOB 'sqlite_*')"
)
#: A trigger of ours only raises an error. Rules and policies are other ways to change or hide rows.
_POSTGRESQL = r"""
    SELECT 'trigger', c.relname || '.' || t.tgname
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
       AND p.prosrc !~ '^\s*BEGIN RAISE EXCEPTION ''[^'']*''; END\s*$'
    UNION ALL
    SELECT 'view', c.relname FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('v', 'm', 'f')
    UNION ALL
    SELECT 'rule', c.relname || '.' || r.rulename
      FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'policy', c.relname || '.' || p.polname
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
     WHERE c.relnamespace = current_schema()::regnamespace
"""


#: Kind, name and definition of something in a database; of PostgreSQL what is foreign, without its definition.
Held = frozenset[tuple[str, str, str]]
#: Digest of what the migrations make of an empty database of SQLite. To make one takes seconds.
MADE = "c19b924c4d3d1694d44915b31ab476ddd599c4a0d07a1cad4c195fc63632ce59"


def held(connection: Connection) -> Held:
    """Return what the database holds that could do something by itself."""
    if connection.dialect.name == "sqlite":
        return frozenset(
            (kind, name, " ".join((text or "").split())) for kind, name, text in connection.exec_driver_sql(_SQLITE)
        )
    return frozenset((kind, name, "") for kind, name in connection.exec_driver_sql(_POSTGRESQL))


def foreign(found: Held) -> list[Damage]:
    """Return what a database holds beside what the migrations make, or otherwise than they do."""
    if not found or digest(found) == MADE:
        return []
    return [Damage(Kind.SCHEMA, kind, name) for kind, name, _ in sorted(found - made())]


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
