"""What administrators do with accounts and tokens, on the page or the console; every change is audited."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import uuid4

from triage.access import passwords
from triage.access.live import LiveSessions, digest
from triage.access.names import checked, skeleton
from triage.access.roles import PeerRight, Role
from triage.access.trail import note
from triage.errors import DeniedError, RefusedNameError
from triage.records.accounts import Account
from triage.records.audit import Event
from triage.records.sessions import Session
from triage.records.store import Store
from triage.records.tokens import Token

#: Characters of the name of a peer.
MAX_PEER = 40


class Directory:
    """Accounts and tokens of one installation. Who calls this has the right `Right.USERS`, or the console.

    Parameters
    ----------
    store
        Holds them.
    live
        Ends sessions.
    """

    def __init__(self, store: Store, live: LiveSessions) -> None:
        self._store, self._live = store, live

    def accounts(self) -> list[Account]:
        """Return all accounts by name."""
        return self._store.accounts.all()

    def add(self, login: str, name: str, roles: Collection[Role], *, by: str, password: str = "") -> str:
        """Add an account, and return the password to begin with.

        Parameters
        ----------
        login, name
            What is typed to sign in, and what is signed; an empty name is the login.
        roles
            At least one.
        by
            Who adds it.
        password
            If it is empty, one is made that has to be changed at the first sign-in.

        Raises
        ------
        RefusedNameError, ConflictError
            If a name cannot be given.
        """
        login, name = checked(login.strip()), checked((name or login).strip())
        if " " in login:
            raise RefusedNameError("The name for the sign-in has no spaces. Leave them out.")
        if not roles:
            raise DeniedError("An account needs a role. Choose one.")
        first = passwords.checked(password, login, name) if password else passwords.first()
        self._store.accounts.add(
            Account(
                id=uuid4().hex,
                login=login.casefold(),
                login_key=skeleton(login),
                name=name,
                name_key=skeleton(name),
                roles=frozenset(roles),
                password=passwords.hashed(first),
                must_change=not password,
                made_at=datetime.now(UTC),
            )
        )
        self._note(f"added: {name} ({login}), {', '.join(sorted(roles))}", by)
        return first

    def give_roles(self, account: Account, roles: Collection[Role], *, by: str) -> None:
        """Give an account other roles; they count within a second.

        Raises
        ------
        DeniedError
            If the sign-in service decides about them, or none is left.
        ConflictError
            If no administrator would be left.
        """
        if account.subject:
            raise DeniedError("The groups at the sign-in service decide about the roles of this account.")
        if not roles:
            raise DeniedError("An account needs a role. Close the account instead.")
        self._store.accounts.change(account.id, roles=frozenset(roles))
        self._live.forget()
        self._note(f"roles of {account.name}: {', '.join(sorted(roles))}", by)

    def reset_password(self, account: Account, *, by: str) -> str:
        """Give an account a new password to begin with, without one-time codes; its sessions end."""
        if account.subject:
            raise DeniedError("This account has its password at the sign-in service. Reset it there.")
        first = passwords.first()
        self._store.accounts.change(
            account.id, password=passwords.hashed(first), must_change=True, totp="", totp_step=0
        )
        self._live.end(account_id=account.id)
        note(self._store, Event.PASSWORD, f"reset: {account.name}", actor=by)
        return first

    def close(self, account: Account, *, by: str) -> None:
        """Close an account for good; its name stays with what it signed.

        Raises
        ------
        ConflictError
            If no administrator would be left.
        """
        self._store.accounts.change(account.id, closed_at=datetime.now(UTC))
        self._live.end(account_id=account.id)
        self._note(f"closed: {account.name}", by)

    def sessions(self, account: Account) -> list[Session]:
        """Return the open sessions of an account."""
        return self._live.of(account.id)

    def end_sessions(self, account: Account, *, by: str) -> int:
        """End all sessions of an account, and return how many there were."""
        ended = self._live.end(account_id=account.id)
        note(self._store, Event.SIGNED_OUT, f"all sessions of {account.name}", actor=by)
        return ended

    def tokens(self) -> list[Token]:
        """Return all tokens of peers."""
        return self._store.tokens.all()

    def add_token(self, peer: str, rights: Collection[PeerRight], *, by: str) -> str:
        """Make the token of a peer and return it; it is shown once.

        Raises
        ------
        RefusedNameError, ConflictError
            If the name cannot be given, or the peer has a token.
        """
        peer = checked(peer.strip())
        if len(peer) > MAX_PEER:
            raise RefusedNameError(f"The name of a peer has at most {MAX_PEER} characters. Shorten it.")
        if not rights:
            raise DeniedError("A peer needs a right: store, query or retrieve. Choose one.")
        token = secrets.token_urlsafe(32)
        self._store.tokens.add(peer, digest(token), frozenset(rights), datetime.now(UTC))
        note(self._store, Event.TOKEN, f"made: {peer}, {', '.join(sorted(rights))}", actor=by)
        return token

    def revoke_token(self, peer: str, *, by: str) -> None:
        """Revoke the token of a peer, within a second.

        Raises
        ------
        NotFoundError
            If it has none.
        """
        self._store.tokens.revoke(peer, datetime.now(UTC))
        note(self._store, Event.TOKEN, f"revoked: {peer}", actor=by)

    def _note(self, detail: str, by: str) -> None:
        note(self._store, Event.ACCOUNT, detail, actor=by)
