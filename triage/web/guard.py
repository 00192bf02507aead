"""Access control: peers present the token of the installation, as Bearer or as the password of Basic."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from secrets import compare_digest

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="NeuroTriage", Basic realm="NeuroTriage", charset="UTF-8"'}


class Guard:
    """ASGI middleware that refuses requests without the token.

    Parameters
    ----------
    app
        The guarded application.
    token
        Returns the token; while it is empty, every request is refused.
    """

    def __init__(self, app: ASGIApp, token: Callable[[], str]) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, or 503 if no token is set."""
        token = self._token()
        answer: ASGIApp = self._app
        if not token:
            answer = PlainTextResponse("DICOMweb is off. Set TRIAGE_TOKEN and restart the server.", 503)
        elif not compare_digest(_presented(Headers(scope=scope).get("authorization", "")), token.encode()):
            answer = PlainTextResponse("Present the token of this installation (TRIAGE_TOKEN).", 401, CHALLENGE)
        await answer(scope, receive, send)


def _presented(authorization: str) -> bytes:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            return b64decode(credentials, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""
