"""WADO-RS (PS3.18 10.4): the files of a study, series or instance as they were stored, and their headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from anyio import CapacityLimiter, to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from triage.errors import NotFoundError, TriageError
from triage.pipeline import Pipeline
from triage.records.search import FoundInstance, Search
from triage.web.media import DICOM, MULTIPART, DicomJson, want_json, wanted_syntaxes

#: Requests whose headers are read at one time; receiving goes through the same two processes.
AT_ONCE = 1
CHUNK = 2**20


class Wado:
    """The retrieve transaction.

    Parameters
    ----------
    parts
        Gives the installation's parts.
    """

    def __init__(self, parts: Callable[[], Pipeline]) -> None:
        self._parts = parts
        self._turns = CapacityLimiter(AT_ONCE)

    async def files(self, request: Request) -> Response:
        """Send the files: ``GET /studies/{study}[/series/{series}[/instances/{instance}]]``."""
        syntaxes, pipeline = wanted_syntaxes(request), self._parts()
        found = await to_thread.run_sync(_look_up, pipeline, request)
        if "*" not in syntaxes and not {item.instance.transfer_syntax for item in found} <= syntaxes:
            raise HTTPException(406, "Files are sent as they were stored. Accept transfer-syntax=*.")
        paths = await to_thread.run_sync(_paths, pipeline, found)
        boundary = uuid4().hex
        return StreamingResponse(
            _body(found, paths, boundary), media_type=f'{MULTIPART}; type="{DICOM}"; boundary={boundary}'
        )

    async def metadata(self, request: Request) -> Response:
        """Send the headers in DICOM JSON: the same addresses with ``/metadata``."""
        want_json(request)
        pipeline = self._parts()
        found = await to_thread.run_sync(_look_up, pipeline, request)
        return DicomJson(await to_thread.run_sync(_headers, pipeline, found, limiter=self._turns))


def _look_up(pipeline: Pipeline, request: Request) -> list[FoundInstance]:
    uids = request.path_params
    search = Search(pipeline.store.read)
    found = search.instances(uids["study"], uids.get("series", ""), uids.get("instance", ""))
    if not found:
        raise HTTPException(404, "There is no such study, series or instance here.")
    return found


def _paths(pipeline: Pipeline, found: Sequence[FoundInstance]) -> list[Path]:
    """Return where the files lie; all are looked at before the first one is sent."""
    try:
        return [pipeline.files.found(item.instance.sha256) for item in found]
    except NotFoundError as error:
        raise HTTPException(404, str(error)) from error


def _headers(pipeline: Pipeline, found: Sequence[FoundInstance]) -> list[dict[str, Any]]:
    try:
        return [pipeline.door.metadata(path) for path in _paths(pipeline, found)]
    except TriageError as error:
        raise HTTPException(503, str(error)) from error


def _body(found: Sequence[FoundInstance], paths: Sequence[Path], boundary: str) -> Iterator[bytes]:
    for item, path in zip(found, paths, strict=True):
        syntax = item.instance.transfer_syntax
        yield f"\r\n--{boundary}\r\nContent-Type: {DICOM}; transfer-syntax={syntax}\r\n\r\n".encode()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    yield f"\r\n--{boundary}--\r\n".encode()
