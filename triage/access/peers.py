"""DICOMweb peers: whose token a request presents, and what the peer may do."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from triage.access.live import digest
from triage.access.roles import PeerRight
from triage.access.throttle import Throttle
from triage.access.trail import STRANGER, note
from triage.errors import ThrottledError
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.tokens import Token

#: Peer that presents the token of the settings.
OF_THE_SETTINGS = "TRIAGE_TOKEN"
#: Seconds that an answer of the record counts.
KEEP = 0.9
#: Time between two notes on the record that a token is in use.
NOTE = timedelta(minutes=10)
#: Wrong tokens of one address without a delay, and the longest delay: seconds.
WRONG_TOKENS = (10, 60.0)
#: Pairs of token and address that are remembered as right.
MAX_SEEN = 1_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A DICOMweb peer and its rights."""

    name: str
    rights: frozenset[PeerRight]


class Peers:
    """The peers of one installation. Safe to call from many threads.

    Parameters
    ----------
    store
        Holds their tokens.
    token
        Token of the settings, "" without one.
    """

    def __init__(self, store: Store, token: str) -> None:
        self._store = store
        self._own = digest(token) if token else ""
        self._wrong = Throttle(*WRONG_TOKENS)
        self._lock = Lock()
        self._tokens: dict[str, Token] = {}
        self._read_at = -KEEP
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def any(self) -> bool:
        """Return whether DICOMweb is on: whether any token is valid."""
        return bool(self._own or self._known())

    def of(self, token: str, address: str) -> Peer | None:
        """Return the peer whose token it is, None if it is nobody's.

        After some wrong tokens, an address is not listened to for a while; a token that was right there before is.

        Raises
        ------
        ThrottledError
            While the address is not listened to.
        """
        key = digest(token)
        pair = (key, address)
        if pair not in self._right and (wait := self._wrong.attempt(address)):
            raise ThrottledError(wait)
        peer = self._peer(key)
        if peer is None:
            if pair in self._right:  # revoked meanwhile
                with self._lock:
                    self._right.pop(pair, None)
            note(self._store, Event.SIGN_IN_FAILED, "DICOMweb: wrong token", actor=STRANGER, address=address)
            return None
        if pair not in self._right:
            self._wrong.undo(address)
            with self._lock:
                self._right[pair] = None
                while len(self._right) > MAX_SEEN:
                    self._right.popitem(last=False)
        return peer

    def deny(self, actor: str, right: PeerRight, address: str) -> None:
        """Note that a peer asked for what it has no right to."""
        note(self._store, Event.DENIED, right, actor=actor, address=address)

    def _peer(self, key: str) -> Peer | None:
        if key == self._own:
            return Peer(OF_THE_SETTINGS, frozenset(PeerRight))
        token = self._known().get(key) or self._known(anew=True).get(key)  # it may have been made just now
        if token is None:
            return None
        now = datetime.now(UTC)
        if token.used_at is None or now - token.used_at > NOTE:
            self._store.tokens.used(token.id, now)
            self._read_at = -KEEP
        return Peer(token.peer, frozenset(map(PeerRight, token.rights)))

    def _known(self, *, anew: bool = False) -> dict[str, Token]:
        """Return the valid tokens by digest, asked for at most once a second."""
        with self._lock:
            if anew or time.monotonic() - self._read_at > KEEP:
                self._tokens = {one.sha256: one for one in self._store.tokens.all() if one.revoked_at is None}
                self._read_at = time.monotonic()
            return self._tokens
