"""The language of a request, and the messages that the scripts of the browser show in it."""

from __future__ import annotations

import hashlib
import json
from functools import cache

from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from triage.languages.catalogue import catalogue, preferred
from triage.languages.speech import language, locale, speaking
from triage.settings import ROOT

#: The cookie in which a browser keeps the language that was chosen in it.
COOKIE = "triage_language"
#: The module that says messages; the modules of each folder import it from beside them.
MODULE = ROOT / "assets" / "t.js"
#: It depends on who asks, and is asked for once by each page.
CHECK_FIRST = {"Cache-Control": "private, no-cache", "Vary": "Cookie, Accept-Language"}


class Speaking:
    """ASGI middleware: whatever answers a request speaks the language of the browser, or the one chosen in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with speaking(locale_of(scope)):
            await self._app(scope, receive, send)


def locale_of(scope: Scope) -> str:
    """Return the locale in which a request is answered."""
    request = HTTPConnection(scope)
    return preferred(request.cookies.get(COOKIE, ""), request.headers.get("accept-language", ""))


def language_routes() -> list[BaseRoute]:
    """Return the routes of the messages and of the module that says them."""
    modules = ("/worklist/modules/t.js", "/reading/t.js", "/viewer/t.js", "/viewer/modules/t.js")
    return [Route("/languages/messages.json", _messages), *(Route(path, _module) for path in modules)]


async def _messages(request: Request) -> Response:
    """Send locale and messages; a browser that has them by their digest is told so."""
    body, etag = _packed(locale(), language())
    headers = {"ETag": etag, **CHECK_FIRST}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@cache
def _packed(place: str, code: str) -> tuple[bytes, str]:
    known = catalogue(code)
    said = {message: known.messages[message] for message in sorted(known.browser)}
    body = json.dumps({"locale": place.replace("_", "-"), "messages": said}, ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


async def _module(_: Request) -> Response:
    return FileResponse(MODULE, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
