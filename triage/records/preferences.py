"""What readers have chosen for a page, such as the columns of the worklist."""

from __future__ import annotations

from typing import Any

from triage.records.database import Database
from triage.records.tables import PreferenceRow


class Preferences:
    """Preferences of one record. Every method may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, reader: str, name: str) -> dict[str, Any]:
        """Return a reader's choice, {} if there is none."""
        with self._database.read() as session:
            row = session.get(PreferenceRow, (reader, name))
            return row.value if row else {}

    def keep(self, reader: str, name: str, value: dict[str, Any]) -> None:
        """Keep a reader's choice; the last one counts."""
        with self._database.write() as session:
            session.merge(PreferenceRow(reader=reader, name=name, value=value))
