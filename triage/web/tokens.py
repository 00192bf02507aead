"""DICOMweb peers present their token, as Bearer or as the password of Basic; each has rights of its own."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from triage.access.peers import OF_THE_SETTINGS, Peer, Peers
from triage.access.roles import PeerRight
from triage.errors import ThrottledError
from triage.records import origin
from triage.records.origin import Origin
from triage.web.guard import address_of

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="NeuroTriage", Basic realm="NeuroTriage", charset="UTF-8"'}
#: Under which a request carries the peer that makes it.
PEER = "triage.peer"
OFF = "DICOMweb is off. Make a token: python -m triage token add PEER --may store"
WRONG = "Present the token of this peer. An administrator makes one: python -m triage token add PEER --may store"


class Tokens:
    """ASGI middleware that refuses requests without a valid token, or without the right.

    Parameters
    ----------
    app
        The guarded application.
    peers
        Returns the peers; called for every request.
    right
        What the peer must be allowed to do.
    """

    def __init__(self, app: ASGIApp, peers: Callable[[], Peers], right: PeerRight) -> None:
        self._app, self._peers, self._right = app, peers, right

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, 403 without the right, 429 after wrong tokens, 503 without any token."""
        token = presented(Headers(scope=scope).get("authorization", ""))
        address = address_of(scope)
        try:
            peer = await to_thread.run_sync(self._peer, token, address)
            if peer is not None and self._right not in peer.rights:
                await to_thread.run_sync(self._peers().deny, named(peer, address), self._right, address)
        except ThrottledError as error:
            await PlainTextResponse(str(error), 429, {"Retry-After": str(error.seconds)})(scope, receive, send)
            return
        answer: ASGIApp = self._app
        if peer is None:
            answer = PlainTextResponse(WRONG, 401, CHALLENGE) if self._peers().any() else PlainTextResponse(OFF, 503)
        elif self._right not in peer.rights:
            answer = PlainTextResponse(f"{peer.name} may not {self._right}. Make a token that may.", 403)
        scope[PEER] = peer
        with origin.coming_from(Origin(named(peer, address), address=address)):
            await answer(scope, receive, send)

    def _peer(self, token: str, address: str) -> Peer | None:
        peers = self._peers()
        return peers.of(token, address) if token and peers.any() else None


def named(peer: Peer | None, address: str) -> str:
    """Return the name of a peer for the audit trail; that of the token of the settings is its address."""
    name = "" if peer is None or peer.name == OF_THE_SETTINGS else f"{peer.name} at"
    return " ".join(filter(None, ("dicomweb", name, address)))


def presented(authorization: str) -> str:
    """Return the token of an Authorization header, "" without."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        # Headers are read as Latin-1, tokens are UTF-8.
        return credentials.strip().encode("latin-1", "replace").decode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            return b64decode(credentials, validate=True).partition(b":")[2].decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return ""
    return ""
