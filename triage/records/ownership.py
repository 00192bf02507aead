"""On PostgreSQL, tables that the product cannot change: another role owns them, and gives it no more than it needs."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from triage.errors import StorageError
from triage.records.database import migrate, open_engine

#: Rights of the product's role: rows of these tables are added and never changed, of these changed and never deleted.
#: All other tables hold work in progress.
ADDED = (
    *("audit", "reading", "mark", "ai_result", "pseudonym", "model", "seal"),
    *("registry", "rerank", "shadow_result"),
)
CHANGED = ("study", "instance")
#: Nobody changes these at work.
READ = ("alembic_version",)


def migrate_as_owner(owner: str, product: str) -> None:
    """Bring the tables up to date, and give the product's role its rights.

    Parameters
    ----------
    owner, product
        Addresses of the same database, as the role that owns the tables and as the role of the product.

    Raises
    ------
    StorageError
        If the database refuses it, or it is no PostgreSQL.
    """
    role = make_url(product).username
    if make_url(owner).get_backend_name() != "postgresql" or not role or role == make_url(owner).username:
        raise StorageError(
            "Tables of another role need PostgreSQL and two roles. Name one in TRIAGE_MIGRATION_URL, and the other in "
            "TRIAGE_DATABASE_URL."
        )
    engine = open_engine(owner)
    try:
        migrate(engine)
        with engine.begin() as connection:
            _grant(connection, role)
    except SQLAlchemyError as error:
        raise StorageError(f"The database refused: {getattr(error, 'orig', error)}. Check both roles.") from error
    finally:
        engine.dispose()


def _grant(connection: Connection, role: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    to, database = quote(role), quote(connection.engine.url.database or "")
    for table in inspect(connection).get_table_names():
        rights = "SELECT, INSERT"
        if table in READ:
            rights = "SELECT"
        elif table in CHANGED:
            rights = "SELECT, INSERT, UPDATE"
        elif table not in ADDED:
            rights = "SELECT, INSERT, UPDATE, DELETE"
        connection.exec_driver_sql(f"REVOKE ALL ON {quote(table)} FROM {to}")
        connection.exec_driver_sql(f"GRANT {rights} ON {quote(table)} TO {to}")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {to}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {to}")
    # The durable queue has a schema of its own, which it makes itself.
    connection.exec_driver_sql(f"GRANT CREATE ON DATABASE {database} TO {to}")
