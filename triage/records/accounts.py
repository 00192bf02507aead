"""Accounts: added, changed and closed, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update

from triage.errors import ConflictError, NotFoundError
from triage.records.access_tables import AccountRow
from triage.records.database import Database

TAKEN = "Another account has, or had, this name or one that looks like it. Choose another."
LAST = "This is the last administrator. Make another account an administrator first."
ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Account:
    """An account, as it is on the record.

    Attributes
    ----------
    login, name
        What is typed to sign in, and what is signed.
    login_key, name_key
        What names that look alike have in common.
    password
        Its hash; "" for an account of the sign-in service.
    totp, totp_step
        Secret of the one-time codes, "" without, and the last used step of time.
    subject
        Issuer and subject of an account of the sign-in service, else None.
    """

    id: str
    login: str
    login_key: str
    name: str
    name_key: str
    roles: frozenset[str]
    password: str
    must_change: bool
    made_at: datetime
    totp: str = ""
    totp_step: int = 0
    subject: str | None = None
    closed_at: datetime | None = None


class Accounts:
    """Accounts of one record. Every method may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self) -> bool:
        """Return whether there is an account, open or closed."""
        with self._database.read() as session:
            return session.scalar(select(AccountRow.id).limit(1)) is not None

    def all(self) -> list[Account]:
        """Return all accounts by name, closed ones too."""
        with self._database.read() as session:
            return [account_of(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]

    def by_login(self, login: str) -> Account | None:
        """Return the account with a sign-in name, closed ones too."""
        return self._one(AccountRow.login == login)

    def by_subject(self, subject: str) -> Account | None:
        """Return the account of the sign-in service with a subject, closed ones too."""
        return self._one(AccountRow.subject == subject)

    def get(self, account_id: str) -> Account:
        """Return an account.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        found = self._one(AccountRow.id == account_id)
        if found is None:
            raise NotFoundError("There is no such account. Load the page again.")
        return found

    def add(self, account: Account) -> None:
        """Add an account.

        Raises
        ------
        ConflictError
            If its names were ever given to another account, or look like such a name.
        """
        keys = {account.login_key, account.name_key}
        with self._database.write() as session:
            alike = or_(AccountRow.login_key.in_(keys), AccountRow.name_key.in_(keys))
            if session.scalar(select(func.count()).select_from(AccountRow).where(alike)):
                raise ConflictError(TAKEN)
            values = {name: getattr(account, name) for name in Account.__slots__}
            session.add(AccountRow(**values | {"roles": sorted(account.roles)}))

    def change(self, account_id: str, **values: Any) -> None:
        """Change an account: roles, password, must_change, totp, closed_at.

        Raises
        ------
        ConflictError
            If no administrator would be left.
        """
        with self._database.write() as session:
            row = session.get(AccountRow, account_id)
            if row is None:
                raise NotFoundError("There is no such account. Load the page again.")
            was = row.closed_at is None and ADMINISTRATOR in row.roles
            for name, value in values.items():
                setattr(row, name, sorted(value) if name == "roles" else value)
            session.flush()
            if was and not (row.closed_at is None and ADMINISTRATOR in row.roles):
                open_ones = session.scalars(select(AccountRow).where(AccountRow.closed_at.is_(None)))
                if not any(ADMINISTRATOR in one.roles for one in open_ones):
                    raise ConflictError(LAST)

    def use_code(self, account_id: str, step: int) -> bool:
        """Note that the one-time code of a step of time was used; False if it, or a later one, was used before."""
        later = update(AccountRow).where(AccountRow.id == account_id, AccountRow.totp_step < step)
        with self._database.write() as session:
            used = session.execute(later.values(totp_step=step))
            return bool(getattr(used, "rowcount", 0))

    def _one(self, condition: Any) -> Account | None:
        with self._database.read() as session:
            row = session.scalar(select(AccountRow).where(condition))
            return account_of(row) if row else None


def account_of(row: AccountRow) -> Account:
    """Return the account of a row."""
    values = {name: getattr(row, name) for name in Account.__slots__}
    return Account(**values | {"roles": frozenset(row.roles)})
