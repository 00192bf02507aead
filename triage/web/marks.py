"""Marks: ``GET`` and ``PUT /viewer/studies/<study>/marks`` of the reader, ``GET …/marks/signed`` of the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from triage.errors import NotFoundError, ReadingError, StorageError
from triage.languages.speech import later, retold
from triage.pipeline.installation import Installation
from triage.reading import hidden_from
from triage.records.marked import MAX_BYTES
from triage.records.marks import MarkDraft, latest
from triage.text import readable_name
from triage.web.reader import NO_STORE, Answer, reader_of, refuse_other_sites

ADDRESS = "/viewer/studies/{study_id}/marks"
TOO_LARGE = later("There are too many marks to keep. Undo the last one.")
NOT_UNDERSTOOD = later("The marks were not understood. Reload the page, then draw the last one again.")


def mark_routes(installation: Callable[[], Installation]) -> list[BaseRoute]:
    """Return the three routes.

    A ``PUT`` holds `version`, that of the draft which it continues, and `content`. It is answered with 200 and the new
    version, or with 409 and what another window of the reader kept meanwhile. Every refusal says why in `error`.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    async def read(request: Request) -> Response:
        return await _answer(request, lambda study_id, name: (200, installation().store.marks.draft(study_id, name)))

    async def others(request: Request) -> Response:
        return await _answered(
            request, lambda study_id, name: (200, {"readings": visible(installation(), study_id, name)})
        )

    async def save(request: Request) -> Response:
        body = await _body(request)

        def kept(study_id: str, name: str) -> tuple[int, MarkDraft]:
            if len(body) > MAX_BYTES:
                raise ReadingError(TOO_LARGE)
            content, seen = _understood(body)
            is_kept, draft = installation().store.marks.save(study_id, name, content, seen=seen)
            return (200 if is_kept else 409), draft

        return await _answer(request, kept)

    return [
        Route(ADDRESS, read, methods=["GET"]),
        Route(ADDRESS, save, methods=["PUT"]),
        Route(ADDRESS + "/signed", others, methods=["GET"]),
    ]


def visible(installation: Installation, study_id: str, reader: str) -> list[dict[str, Any]]:
    """Return what the other readers of a study marked, as JSON: of each, the marks of the latest signed reading.

    A reader who may not see the readings yet, or not yet the AI result with which their outlines can begin, gets none.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    store = installation.store
    status, readings = store.readings.of(study_id)
    if hidden_from(reader, readings, status) or installation.awaits_commit(store.study(study_id), reader):
        return []
    return [
        {"reader": readable_name(one.reader), "content": one.marks.stored()}
        for one in latest(store.marks.signed(study_id), readings)
        if one.reader != reader
    ]


async def _answer(request: Request, ask: Callable[[str, str], tuple[int, MarkDraft]]) -> Response:
    def told(study_id: str, name: str) -> tuple[int, dict[str, Any]]:
        status, draft = ask(study_id, name)
        saved_at = draft.saved_at.isoformat() if draft.saved_at else None
        return status, {"version": draft.version, "content": draft.marks.stored(), "saved_at": saved_at}

    return await _answered(request, told)


async def _answered(request: Request, ask: Callable[[str, str], tuple[int, dict[str, Any]]]) -> Response:
    refuse_other_sites(request)

    def answered() -> tuple[int, dict[str, Any]]:
        try:
            return ask(request.path_params["study_id"], reader_of(request))
        except NotFoundError as error:
            return 404, {"error": retold(str(error))}
        except ReadingError as error:
            return 400, {"error": retold(str(error))}
        except StorageError as error:
            return 503, {"error": retold(str(error))}

    status, content = await to_thread.run_sync(answered)
    return Answer(content, status, NO_STORE)


async def _body(request: Request) -> bytes:
    """Return the body, no more of it than tells that it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            break
    return bytes(body)


def _understood(body: bytes) -> tuple[object, int]:
    try:
        sent = json.loads(body)
        content, version = sent["content"], sent["version"]
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()  # no half surrogate pairs, no NaN
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReadingError(NOT_UNDERSTOOD) from error
    if not isinstance(version, int):
        raise ReadingError(NOT_UNDERSTOOD)
    return content, version
