"""Sign-in with a password or by the sign-in service (OIDC), and the proof that is asked for at a signature."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from triage.access import codes, passwords
from triage.access.live import LiveSessions, digest
from triage.access.names import MAX_NAME, checked, skeleton
from triage.access.person import Person
from triage.access.roles import Role
from triage.access.throttle import Throttle
from triage.access.trail import STRANGER, note
from triage.errors import ConflictError, DeniedError, ReadingError, SignInError, ThrottledError
from triage.records.accounts import Account
from triage.records.audit import Event
from triage.records.store import Store
from triage.text import visible

WRONG = "Name, password or code is wrong. Type them again."
USED_CODE = "This code was used already. Wait for the next one in your app, at most 30 seconds, then type both again."
WRONG_CODE = "The password or the code is wrong. Type both again."
NO_ROLE = "Your account at the sign-in service has no role here. Ask an administrator which group gives one."
CLOSED = "This account was closed. Ask an administrator for another one."
PROVE = "Your proof for this signature is missing or too old. Confirm above that it is you, then sign."
#: How long a proof counts.
PROOF = timedelta(minutes=2)
#: Failures without a delay, and longest delay in seconds: of an account from one place; from everywhere; of an address.
FROM_ONE_PLACE, FROM_EVERYWHERE, OF_AN_ADDRESS = (5, 900.0), (40, 60.0), (20, 900.0)


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request came from: address, browser, and what the lasting cookie of the browser holds."""

    address: str
    browser: str = ""
    device: str = ""


