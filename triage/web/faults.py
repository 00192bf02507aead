"""Errors of disk and database, and values that they cannot hold, in one sentence: ASGI middleware around every route.

Tested in tests/web/test_faults.py.
"""

from __future__ import annotations

import logging

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triage.errors import InputError, StorageError, storage_error
from triage.languages.speech import retold
from triage.web.headers import AGAIN
from triage.web.media import ROOT

logger = logging.getLogger(__name__)


class Faults:
    """Answers 503 where disk or database failed, and 400 where they cannot hold what was sent.

    A client that goes away is no error.

    Parameters
    ----------
    app
        Whatever answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; an answer that was begun breaks off."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return  # whoever asked went away, or was cut off: no error, and nobody to answer
        except (StorageError, InputError, OSError) as error:
            if begun or scope["type"] != "http":
                raise
            logger.warning("an answer did not come about: %s", type(error).__name__)
            await answer(error, scope)(scope, receive, send)


def answer(error: StorageError | InputError | OSError, scope: Scope) -> Response:
    """Return the answer to a request that failed: JSON for our scripts, plain text for people and programs."""
    said = str(storage_error(error) if isinstance(error, OSError) else error)
    status = 400 if isinstance(error, InputError) else 503
    path, accept = str(scope["path"]), Headers(scope=scope).get("accept", "")
    if path.startswith(ROOT):  # what is sent to another program stays English
        return PlainTextResponse(said, status)
    if "text/html" in accept:
        # A browser asks again by itself, unless that would send a form twice.
        again = {"Refresh": AGAIN} if status == 503 and scope.get("method") == "GET" else None
        return PlainTextResponse(retold(said), status, again)
    return JSONResponse({"reason": retold(said)}, status)
