"""Connections that say nothing, or say it byte by byte, are cut off; one address has no more than its share."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest
import uvicorn
from helpers import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from triage.web.media import ROOT
from triage.web.patience import bounded

SECONDS, MOST = 0.5, 8
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def slow(_: Request) -> Response:
    return PlainTextResponse("done")


async def reading(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def never(request: Request) -> Response:
    await asyncio.sleep(4 * SECONDS)
    return PlainTextResponse("at last")


ROUTES = [
    Route("/", slow),
    Route("/form", reading, methods=["POST"]),
    Route("/long", never),
    Route(f"{ROOT}/studies", reading, methods=["POST"]),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that is less patient than ours."""
    config = uvicorn.Config(Starlette(routes=ROUTES), "127.0.0.1", free_port(), log_level="warning", ws="none")
    config.load()
    config.http_protocol_class = bounded(config.http_protocol_class, SECONDS, MOST, 2 * SECONDS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield config.port
    server.should_exit = True
    thread.join()


def ended(connection: socket.socket, within: float) -> bool:
    connection.settimeout(within)
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("start", [b"", b"GET / HT", REQUEST[:-2]])
def test_headers_that_do_not_come(port: int, start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(start)
        assert ended(connection, 3 * SECONDS)


def test_headers_byte_by_byte_after_a_whole_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST)
        assert b"200 OK" in connection.recv(1000)
        began = time.monotonic()
        try:
            for byte in REQUEST[:-1] * 10:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
                assert time.monotonic() - began < 4 * SECONDS
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            pytest.fail("it was not cut off")


def trickled(port: int, path: str, count: int) -> str:
    """What comes of a body of so many bytes, one each tenth of a second."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {count}\r\n\r\n".encode())
        try:
            for _ in range(count):
                time.sleep(0.1)
                connection.sendall(b"x")
            return connection.recv(1000).decode()
        except (BrokenPipeError, ConnectionResetError):
            return ""


def test_a_body_byte_by_byte(port: int) -> None:
    assert trickled(port, "/form", 5).startswith("HTTP/1.1 200")
    began = time.monotonic()
    assert trickled(port, "/form", 100) == ""
    assert time.monotonic() - began < 5 * SECONDS
    assert trickled(port, f"{ROOT}/studies", 25).startswith("HTTP/1.1 200")  # a file takes longer


def test_an_answer_may_take_long(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/long")
        assert connection.getresponse().read() == b"at last"


def test_one_after_another_is_answered(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(12):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"done"
            time.sleep(0.1)
        assert connection.sock is first


def test_an_address_has_its_share(port: int) -> None:
    with ExitStack() as opened:
        connections = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(2 * MOST)]
        refused = [ended(one, 0.02) for one in connections]
        assert refused.count(False) == MOST
    time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(REQUEST)
        assert b"200 OK" in connection.recv(1000)
