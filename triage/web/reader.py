"""Requests that our own pages make: who the reader is, from where they may come, how they are answered.

Tested in tests/web/test_worklist.py.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.errors import ConflictError, NotFoundError, ReadingError, TriageError
from triage.text import visible
from triage.web.same_site import OURS

#: The cookie in which a browser remembers its reader, percent-encoded.
COOKIE = "triage_reader"
#: Characters of a reader's name.
MAX_READER = 80
#: Largest body of a request: bytes.
MAX_BODY = 2**18
STATUS = {ReadingError: 422, ConflictError: 409, NotFoundError: 404}
NO_STORE = {"Cache-Control": "no-store"}


def reader_of(request: Request) -> str:
    """Return the name of the reader; "" while none is entered. The cookie of a browser may hold anything."""
    return visible(unquote(request.cookies.get(COOKIE, "")), MAX_READER)


def refuse_other_sites(request: Request) -> None:
    """Refuse what another site makes a browser send.

    Raises
    ------
    HTTPException
        403.
    """
    if request.headers.get("sec-fetch-site", "none") not in OURS:
        raise HTTPException(403, "Only the pages of this installation may ask for this.", NO_STORE)


def answering(work: Callable[[Request, dict[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that answers with the JSON of what `work` returns; an error becomes its sentence.

    Parameters
    ----------
    work
        Gets the request and the JSON object of its body, {} without one; it runs in a thread.
    """

    async def endpoint(request: Request) -> Response:
        refuse_other_sites(request)
        sent = await _body(request)
        try:
            answer, status = await to_thread.run_sync(work, request, sent), 200
        except TriageError as error:
            answer, status = {"reason": str(error)}, STATUS.get(type(error), 503)
        return JSONResponse(answer, status, NO_STORE)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise HTTPException(413, f"More than {MAX_BODY // 1024} KB. Shorten the comment.", NO_STORE)
    try:
        sent = json.loads(data) if data else {}
    except ValueError as error:
        raise HTTPException(400, "The body is not JSON. Load the page again.", NO_STORE) from error
    if not isinstance(sent, dict):
        raise HTTPException(400, "The body is not a JSON object. Load the page again.", NO_STORE)
    return sent
