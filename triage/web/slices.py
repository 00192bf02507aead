"""What the viewer in the browser asks for: its modules, the study, slices at full depth, thumbnails and layers."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from PIL import Image
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from triage.domain import AIResult, Finding, Slice
from triage.errors import NotFoundError, TriageError
from triage.inference.explain import Method
from triage.languages.speech import later, retold, t
from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.records.same_patient import others
from triage.scans.windows import PLAIN
from triage.web import modules
from triage.web.layers import Layers
from triage.web.opened import Decoded, Opened, OpenStudies
from triage.web.reader import acting, reader_of, refuse_other_sites
from triage.web.study_json import described, described_aside

#: Path below which all of it is served.
VIEWER = "/viewer"
#: The address holds the digest of what is sent, so that a browser never has to ask again.
FOREVER = "private, max-age=31536000, immutable"
#: Compression that costs less time than it saves on a network of a hospital.
LEVEL = 1
#: Requests at one time that score or explain; the cores are shared with the queue.
MAX_SCORING = 2
#: Side of a thumbnail: pixels.
THUMBNAIL = 96
#: Header of what a browser fetches before anybody looks at it, see assets/viewer/ahead.js.
AHEAD = "triage-ahead"
#: Number of the first series that is not scored: whatever else there is, has a smaller one.
ASIDE = 100_000
NO_SLICE = later("This study has no such series or slice. Open it from the worklist.")

T = TypeVar("T")


class _Hex(Convertor[str]):
    regex = "[0-9a-f]{16,32}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Module(Convertor[str]):
    regex = r"(?:[a-z]{1,20}/)?[a-z_]{1,40}\.(?:js|css|json)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class Slices:
    """The routes of the viewer.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._studies = OpenStudies(installation)
        self._layers = Layers()
        self._scoring = CapacityLimiter(MAX_SCORING)

    async def module(self, request: Request) -> Response:
        """Send a module: ``GET /viewer/modules/{digest}/{file}``.

        Under another digest than that of now, or without one, the browser asks each time whether it has changed.
        """
        name = request.path_params["file"]
        path = (self._installation().settings.keys if name == "keys.json" else None) or modules.MODULES / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise HTTPException(404, t("There is no such module. Reload the page.")) from error
        etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        keep = FOREVER if request.path_params.get("digest") == modules.digest() else "no-cache"
        return _unless_known(request, etag, lambda: data, modules.MEDIA_TYPES[path.suffix], keep)

    async def study(self, request: Request) -> Response:
        """Describe a study: ``GET /viewer/studies/{study}/study.json``."""
        found = await _said(to_thread.run_sync(self._describe, request.path_params["study"], reader_of(request)))
        await self._note(request, ahead=AHEAD in request.headers)
        return _json(request, found, "no-store")

    async def aside(self, request: Request) -> Response:
        """Describe what is not scored of a study: ``GET /viewer/studies/{study}/{version}/aside.json``."""
        decoded = await self._aside(request)
        await self._note(request, ahead=False)
        study_id = request.path_params["study"]
        study = await _said(to_thread.run_sync(self._installation().store.study, study_id))
        opened = Opened(replace(study, results=()), request.path_params["version"], decoded.series, decoded.windows)
        return _json(request, await to_thread.run_sync(described_aside, opened, ASIDE), "no-store")

    async def slice(self, request: Request) -> Response:
        """Send a slice, little-endian: ``GET /viewer/studies/{study}/{version}/slices/{series}/{at}``."""
        one = await self._slice(request, ahead=AHEAD in request.headers)
        etag = f'"{request.path_params["version"]}-{request.path_params["series"]}-{request.path_params["at"]}"'
        pixels = partial(_little_endian, one)
        return await to_thread.run_sync(_unless_known, request, etag, pixels, "application/octet-stream", FOREVER)

    async def thumbnail(self, request: Request) -> Response:
        """Send a small picture of a slice: ``GET /viewer/studies/{study}/{version}/thumbnails/{series}/{at}``."""
        picture = await to_thread.run_sync(thumbnail, await self._slice(request))
        return Response(picture, media_type="image/png", headers={"Cache-Control": FOREVER})

    async def layers(self, request: Request) -> Response:
        """Send heat map and outline: ``GET /viewer/studies/{study}/{version}/layers/{model}/{series}/{at}``.

        ``?finding=`` names the class to explain, ``?method=`` how, both as in the code.
        """
        asked = request.path_params
        if int(asked["series"]) >= ASIDE:
            raise HTTPException(404, t(NO_SLICE))
        try:
            finding = Finding(asked_for) if (asked_for := request.query_params.get("finding")) else None
            method = Method[request.query_params.get("method", Method.CAM.name).upper()]
        except (ValueError, KeyError) as error:
            raise HTTPException(400, t("There is no such class or method. Choose one in the viewer.")) from error
        runtime = await _said(to_thread.run_sync(self._installation().serving.made_by, asked["model"]))
        if runtime is None:
            raise HTTPException(404, t("The model has changed since this study was opened. Reload the page."))
        if await to_thread.run_sync(self._hides_ai, asked["study"], reader_of(request)):
            raise HTTPException(403, t("Commit a class first: this is a blind reading."))
        one = await self._slice(request)
        key = asked["version"], asked["series"], asked["at"]
        made = to_thread.run_sync(self._layers.of, runtime, key, one, finding, method, limiter=self._scoring)
        return _json(request, await _said(made), FOREVER)

    async def _slice(self, request: Request, *, ahead: bool = False) -> Slice:
        asked = request.path_params
        study = asked["study"], asked["version"]
        number, at = int(asked["series"]), int(asked["at"])
        try:
            if number >= ASIDE:
                one = (await self._aside(request)).series[number - ASIDE].slices[at]
            else:
                one = (
                    self._studies.at_once(*study, number, at)
                    or (await self._decoded(request)).series[number].slices[at]
                )
        except IndexError as error:
            raise HTTPException(404, t(NO_SLICE)) from error
        if ahead:
            opens_at = await _said(to_thread.run_sync(self._opens_at, asked["study"], reader_of(request)))
            ahead = (number, at) in opens_at
        await self._note(request, ahead=ahead)
        return one

    async def _decoded(self, request: Request) -> Decoded:
        asked = request.path_params
        decoding = await _said(to_thread.run_sync(self._studies.decoding, asked["study"], asked["version"]))
        # A browser that goes away ends its waiting, not the decoding, for which others may wait.
        return await _said(asyncio.shield(asyncio.wrap_future(decoding)))

    async def _aside(self, request: Request) -> Decoded:
        asked, scored = request.path_params, (await self._decoded(request)).series
        decoding = await _said(to_thread.run_sync(self._studies.aside, asked["study"], asked["version"], scored))
        return await _said(asyncio.shield(asyncio.wrap_future(decoding)))

    async def _note(self, request: Request, *, ahead: bool) -> None:
        """Note who looks at a study before anything of it is sent; a link on another site looks at none."""
        refuse_other_sites(request)
        who, study_id = acting(request, self._installation()), request.path_params["study"]
        if not self._installation().visits.goes_on(who.person, Event.VIEWED, study_id):
            await _said(to_thread.run_sync(partial(who.view, study_id, ahead=ahead)))

    def _open(self, study_id: str, reader: str) -> Opened:
        opened = self._studies.open(study_id)
        if self._installation().hides_ai(opened.study, reader):
            opened = replace(opened, study=replace(opened.study, results=()))
        return opened

    def _opens_at(self, study_id: str, reader: str) -> set[tuple[int, int]]:
        """Return the slices that our own page fetches ahead: whoever asks for others looks at the study."""
        first = self._open(study_id, reader).first
        if first is None:
            return set()
        number, at = first
        return {first, (number, at - 1 if at else 1)}

    def _describe(self, study_id: str, reader: str) -> dict[str, Any]:
        opened = self._open(study_id, reader)
        with self._installation().store.read() as session:
            return described(opened, others(session, study_id), self._model(opened.study.result))

    def _hides_ai(self, study_id: str, reader: str) -> bool:
        installation = self._installation()
        return installation.settings.blind_first_read and installation.hides_ai(
            installation.store.study(study_id), reader
        )

    def _model(self, result: AIResult | None) -> str:
        """Return the model that explains a result: the one that made it, or, if that is gone, the one that serves."""
        installation = self._installation()
        runtime = installation.runtime_of(result.model_sha256) if result else installation.runtime
        return runtime.card.sha256


