"""Tokens of DICOMweb peers; only digests are kept. Tested in tests/records/test_accounts.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from triage.errors import ConflictError, NotFoundError
from triage.records.access_tables import TokenRow
from triage.records.database import Database


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a peer, as it is on the record; see `TokenRow`."""

    id: int
    peer: str
    sha256: str
    rights: frozenset[str]
    made_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Tokens:
    """Tokens of one record. Every method may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, peer: str, sha256: str, rights: frozenset[str], at: datetime) -> None:
        """Add the token of a peer.

        Raises
        ------
        ConflictError
            If the peer has one.
        """
        valid = select(func.count()).where(TokenRow.peer == peer, TokenRow.revoked_at.is_(None))
        with self._database.write() as session:
            if session.scalar(valid):
                raise ConflictError(f"{peer} has a token. Revoke it first, or choose another name.")
            session.add(TokenRow(peer=peer, sha256=sha256, rights=sorted(rights), made_at=at))

    def all(self) -> list[Token]:
        """Return all tokens by peer, revoked ones too."""
        with self._database.read() as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.peer, TokenRow.id))
            return [
                Token(one.id, one.peer, one.sha256, frozenset(one.rights), one.made_at, one.used_at, one.revoked_at)
                for one in rows
            ]

    def used(self, token_id: int, at: datetime) -> None:
        """Note when a token was last used."""
        with self._database.write() as session:
            session.execute(update(TokenRow).where(TokenRow.id == token_id).values(used_at=at))

    def revoke(self, peer: str, at: datetime) -> None:
        """Revoke the token of a peer.

        Raises
        ------
        NotFoundError
            If the peer has no valid one.
        """
        valid = update(TokenRow).where(TokenRow.peer == peer, TokenRow.revoked_at.is_(None))
        with self._database.write() as session:
            if not getattr(session.execute(valid.values(revoked_at=at)), "rowcount", 0):
                raise NotFoundError("This peer has no valid token. Look at the list of peers.")
