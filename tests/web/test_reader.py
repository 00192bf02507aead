"""Who asks, from where, and how errors are answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from helpers import free_port
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from triage.access.names import MAX_NAME as MAX_READER
from triage.errors import ConflictError, NotFoundError, ReadingError, StorageError
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.guard import Guard
from triage.web.reader import COOKIE, MAX_BODY, answering, reader_of

ERRORS = {
    "reading": (ReadingError("Enter your name."), 422),
    "conflict": (ConflictError("Look again."), 409),
    "gone": (NotFoundError("Not here."), 404),
    "disk": (StorageError("Free disk space."), 503),
}


def work(request: Request, sent: dict[str, Any]) -> dict[str, Any]:
    if "error" in sent:
        raise ERRORS[sent["error"]][0]
    return {"reader": reader_of(request), "sent": sent}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    installation = Installation(Settings(home=tmp_path_factory.mktemp("reader") / "home", worker="separate"))
    guard = Middleware(Guard, installation=lambda: installation)
    app = Starlette(routes=[Route("/", answering(work), methods=["GET", "PUT"])], middleware=[guard])
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()
    installation.close()


def put(address: str, **request: Any) -> requests.Response:
    return requests.put(address, timeout=60, **request)


@pytest.mark.parametrize(
    ("cookie", "name"),
    [
        ("Dr.%20%C3%84da", "Dr. Äda"),
        ("%E2%80%AEevil%00%0A", "evil"),
        ("a" * 300, "a" * MAX_READER),
        ("", ""),
        ("%ff%fe", "\ufffd\ufffd"),
    ],
)
def test_the_reader_is_the_one_of_the_cookie(address: str, cookie: str, name: str) -> None:
    answer = requests.get(address, timeout=60, headers={"Cookie": f"{COOKIE}={cookie}"})
    assert answer.json()["reader"] == name
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_other_sites_are_refused(address: str, site: str) -> None:
    assert put(address, json={}, headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_pages_are_not(address: str, site: str) -> None:
    assert put(address, json={"a": 1}, headers={"Sec-Fetch-Site": site}).json()["sent"] == {"a": 1}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_one_sentence(address: str, kind: str) -> None:
    error, status = ERRORS[kind]
    answer = put(address, json={"error": kind})
    assert (answer.status_code, answer.json()) == (status, {"reason": str(error)})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[1]", 400), (b"\xff", 400), (b'"' + b"x" * MAX_BODY + b'"', 413)]
)
def test_what_is_no_object_is_refused(address: str, body: bytes, status: int) -> None:
    assert put(address, data=body).status_code == status
