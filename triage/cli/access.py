"""Commands about accounts and tokens of DICOMweb peers. Tested in tests/test_cli_access.py."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from triage.access.access import Access
from triage.access.roles import PeerRight, Role
from triage.cli.common import console, exit_with, operator, or_exit
from triage.cli.record import open_record
from triage.errors import TriageError
from triage.records.accounts import Account
from triage.settings import Settings
from triage.text import terminal

accounts = typer.Typer(no_args_is_help=True, help="Accounts of the people who sign in.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens of DICOMweb peers.")
Login = Annotated[str, typer.Argument(metavar="NAME", help="The name that is typed to sign in.")]


@accounts.command("add")
def add_account(
    login: Login,
    role: Annotated[list[Role], typer.Option(help="Repeat it for several roles.")],
    name: Annotated[str, typer.Option(help="The name that is signed; NAME if left out.")] = "",
    ask: Annotated[
        bool, typer.Option("--ask-password", help="Ask for the password; otherwise one is printed once.")
    ] = False,
) -> None:
    """Add an account; the first one is an administrator."""
    with _access() as access:
        if not access.directory.accounts() and Role.ADMINISTRATOR not in role:
            raise exit_with("The first account needs the role of an administrator: --role administrator.", 2)
        password = _typed() if ask else ""
        first = access.directory.add(login, name, role, by=operator(), password=password)
    console.print("The account is added.")
    if not password:
        console.print("First password, shown this once; it has to be changed at the first sign-in:")
        print(first)


@accounts.command("list")
def list_accounts() -> None:
    """List the accounts."""
    with _access() as access:
        for one in access.directory.accounts():
            closed = ", closed" if one.closed_at else ""
            login = "sign-in service" if one.subject else one.login
            console.print(terminal(f"{one.name} ({login}): {', '.join(sorted(one.roles))}{closed}"))


@accounts.command("reset")
def reset_account(login: Login) -> None:
    """Give an account a new first password, without one-time codes, and end its sessions."""
    with _access() as access:
        first = access.directory.reset_password(_found(access, login), by=operator())
    console.print("New password, shown this once; it has to be changed at the first sign-in:")
    print(first)


@accounts.command("close")
def close_account(login: Login) -> None:
    """Close an account for good, and end its sessions; its name stays with what it signed."""
    with _access() as access:
        access.directory.close(_found(access, login), by=operator())
    console.print("The account is closed.")


@tokens.command("add")
def add_token(
    peer: Annotated[str, typer.Argument(help="Name of the peer, as it stands in the audit trail.")],
    may: Annotated[list[PeerRight], typer.Option(help="Repeat it for several rights.")],
) -> None:
    """Make the token of a DICOMweb peer and print it, this once."""
    with _access() as access:
        print(access.directory.add_token(peer, may, by=operator()))


@tokens.command("list")
def list_tokens() -> None:
    """List the peers."""
    with _access() as access:
        for one in access.directory.tokens():
            state = (
                "revoked" if one.revoked_at else f"last used {one.used_at:%Y-%m-%d}" if one.used_at else "never used"
            )
            console.print(terminal(f"{one.peer}: {', '.join(sorted(one.rights))}, {state}"))


@tokens.command("revoke")
def revoke_token(peer: Annotated[str, typer.Argument(help="Name of the peer.")]) -> None:
    """Revoke the token of a DICOMweb peer."""
    with _access() as access:
        access.directory.revoke_token(peer, by=operator())
    console.print("The token is revoked.")


@contextmanager
def _access() -> Iterator[Access]:
    """Open the record, and show an error of ours as text."""
    settings = Settings()
    store = or_exit(lambda: open_record(settings))
    try:
        yield Access(store, settings)
    except TriageError as error:
        raise exit_with(str(error), 1) from error
    finally:
        store.engine.dispose()


def _found(access: Access, login: str) -> Account:
    for one in access.directory.accounts():
        if one.login == login.casefold():
            return one
    raise exit_with("There is no account of this name. python -m triage account list shows them.", 1)


def _typed() -> str:
    """Return a password typed twice; one line of a pipe counts as both."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Password again: ") != first:
        raise exit_with("The two passwords differ. Type the same one twice.", 2)
    return first
