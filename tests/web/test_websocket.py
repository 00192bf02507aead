"""A websocket behind the guard: who may open one, and that it ends with the session; by a real server and client."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from access_samples import account, signed_in
from helpers import free_port
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from triage.access.access import Access
from triage.access.roles import Role
from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.cookies import SESSION
from triage.web.guard import PERSON, Guard


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Access, int]]:
    """An endpoint that says who is there, then nothing more."""
    installation = Installation(Settings(home=tmp_path_factory.mktemp("websocket") / "home", worker="separate"))
    account(installation.access, "ada", Role.RADIOLOGIST)

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.scope[PERSON].name)
        await websocket.receive_text()

    guarded = [Middleware(Guard, installation=lambda: installation)]
    app, port = Starlette(routes=[WebSocketRoute("/stream", endpoint)], middleware=guarded), free_port()
    quiet: dict[str, Any] = {"log_level": "error", "lifespan": "off", "ws": "websockets-sansio"}
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, **quiet))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield installation.access, port
    server.should_exit = True
    thread.join()
    installation.close()


def opened(port: int, secret: str = "", host: str = "", **options: Any) -> ClientConnection:
    headers = {"Cookie": f"{SESSION}={secret}"} if secret else {}
    headers |= options.pop("headers", {})
    options.setdefault("origin", f"http://127.0.0.1:{port}")
    if host:
        options["sock"] = socket.create_connection(("127.0.0.1", port))
    address = f"ws://{host or f'127.0.0.1:{port}'}/stream"
    return connect(address, additional_headers=headers, proxy=None, open_timeout=10, **options)


def refused(*arguments: Any, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as error, opened(*arguments, **options):
        pass
    return error.value.response.status_code


def test_who_is_signed_in_is_let_in(served: tuple[Access, int]) -> None:
    access, port = served
    for origin in (f"http://127.0.0.1:{port}", None):  # a page of ours, and a program
        with opened(port, signed_in(access), origin=origin) as stream:
            assert stream.recv(10) == "Dr. Ada"


@pytest.mark.parametrize("secret", ["", "x", "A" * 43])
def test_a_websocket_without_a_session_is_refused(served: tuple[Access, int], secret: str) -> None:
    assert refused(served[1], secret) == 403


def test_a_websocket_that_another_site_opens_is_refused(served: tuple[Access, int]) -> None:
    access, port = served
    secret = signed_in(access)
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", f"https://127.0.0.1:{port}"):
        assert refused(port, secret, origin=origin) == 403, origin
    assert refused(port, secret, origin=None, headers={"Sec-Fetch-Site": "cross-site"}) == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "10.0.0.1"])
def test_a_websocket_under_another_name_is_refused(served: tuple[Access, int], host: str) -> None:
    access, port = served
    assert refused(port, signed_in(access), host, origin=f"http://{host}") == 403


def test_a_session_that_has_ended_opens_none(served: tuple[Access, int]) -> None:
    access, port = served
    secret = signed_in(access)
    person = access.live.person(secret)
    assert person is not None
    access.live.end(key=person.session)
    assert refused(port, secret) == 403


def test_an_open_websocket_ends_when_its_session_is_revoked(served: tuple[Access, int]) -> None:
    access, port = served
    secret, other = signed_in(access), signed_in(access)
    with opened(port, secret) as stream, opened(port, other) as kept:
        assert stream.recv(10) == kept.recv(10) == "Dr. Ada"
        person = access.live.person(secret)
        assert person is not None
        access.live.end(key=person.session)
        with pytest.raises(ConnectionClosed) as error:
            stream.recv(10)
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 1008
        with pytest.raises(TimeoutError):
            kept.recv(1.5)
