"""The tools of the viewer on a stand-in for the viewport, with the routes and the record of the product."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import uvicorn
from playwright.sync_api import BrowserContext, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from triage.access.person import alone
from triage.pipeline.installation import Installation
from triage.settings import ROOT
from triage.web.guard import PERSON, READER
from triage.web.language import language_routes
from triage.web.marks import mark_routes

BENCH = Path(__file__).with_name("bench.html")
#: Where the stand-in lies in the window.
CORNER = (40, 30)


class Named:
    """Stands in for the guard, whose policy allows no script in the stand-in of the page: says who is there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).cookies.get(READER, "") if scope["type"] == "http" else ""
        await self.app(scope | {PERSON: alone(unquote(name))}, receive, send)


@dataclass
class Server:
    """A server that can be stopped and started again on its port."""

    installation: Installation
    port: int
    study_id: str = ""
    markers: list[str] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _server: uvicorn.Server | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def draft(self) -> dict[str, Any]:
        return self.installation.store.marks.draft(self.study_id, "Dr. A").marks.stored()

    def start(self) -> None:
        pages = [
            Route("/", lambda _: FileResponse(BENCH)),
            *language_routes(),
            Mount("/viewer/modules", StaticFiles(directory=ROOT / "assets" / "viewer")),
        ]
        app = Starlette(routes=[*pages, *mark_routes(lambda: self.installation)], middleware=[Middleware(Named)])
        config = uvicorn.Config(app, "127.0.0.1", self.port, log_level="error", lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join()
            self._server = None


def opened(context: BrowserContext, server: Server, *, mount: bool = True) -> Page:
    """Open the stand-in in a window of its own."""
    page = context.new_page()
    # `crypto.randomUUID` is not there without TLS, as in many departments.
    page.add_init_script("Object.defineProperty(crypto, 'randomUUID', {value: undefined})")
    page.goto(server.address)
    page.wait_for_function("window.ready")
    if mount:
        show(page, np.zeros((160, 200), np.uint16), server.markers[0])
        page.evaluate(
            "([studyId, markers]) => mount({studyId, markersOf: () => markers})",
            [server.study_id, server.markers],
        )
    return page


def show(page: Page, values: np.ndarray, marker: str | None, **more: Any) -> None:
    """Show a picture."""
    rows, columns = values.shape
    image = {"values": values.ravel().tolist(), "rows": rows, "columns": columns, "marker": marker} | more
    page.evaluate("image => show({...image, values: Uint16Array.from(image.values)})", image)


def screen(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a point of the image is in the window."""
    at = page.evaluate("([x, y]) => viewport.toScreen({x, y})", [x, y])
    return at["x"] + CORNER[0], at["y"] + CORNER[1]


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Press at the first point of the image, go to the others, and release."""
    page.mouse.move(*screen(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*screen(page, *point), steps=4)
    page.mouse.up()
