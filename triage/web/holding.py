"""What a browser uploads goes to disk as it arrives, never into memory: ASGI middleware before Streamlit's own route.

Streamlit checks the request, and keeps names and numbers of the files; a page is that of the account that opened it.
Tested in tests/e2e/test_faults.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.errors import NotFoundError, RefusedError
from triage.languages.speech import later, retold, t
from triage.pipeline.held import GONE, Held
from triage.pipeline.installation import Installation
from triage.web import cookies
from triage.web.guard import person_of
from triage.web.media import parsed
from triage.web.multipart import CLOSE, WRITE_BYTES, Parts, arriving
from triage.web.site import Site

#: The route of Streamlit, and in it the numbers that it gives to a page and to one of its files.
ROUTE = "/_stcore/upload_file/"
PATH = re.compile(ROUTE + "([0-9a-f-]{1,64})/([0-9a-f-]{1,64})")
#: Seconds between two looks whether pages have been closed, and looks that a page may be away.
LOOK, PATIENCE = 30.0, 5
NOT_YOURS = later("This page is not open here. Load it again, then choose the files anew.")
NO_FILE = later("This is not one file of a form. Load the page again, then choose the files anew.")


class Holding:
    """Writes the files of uploads to disk, and passes on an upload with an empty file.

    Parameters
    ----------
    app
        The server of the pages.
    installation
        Returns the installation; called for every upload.
    cookies_of
        Returns the cookies with which a page, by its number, was opened; None while it is not open.
    """

    def __init__(
        self,
        app: ASGIApp,
        installation: Callable[[], Installation],
        cookies_of: Callable[[str], Mapping[str, str] | None],
    ) -> None:
        self._app, self._installation, self._cookies_of = app, installation, cookies_of
        self._away: dict[str, int] = {}
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        path = str(scope.get("path", "")) if scope["type"] == "http" else ""
        if not path.startswith(ROUTE) or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        key = PATH.fullmatch(path)
        if key is None:  # Streamlit takes any number, and would keep the file in memory
            await PlainTextResponse(t(NOT_YOURS), 404, CLOSE)(scope, receive, send)
            return
        held, named, status = self._installation().held, (key[1], key[2]), 0
        if scope["method"] == "DELETE" and not await to_thread.run_sync(self._owns, scope, key[1]):
            await PlainTextResponse(t(NOT_YOURS), 404)(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        begun, written = list[Path](), list[bytes]()

        async def receiving() -> Message:
            """Called once Streamlit has checked the request: take the whole body, and give it back without the file."""
            if not written:
                if not await to_thread.run_sync(self._owns, scope, key[1]):
                    raise HTTPException(404, t(NOT_YOURS), CLOSE)
                begun.append(await to_thread.run_sync(held.begin, named, _account(scope)))
                written.append(await _written(Request(scope, receive), held, named, begun[0]))
                return {"type": "http.request", "body": written[0], "more_body": False}
            return await receive()

        try:
            await self._app(scope, receiving if scope["method"] == "PUT" else receive, sending)
        finally:
            if scope["method"] == "DELETE":
                await to_thread.run_sync(held.drop, [named])
            elif status != 204:
                for folder in begun:
                    await to_thread.run_sync(held.break_off, named, folder)
            elif self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Drop the files of pages that stay closed, as long as there are files."""
        held = self._installation().held
        while await to_thread.run_sync(held.leave, self._stays):
            await asyncio.sleep(LOOK)
        self._away.clear()

    def _owns(self, scope: Scope, page: str) -> bool:
        """Return whether a page is open, by the account that makes the request."""
        kept, access = self._cookies_of(page), self._installation().access
        if kept is None or access.single_user():
            return kept is not None
        opener = access.live.person(cookies.session_of(kept, secure=Site(access.settings.address).secure))
        return opener is not None and opener.account == _account(scope)

    def _stays(self, page: str) -> bool:
        self._away[page] = 0 if self._cookies_of(page) is not None else self._away.get(page, 0) + 1
        return self._away[page] < PATIENCE


def _account(scope: Scope) -> str:
    """Return the account that makes a request; "" in single-user mode."""
    person = person_of(scope)
    return person.account if person else ""


async def _written(request: Request, held: Held, key: tuple[str, str], folder: Path) -> bytes:
    """Write the file of a form to disk, and return the form without its content.

    Raises
    ------
    HTTPException
        400, if there is not one file; 408, if the sender falls silent; 409, if the file was removed meanwhile; 413, if
        the page or the account holds too much.
    StorageError, OSError
        If all pages hold too much, or the disk is full.
    """
    _, parameters = parsed(request.headers.get("content-type", ""))
    boundary = parameters.get("boundary", "")
    gathered = bytearray()
    with Parts(boundary, folder) as parts:
        try:
            async for chunk in arriving(request):
                gathered += chunk
                if len(gathered) >= WRITE_BYTES:
                    held.grow(key, folder, len(gathered))
                    await to_thread.run_sync(parts.write, bytes(gathered))
                    gathered.clear()
            held.grow(key, folder, len(gathered))
            await to_thread.run_sync(parts.write, bytes(gathered))
        except RefusedError as error:
            raise HTTPException(413, retold(str(error))) from error
        except (NotFoundError, FileNotFoundError) as error:  # its folder may go between counting and writing
            raise HTTPException(409, retold(GONE), CLOSE) from error
        if not boundary or len(parts.complete()) != 1:
            raise HTTPException(400, t(NO_FILE))
        marker = b"--" + boundary.encode("latin-1")
        return b"\r\n".join((marker, parts.headers[0], b"", b"", marker + b"--", b""))
