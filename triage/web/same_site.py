"""Requests that a page of another site makes in the name of a reader are refused.

Tested in tests/web/test_slices.py.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: Values of Sec-Fetch-Site (Fetch Metadata): our own pages, and an address typed or followed from a bookmark.
OURS = frozenset({"same-origin", "none"})


class SameSite:
    """ASGI middleware that refuses what another site asks for; programs send no Sec-Fetch-Site and pass.

    Parameters
    ----------
    app
        The guarded application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""
        answer: ASGIApp = self._app
        if Headers(scope=scope).get("sec-fetch-site", "none") not in OURS:
            answer = PlainTextResponse("Another site asked for this. Open it from NeuroTriage itself.", 403)
        await answer(scope, receive, send)
