"""Sessions of browsers that are signed in; only digests of what their cookies hold are kept.

Tested in tests/records/test_accounts.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import joinedload

from triage.records.access_tables import SessionRow
from triage.records.accounts import Account, account_of
from triage.records.database import Database


@dataclass(frozen=True, slots=True)
class Session:
    """A session, as it is on the record; see `SessionRow`."""

    id: str
    account_id: str
    made_at: datetime
    seen_at: datetime
    address: str
    browser: str
    device: str
    id_token: str = ""
    proved_at: datetime | None = None
    ended_at: datetime | None = None


class Sessions:
    """Sessions of one record. Every method may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session) -> None:
        """Add a session."""
        with self._database.write() as open_one:
            open_one.add(SessionRow(**{name: getattr(session, name) for name in Session.__slots__}))

    def get(self, key: str) -> tuple[Session, Account] | None:
        """Return a session and its account, ended and closed ones too; None if there is none."""
        query = select(SessionRow).where(SessionRow.id == key).options(joinedload(SessionRow.account))
        with self._database.read() as session:
            row = session.scalar(query)
            return (_session_of(row), account_of(row.account)) if row else None

    def of(self, account_id: str, since: datetime) -> list[Session]:
        """Return the sessions of an account that have not ended and were seen since a time, the latest first."""
        query = (
            select(SessionRow)
            .where(SessionRow.account_id == account_id, SessionRow.ended_at.is_(None), SessionRow.seen_at >= since)
            .order_by(SessionRow.seen_at.desc())
        )
        with self._database.read() as session:
            return [_session_of(row) for row in session.scalars(query)]

    def seen(self, key: str, at: datetime) -> None:
        """Note that somebody was at work in a session."""
        self._change(update(SessionRow).where(SessionRow.id == key), seen_at=at)

    def prove(self, key: str, at: datetime, **more: str) -> None:
        """Note that the person of a session has just proved to be there; `more` is what else changes with it."""
        self._change(update(SessionRow).where(SessionRow.id == key), proved_at=at, **more)

    def take_proof(self, key: str, since: datetime) -> bool:
        """Take the proof of a session away, and return whether there was one since a time: it counts once."""
        fresh = update(SessionRow).where(SessionRow.id == key, SessionRow.proved_at >= since)
        return bool(self._change(fresh, proved_at=None))

    def end(self, at: datetime, *, key: str = "", account_id: str = "", but: str = "") -> int:
        """End one session, or all of an account but one, and return how many ended."""
        ending = update(SessionRow).where(SessionRow.ended_at.is_(None), SessionRow.id != but)
        ending = ending.where(SessionRow.id == key) if key else ending.where(SessionRow.account_id == account_id)
        return self._change(ending, ended_at=at, id_token="")

    def knows(self, account_id: str, *, device: str = "", address: str = "") -> bool:
        """Return whether an account was ever signed in with a device, or from an address."""
        known = select(SessionRow.id).where(SessionRow.account_id == account_id)
        known = known.where(SessionRow.device == device) if device else known.where(SessionRow.address == address)
        with self._database.read() as session:
            return session.scalar(known.limit(1)) is not None

    def _change(self, statement: object, **values: object) -> int:
        with self._database.write() as session:
            changed = session.execute(statement.values(**values))  # type: ignore[attr-defined]
            return int(getattr(changed, "rowcount", 0))


def _session_of(row: SessionRow) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__slots__})
