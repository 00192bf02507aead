"""A database whose rows are sealed as they are written, with the heads of its chain anchored outside of it.

Tested in tests/records/test_seals.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import event, make_url, select
from sqlalchemy.orm import Session

from triage.errors import StorageError
from triage.records import keys, seals
from triage.records.anchors import Anchors
from triage.records.chain import Link
from triage.records.database import Database
from triage.records.tables import SealRow


class SealedDatabase(Database):
    """Sessions on one database; every transaction that changes a sealed row seals it.

    Parameters
    ----------
    url
        SQLAlchemy address, SQLite or PostgreSQL.
    home
        Folder of the anchors and the key; the folder of the SQLite file if left out.
    key
        File of the key, if it is not in that folder.
    own_tables
        Whether this process makes the tables; otherwise they have to be there.

    Raises
    ------
    StorageError
        If the key is missing or another one, or the tables are not those of this version.
    """

    def __init__(self, url: str, home: Path | None = None, key: Path | None = None, *, own_tables: bool = True) -> None:
        home = home or _folder_of(url)
        super().__init__(url, own_tables=own_tables)
        self.anchors = Anchors(home / "anchors")
        event.listen(self._write, "after_flush", seals.note_changes)
        event.listen(self._write, "do_orm_execute", seals.refuse_bulk_changes)
        try:
            with self.read() as session:
                begun = seals.head(session.connection()) is not None
            self.key = keys.open_key(keys.key_file(home, key), make=not begun)
            with super().write() as session:
                opened = seals.open_chain(session, self.key)
        except StorageError:
            self.engine.dispose()
            raise
        self._anchor(opened)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose transaction is sealed, and on disk when the block ends without an error.

        Raises
        ------
        StorageError
            If the database is full, locked for too long or away; nothing of the block is kept.
        """
        with super().write() as session:
            yield session
            sealed = seals.seal(session, self.key)
        self._anchor(sealed)

    def head(self) -> Link:
        """Return the last seal, for a report: whoever keeps it can tell later that nothing before it was changed."""
        with self.read() as session:
            last = seals.head(session.connection())
        if last is None:
            raise StorageError("The record has no seals. Bring back the database from the backup.")
        return Link(last.number, last.mac)

    def mac_of(self, number: int) -> str | None:
        """Return the code of a seal, None if there is none with this number."""
        with self.read() as session:
            return session.scalar(select(SealRow.mac).where(SealRow.number == number))

    def _anchor(self, sealed: tuple[Link, datetime, bool] | None) -> None:
        if sealed is not None:
            head, at, signed = sealed
            self.anchors.append(head, at, durable=signed)


def _folder_of(url: str) -> Path:
    """Return the folder of a SQLite file."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise ValueError("A record on PostgreSQL needs a home folder for its key and anchors. Pass it.")
    return Path(address.database).parent