def viewer_routes(installation: Callable[[], Installation]) -> list[BaseRoute]:
    """Return the routes of the viewer.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """
    register_url_convertor("hex", _Hex())
    register_url_convertor("module", _Module())
    slices, version = Slices(installation), "/studies/{study:hex}/{version:hex}"
    found = {
        "/modules/{file:module}": slices.module,
        "/modules/{digest:hex}/{file:module}": slices.module,
        "/studies/{study:hex}/study.json": slices.study,
        version + "/aside.json": slices.aside,
        version + "/slices/{series:int}/{at:int}": slices.slice,
        version + "/thumbnails/{series:int}/{at:int}": slices.thumbnail,
        version + "/layers/{model:hex}/{series:int}/{at:int}": slices.layers,
    }
    return [Route(VIEWER + path, answer) for path, answer in found.items()]


async def _said(made: Awaitable[T]) -> T:
    """Return what is made; an error becomes the sentence and status of the answer."""
    try:
        return await made
    except NotFoundError as error:
        raise HTTPException(404, retold(str(error))) from error
    except TriageError as error:
        raise HTTPException(503, retold(str(error))) from error


def _little_endian(one: Slice) -> bytes:
    return np.ascontiguousarray(one.pixels, one.pixels.dtype.newbyteorder("<")).tobytes()


def thumbnail(one: Slice, side: int = THUMBNAIL) -> bytes:
    """Return a small picture of a slice as PNG; its longer side has so many pixels."""
    low, high = np.percentile(one.pixels, PLAIN)
    gray = np.clip((one.pixels.astype(np.float32) - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    height, width = gray.shape
    down, along = one.spacing or (1.0, 1.0)
    shrink = side / max(height * down, width * along)
    size = max(round(width * along * shrink), 1), max(round(height * down * shrink), 1)
    buffer = io.BytesIO()
    Image.fromarray(gray).resize(size).save(buffer, "PNG")
    return buffer.getvalue()


def _json(request: Request, content: Any, keep: str) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return _packed(request, body, "application/json", {"Cache-Control": keep})


def _unless_known(request: Request, etag: str, body: Callable[[], bytes], kind: str, keep: str) -> Response:
    """Return the body, or 304 if the browser has it."""
    headers = {"ETag": etag, "Cache-Control": keep}
    known = re.findall(r'"[^"]*"', request.headers.get("if-none-match", ""))
    if etag in known:
        return Response(status_code=304, headers=headers)
    return _packed(request, body(), kind, headers)


def _packed(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    headers = headers | {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, LEVEL, mtime=0), "gzip"
    return Response(body, media_type=kind, headers=headers)
