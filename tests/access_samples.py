"""Accounts for the tests of access."""

from __future__ import annotations

from triage.access.access import Access
from triage.access.roles import Role
from triage.access.sign_in import Caller
from triage.records.accounts import Account

PASSWORD = "several words in a row"
HERE = Caller("192.0.2.1", "Firefox", "this browser")


def account(access: Access, login: str = "ada", *roles: Role, name: str = "") -> Account:
    """Add an account with `PASSWORD`, of an administrator who is a radiologist if no role is named."""
    given = roles or (Role.ADMINISTRATOR, Role.RADIOLOGIST)
    access.directory.add(login, name or f"Dr. {login.title()}", given, by="test", password=PASSWORD)
    return next(one for one in access.directory.accounts() if one.login == login)


def signed_in(access: Access, login: str = "ada", caller: Caller = HERE) -> str:
    """Sign in, and return the secret of the session."""
    return access.sign_in.with_password(login, PASSWORD, "", caller)
