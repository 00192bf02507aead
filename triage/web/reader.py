"""Requests that our own pages make: who the reader is, from where they may come, how they are answered.

Tested in tests/web/test_worklist.py.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from triage.errors import (
    ConflictError,
    DeniedError,
    InputError,
    NotFoundError,
    ReadingError,
    ThrottledError,
    TriageError,
)
from triage.languages.speech import retold, t
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.reading import UNKEPT
from triage.web.guard import READER, SIGN_IN, person_of
from triage.web.site import OURS

#: In single-user mode, the cookie in which a browser remembers its reader, percent-encoded.
COOKIE = READER
#: Largest body of a request: bytes.
MAX_BODY = 2**18
STATUS = {
    InputError: 400,
    ReadingError: 422,
    ConflictError: 409,
    NotFoundError: 404,
    DeniedError: 403,
    ThrottledError: 429,
}
NO_STORE = {"Cache-Control": "no-store"}


class Answer(JSONResponse):
    """JSON for our pages; what no text can hold, but a record may have, is shown as a question mark."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of the answer."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def reader_of(request: Request) -> str:
    """Return the name of the reader who makes a request: of the account, whatever the browser says.

    It is "" for nobody, and in single-user mode while none is entered.
    """
    person = person_of(request.scope)
    return person.name if person else ""


def acting(request: Request, installation: Installation) -> Acting:
    """Return what the person who makes a request may make the installation do.

    Raises
    ------
    HTTPException
        401, if it is nobody.
    """
    person = person_of(request.scope)
    if person is None:
        raise HTTPException(401, t(SIGN_IN), NO_STORE)
    return Acting(installation, person)


def refuse_other_sites(request: Request) -> None:
    """Refuse what another site makes a browser send.

    Raises
    ------
    HTTPException
        403.
    """
    if request.headers.get("sec-fetch-site", "none") not in OURS:
        raise HTTPException(403, t("Only the pages of this installation may ask for this."), NO_STORE)


def answering(work: Callable[[Request, dict[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that answers with the JSON of what `work` returns; an error becomes its sentence.

    Parameters
    ----------
    work
        Gets the request and the JSON object of its body, {} without one; it runs in a thread.
    """

    async def endpoint(request: Request) -> Response:
        refuse_other_sites(request)
        try:
            sent = await _body(request)
            answer, status = await to_thread.run_sync(work, request, sent), 200
        except TriageError as error:
            answer, status = {"reason": retold(str(error))}, STATUS.get(type(error), 503)
        return Answer(answer, status, NO_STORE)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise HTTPException(413, t("More than {size} KB. Shorten the comment.", size=MAX_BODY // 1024), NO_STORE)
    try:
        sent = json.loads(data) if data else {}
        json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()  # no half surrogate pairs, no NaN
    except UnicodeEncodeError as error:
        raise InputError(UNKEPT) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, t("The body is not JSON. Load the page again."), NO_STORE) from error
    if not isinstance(sent, dict):
        raise HTTPException(400, t("The body is not a JSON object. Load the page again."), NO_STORE)
    return sent
