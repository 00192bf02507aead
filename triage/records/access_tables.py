"""Tables of accounts, sessions and tokens of peers. Tested in tests/records/test_accounts.py."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from triage.records.tables import Base


class AccountRow(Base):
    """A person who may sign in. Accounts are closed, never deleted, so that no name is given to another.

    `login_key` and `name_key` are what names that look alike have in common. `subject` is issuer and subject of an
    account of the sign-in service (OIDC); such an account has no password. `totp_step` is the last used step of time.
    """

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    login: Mapped[str] = mapped_column(String(128), unique=True)
    login_key: Mapped[str] = mapped_column(String(256), unique=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    name_key: Mapped[str] = mapped_column(String(256), unique=True)
    roles: Mapped[list[str]]
    password: Mapped[str] = mapped_column(Text)
    must_change: Mapped[bool]
    totp: Mapped[str] = mapped_column(String(64))
    totp_step: Mapped[int]
    subject: Mapped[str | None] = mapped_column(String(512), unique=True)
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class SessionRow(Base):
    """One browser that is signed in. `id` is the digest of what its cookie holds, `device` that of the lasting cookie.

    `proved_at` is when the person last proved to be there in order to sign; a signature takes it away.
    """

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(String(64))
    browser: Mapped[str] = mapped_column(String(128))
    device: Mapped[str] = mapped_column(String(64))
    id_token: Mapped[str] = mapped_column(Text)

    account: Mapped[AccountRow] = relationship()


class TokenRow(Base):
    """A token of one DICOMweb peer; only its digest is kept."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(primary_key=True)
    peer: Mapped[str] = mapped_column(String(64), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    rights: Mapped[list[str]]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