class SignIn:
    """Sign-in to one installation.

    Parameters
    ----------
    store
        Holds accounts and the audit trail.
    live
        Begins sessions.
    roles
        Role that a group of the sign-in service has.
    """

    def __init__(self, store: Store, live: LiveSessions, roles: Mapping[str, Role]) -> None:
        self._store, self._live, self._roles = store, live, roles
        self._by_place, self._by_account = Throttle(*FROM_ONE_PLACE), Throttle(*FROM_EVERYWHERE)
        self._by_address = Throttle(*OF_AN_ADDRESS)

    def with_password(self, login: str, password: str, code: str, caller: Caller) -> str:
        """Sign in, and return the secret for the cookie of the session.

        Failures are counted by account and address. A browser or an address from which the account was signed in
        before has a count of its own, so that a stranger who fails on purpose keeps nobody out.

        Raises
        ------
        SignInError
            If name, password or code is wrong.
        ThrottledError
            After too many failures.
        """
        key = login.strip().casefold()
        account = self._store.accounts.by_login(key)
        counts = self._counts(account, key, caller)
        self._count(counts)
        if not self._fits(account, password, code) or account is None:
            # What fits no account may be a password in the wrong field, so it is not kept.
            self._failed(f"as {visible(account.login, MAX_NAME)}" if account else "as somebody unknown", caller)
            raise SignInError(WRONG)
        self._forgive(counts)
        self._did(Event.SIGNED_IN, "with a password", account, caller)
        return self._live.begin(account, address=caller.address, browser=caller.browser, device=digest(caller.device))

    def by_service(
        self, issuer: str, claims: Mapping[str, Any], names: Sequence[str], groups: str, id_token: str, caller: Caller
    ) -> str:
        """Sign in whom the sign-in service vouches for, and return the secret for the cookie of the session.

        The account is made at the first time; its roles follow the groups at every time.

        Parameters
        ----------
        issuer
            The service.
        claims
            What it states, checked already.
        names
            Claims that may hold the name that is signed, the first one that does counts.
        groups
            Claim with the groups.
        id_token
            Kept for the sign-out.
        caller
            Where the request came from.

        Raises
        ------
        SignInError
            If the person has no role here, or the account was closed.
        """
        subject = f"{issuer} {claims['sub']}"
        stated = claims.get(groups, ())
        stated = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
        roles = frozenset(self._roles[one] for one in map(str, stated) if one in self._roles)
        account = self._store.accounts.by_subject(subject)
        if account is not None and account.closed_at is not None:
            self._failed(f"{account.name}: closed", caller)
            raise SignInError(CLOSED)
        if not roles:
            self._failed("by the sign-in service: no role", caller)
            raise SignInError(NO_ROLE)
        if account is None:
            account = self._made(subject, roles, claims, names)
            self._did(Event.ACCOUNT, f"made: {account.name}, {', '.join(sorted(roles))}", account, caller)
        elif account.roles != roles:
            self._store.accounts.change(account.id, roles=roles)
            self._did(Event.ACCOUNT, f"{account.name}: {', '.join(sorted(roles))}", account, caller)
        self._did(Event.SIGNED_IN, "by the sign-in service", account, caller)
        return self._live.begin(
            account, address=caller.address, browser=caller.browser, device=digest(caller.device), id_token=id_token
        )

    def prove(self, person: Person, password: str, code: str, caller: Caller) -> None:
        """Take a password again, for the next signature.

        Raises
        ------
        SignInError
            If it is wrong, or there were too many tries.
        """
        account = self._store.accounts.get(person.account)
        place = ("proof", account.id)
        self._count([(self._by_place, place)])
        if not self._fits(account, password, code):
            if account.totp and passwords.is_right(password, account.password) and codes.step_of(account.totp, code, 0):
                raise SignInError(USED_CODE)  # the right one, typed for the signature before
            self._failed(f"at a signature: {account.name}", caller, actor=account.name)
            raise SignInError(WRONG_CODE if account.totp else "The password is wrong. Type it again.")
        self._by_place.forgive(place)
        self._store.sessions.prove(person.session, datetime.now(UTC))

    def prove_by_service(self, person: Person, issuer: str, claims: Mapping[str, Any], id_token: str) -> None:
        """Take a new sign-in at the service, for the next signature.

        It has to be later than what the service said last of this session: its answer to a browser that left out what
        we asked for, a new password, would be of the sign-in before. Both times are of the clock of the service.

        Raises
        ------
        SignInError
            If it is of somebody else, or not new.
        """
        account = self._store.accounts.get(person.account)
        found = self._store.sessions.get(person.session)
        made, now = int(claims.get("auth_time", 0)), datetime.now(UTC)
        before = max(issued_at(found[0].id_token) if found else 0, int((now - PROOF).timestamp()))
        if account.subject != f"{issuer} {claims['sub']}" or made <= before:
            raise SignInError("The sign-in service did not ask for the password of this account. Try again.")
        self._store.sessions.prove(person.session, now, id_token=id_token)

    def take_proof(self, person: Person) -> None:
        """Use the proof of a person for one signature.

        Raises
        ------
        ReadingError
            If there is none of the last minutes.
        """
        if not self._store.sessions.take_proof(person.session, datetime.now(UTC) - PROOF):
            raise ReadingError(PROVE)

    def sign_out(self, person: Person, caller: Caller) -> str:
        """End the session, and return the ID token that the sign-in service gave for it; "" without."""
        found = self._store.sessions.get(person.session)
        self._live.end(key=person.session)
        note(self._store, Event.SIGNED_OUT, "", actor=person.name, account=person.account, address=caller.address)
        return found[0].id_token if found else ""

    def change_password(self, person: Person, old: str, new: str, caller: Caller) -> None:
        """Change the password; all other sessions of the account end.

        Raises
        ------
        SignInError
            If the old one is wrong or the new one can be guessed.
        """
        account = self._store.accounts.get(person.account)
        if not account.password:
            raise DeniedError("This account has its password at the sign-in service. Change it there.")
        place = ("change", account.id)
        self._count([(self._by_place, place)])
        if not passwords.is_right(old, account.password):
            self._failed(f"at a change of the password: {account.name}", caller, actor=account.name)
            raise SignInError("The present password is wrong. Type it again.")
        self._by_place.forgive(place)
        if passwords.is_right(passwords.checked(new, account.login, account.name), account.password):
            raise SignInError("The new password is the present one. Choose another.")
        self._store.accounts.change(account.id, password=passwords.hashed(new), must_change=False)
        self._live.end(account_id=account.id, but=person.session)
        self._did(Event.PASSWORD, "by its owner", account, caller)

    def set_codes(self, person: Person, key: str, password: str, code: str, caller: Caller) -> None:
        """Ask for one-time codes at every sign-in from now on; with an empty key, no longer.

        Raises
        ------
        SignInError
            If the password is wrong, or the code is not of this key.
        """
        account = self._store.accounts.get(person.account)
        place = ("codes", account.id)
        self._count([(self._by_place, place)])
        step = codes.step_of(key or account.totp, code, account.totp_step) if key or account.totp else None
        if not passwords.is_right(password, account.password) or step is None:
            self._failed(f"at a change of the codes: {account.name}", caller, actor=account.name)
            raise SignInError(WRONG_CODE)
        self._by_place.forgive(place)
        self._store.accounts.change(account.id, totp=key, totp_step=step if key else 0)
        said = "one-time codes set up" if key else "one-time codes switched off"
        self._did(Event.ACCOUNT, said, account, caller)

    def _counts(self, account: Account | None, key: str, caller: Caller) -> list[tuple[Throttle, tuple[str, ...]]]:
        sessions = self._store.sessions
        if account is not None and caller.device and sessions.knows(account.id, device=digest(caller.device)):
            return [(self._by_place, ("device", account.id, digest(caller.device)))]
        place = (self._by_place, ("address", key, caller.address))
        if account is not None and sessions.knows(account.id, address=caller.address):
            return [place]
        return [place, (self._by_account, ("account", key)), (self._by_address, ("address", caller.address))]

    def _count(self, counts: Sequence[tuple[Throttle, tuple[str, ...]]]) -> None:
        waits = [throttle.wait(key) for throttle, key in counts]
        waits = waits if max(waits) else [throttle.attempt(key) for throttle, key in counts]
        if max(waits):
            raise ThrottledError(max(waits))

    def _forgive(self, counts: Sequence[tuple[Throttle, tuple[str, ...]]]) -> None:
        """Forget the failures of this account at this place; to the other counts this was just no failure."""
        for throttle, key in counts:
            if throttle is self._by_place:
                throttle.forgive(key)
            else:
                throttle.undo(key)

    def _fits(self, account: Account | None, password: str, code: str) -> bool:
        known = account.password if account is not None and account.closed_at is None else ""
        if not passwords.is_right(password, known) or account is None:
            return False
        if not account.totp:
            return True
        step = codes.step_of(account.totp, code, account.totp_step)
        return step is not None and self._store.accounts.use_code(account.id, step)

    def _did(self, event: Event, detail: str, account: Account, caller: Caller) -> None:
        note(self._store, event, detail, actor=account.name, account=account.id, address=caller.address)

    def _failed(self, detail: str, caller: Caller, actor: str = STRANGER) -> None:
        note(self._store, Event.SIGN_IN_FAILED, detail, actor=actor, address=caller.address)

    def _made(self, subject: str, roles: frozenset[Role], claims: Mapping[str, Any], names: Sequence[str]) -> Account:
        stated = [visible(str(claims[one]), MAX_NAME) for one in names if claims.get(one)] or [str(claims["sub"])]
        login = visible(str(claims.get("preferred_username") or claims.get("email") or claims["sub"]), 100).casefold()
        for name in (checked(stated[0]), checked(f"{stated[0]} ({login})"[:MAX_NAME])):
            made = Account(
                id=uuid4().hex,
                login=f"oidc {digest(subject)[:32]}",  # with a space: never what a person with a password types
                login_key=digest(subject),
                name=name,
                name_key=skeleton(name),
                roles=roles,
                password="",
                must_change=False,
                made_at=datetime.now(UTC),
                subject=subject,
            )
            try:
                self._store.accounts.add(made)
            except ConflictError:
                continue
            return made
        raise SignInError("Another account has this name. Ask an administrator to change yours at the sign-in service.")


def issued_at(id_token: str) -> int:
    """Return when the service made an ID token, in seconds since 1970 by its clock; 0 if it does not say.

    It was verified when it came, and is on the record since.
    """
    with suppress(ValueError, KeyError, IndexError, TypeError):
        return int(json.loads(urlsafe_b64decode(id_token.split(".")[1] + "=="))["iat"])
    return 0
