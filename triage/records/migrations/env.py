"""Entry of Alembic: run the versions on the connection that `triage.records.database.migrate` passes.

Tested in tests/records/test_database.py.
"""

from alembic import context

from triage.records.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    user_module_prefix="",  # column types of ours are imported by name, see script.py.mako
)
context.run_migrations()
