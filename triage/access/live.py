"""The sessions that are in use, kept in memory for a second: a request costs a look into a dictionary."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from triage.access.person import Person
from triage.access.roles import Role
from triage.records.accounts import Account
from triage.records.sessions import Session
from triage.records.store import Store

#: Seconds that an answer of the record counts: what is revoked elsewhere ends within that time.
KEEP = 0.9
#: Seconds between two notes on the record that somebody is at work.
NOTE = 60
#: Answers in memory; beyond that, the oldest are asked for again.
MAX_KEPT = 5_000


def digest(secret: str) -> str:
    """Return what the record keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(slots=True)
class _Kept:
    person: Person | None
    read_at: float
    active_at: datetime
    noted_at: datetime


class LiveSessions:
    """Sessions of one installation. Safe to call from many threads.

    Parameters
    ----------
    store
        Holds them.
    idle, limit
        Time without activity, and time since the sign-in, after which a session ends.
    """

    def __init__(self, store: Store, idle: timedelta, limit: timedelta) -> None:
        self._store, self._idle, self._limit = store, idle, limit
        self._lock = Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def begin(self, account: Account, *, address: str, browser: str, device: str, id_token: str = "") -> str:
        """Begin a session, and return the secret for its cookie."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        self._store.sessions.add(
            Session(digest(secret), account.id, now, now, address[:64], browser[:128], device, id_token)
        )
        return secret

    def cached(self, secret: str, *, active: bool) -> tuple[bool, Person | None]:
        """Return whether the person of a session is known without asking the record, and the person; never waits."""
        key = digest(secret)
        with self._lock:
            kept = self._kept.get(key)
            if not secret or kept is None or time.monotonic() - kept.read_at > KEEP:
                return not secret, None
            if active:
                kept.active_at = datetime.now(UTC)
            return True, kept.person

    def person(self, secret: str, *, active: bool = False) -> Person | None:
        """Return the person of a session, None if it is none or has ended.

        Parameters
        ----------
        secret
            What the cookie holds.
        active
            Whether a person did something; what a page asks for by itself does not prolong a session.
        """
        known, person = self.cached(secret, active=active)
        return person if known else self._look(digest(secret), active=active)

    def of(self, account_id: str) -> list[Session]:
        """Return the open sessions of an account, the latest first."""
        now = datetime.now(UTC)
        return [one for one in self._store.sessions.of(account_id, now - self._idle) if now - one.made_at < self._limit]

    def end(self, *, key: str = "", account_id: str = "", but: str = "") -> int:
        """End one session, or all of an account but one; see `Sessions.end`."""
        ended = self._store.sessions.end(datetime.now(UTC), key=key, account_id=account_id, but=but)
        self.forget()
        return ended

    def forget(self) -> None:
        """Ask the record again for everybody: an account has changed."""
        with self._lock:
            for kept in self._kept.values():
                kept.read_at = -KEEP * 2

    def _look(self, key: str, *, active: bool) -> Person | None:
        now = datetime.now(UTC)
        found = self._store.sessions.get(key)
        with self._lock:
            kept = self._kept.get(key)
        if found is None:
            return None  # not kept: anybody can make up as many as they like
        session, account = found
        active_at = max(session.seen_at, kept.active_at) if kept else session.seen_at
        noted_at = max(session.seen_at, kept.noted_at) if kept else session.seen_at
        ended = session.ended_at is not None or account.closed_at is not None
        if ended or now - active_at > self._idle or now - session.made_at > self._limit:
            person = None
        else:
            roles = frozenset(map(Role, account.roles))
            person = Person(account.name, roles, account.id, session.id, account.must_change)
            active_at = now if active else active_at
            if active_at - noted_at > timedelta(seconds=min(NOTE, self._idle.total_seconds() / 4)):
                self._store.sessions.seen(key, active_at)
                noted_at = active_at
        with self._lock:
            self._kept[key] = _Kept(person, time.monotonic(), active_at, noted_at)
            self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return person
