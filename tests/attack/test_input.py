"""Input that is meant to break something"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from attack.world import World

from triage.settings import ROOT
from triage.web.cookies import SESSION

#: First lines of files that must not be served.
FILES = ("root:", "import streamlit", "[project]", "SQLite format", "TRIAGE_")
ROUTES = (
    "/static/{0}",
    "/media/{0}",
    "/app/static/{0}",
    "/component/x/{0}",
    "/_stcore/bidi-components/x/{0}",
    "/viewer/modules/{0}",
    "/viewer/modules/0123456789abcdef/{0}",
    "/reading/modules/{0}",
    "/worklist/modules/{0}",
    "/sign-in/{0}",
    "/languages/{0}",
    "/{0}",
)
WAYS = (
    "../../../../../../../../etc/passwd",
    "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5c..%5cetc%5cpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    f"{ROOT}/pyproject.toml",
    "../app.py",
    "../../triage/settings.py",
    "..%c0%af..%c0%afetc/passwd",
    "x%00.js",
    ".env",
    ".git/config",
)


@pytest.mark.parametrize("route", ROUTES)
def test_paths(world: World, route: str) -> None:
    """a path out of each folder that is served: dots, escapes twice over, backslashes, zero bytes -> no such file"""
    secret = world.person("ada").secret
    for way in WAYS:
        status, answer = world.exactly(route.format(way), "GET", secret)
        assert status < 500, way
        assert not any(start in answer.partition("\r\n\r\n")[2] for start in FILES), way


def test_half_a_character(world: World) -> None:
    """half of a surrogate pair in columns, draft and marks -> refused, and each still answers afterwards"""
    one, study = world.person("eva"), world.studies[2]
    half = '"\\ud800"'
    bodies = {
        "/worklist/columns": f'{{"columns": [{{"name": {half}}}]}}',
        f"/reading/{study}/draft": f'{{"entries": {{"comment": {half}}}, "version": 0, "seen": 0}}',
        f"/viewer/studies/{study}/marks": f'{{"version": 0, "content": {{"note": {half}}}}}',
    }
    for path, sent in bodies.items():
        assert one.put(path, data=sent, headers={"Origin": world.base}).status_code in (400, 422), path
        assert one.get(path.removesuffix("/draft")).status_code == 200, path


def test_links_out_of_the_home(world: World) -> None:
    """the database, the key, a received file by their names below every route -> not served"""
    secret = world.person("ada").secret
    stored = next(path for path in (world.home / "files").rglob("*") if path.is_file())
    for name in ("triage.db", "keys/record.key", f"files/{stored.name}", "anchors/", "var/triage.db"):
        for route in ("/{0}", "/static/{0}", "/media/{0}", "/app/static/{0}"):
            status, answer = world.exactly(route.format(name), "GET", secret)
            assert "SQLite format" not in answer
            assert (world.home / "keys" / "record.key").read_text().strip() not in answer
            assert status < 500


@pytest.mark.parametrize("what", ["study", "claim", "draft", "marks", "json"])
def test_study_ids(world: World, what: str) -> None:
    """the ID of a study that is a path, SQL, empty, far too long, of zero bytes -> 400, 404 or 405"""
    ada = world.person("ada")
    for one in ("..", "%2e%2e%2f", "' OR 1=1 --", "%00", "0" * 5_000, "%0d%0aX:1", "*", "null", "-1", "ſ"):
        path = {
            "study": f"/viewer/studies/{one}/study.json",
            "claim": f"/reading/{one}",
            "draft": f"/reading/{one}/draft",
            "marks": f"/viewer/studies/{one}/marks",
            "json": f"/viewer/studies/{one}/{one}/slices/0/0",
        }[what]
        method = {"draft": "PUT", "claim": "POST"}.get(what, "GET")
        answer = ada.request(method, path, json={"reader": "Dr. Ada", "version": 0, "seen": 0, "entries": {}})
        assert answer.status_code in (200, 400, 401, 403, 404, 405, 422), (one, answer.status_code)
        assert answer.status_code != 200 or "text/html" in answer.headers["content-type"]


DRAFTS = [
    {"finding": "\0"},
    {"comment": "a\0b"},
    {"comment": "\ud800"},
    {"comment": "x" * 100_000},
    {"finding": {"$ne": None}},
    {"finding": ["glioma"]},
    {"confidence": 1e400},
    {"reason": "__class__"},
    {"__proto__": {"admin": True}},
    {"lesion": "\u202e\n\n# Dr. Eva: normal"},
]


@pytest.mark.parametrize("entries", DRAFTS, ids=range(len(DRAFTS)))
def test_drafts(world: World, entries: dict[str, object]) -> None:
    """a draft with zero bytes, half characters, wrong types, infinity, too long -> kept as text or 4xx, never 500"""
    sent = json.dumps({"reader": "Dr. Ada", "version": 0, "seen": 0, "entries": entries})
    answer = world.person("ada").put(f"/reading/{world.studies[2]}/draft", data=sent)
    assert answer.status_code < 500, answer.text
    assert world.person("ada").get(f"/reading/{world.studies[2]}").status_code == 200


BODIES = [
    b"",
    b"[]",
    b"null",
    b"{" * 20_000,
    b"[" * 100_000,
    b'{"version": ' + b"9" * 5_000 + b"}",
    b'{"version": NaN, "content": {}}',
    b'{"version": true, "content": {"marks": null}}',
    b"\xff\xfe\x00",
    b'{"version": 0, "content": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    b"x" * 20_000_000,
]


@pytest.mark.parametrize("data", BODIES, ids=range(len(BODIES)))
def test_bodies(world: World, data: bytes) -> None:
    """a body that is empty, no JSON, deep, huge, no text, with numbers that are none -> 4xx, never 500"""
    ada, study = world.person("ada"), world.studies[2]
    for method, path in (
        ("PUT", f"/reading/{study}/draft"),
        ("PUT", f"/viewer/studies/{study}/marks"),
        ("PUT", "/worklist/columns"),
    ):
        answer = ada.request(method, path, data=data)
        assert answer.status_code < 500, (path, answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "text=%00",
        "text=' OR 1=1 --",
        "text=" + "%25" * 2_000,
        "text=" + "a%20" * 3_000,
        "page=" + "9" * 25,
        "page=-1",
        "page=%D9%A3",
        "sort=patient;DROP",
        "list=../x",
        "bands=" + "STAT," * 2_000,
        "text=%F0%9F%92%A9%ED%A0%80",
        "text=\\%5C%25_",
    ],
)
def test_searches(world: World, query: str) -> None:
    """a search of the worklist with zero bytes, SQL, wildcards, 25 digits, thousands of words -> an answer or 4xx"""
    for path in ("/worklist/rows", "/worklist/rows.csv"):
        answer = world.person("ada").get(f"{path}?list=all&{query}")
        assert answer.status_code < 500, answer.text
        assert "sqlite" not in answer.text.lower()


def test_long_lines(world: World) -> None:
    """an address of 200,000 characters, a header of as many, 5,000 headers -> 4xx or cut off, others are served"""
    host = f"Host: 127.0.0.1:{world.port}\r\n"
    for request in (
        f"GET /{'a' * 200_000} HTTP/1.1\r\n{host}\r\n",
        f"GET / HTTP/1.1\r\n{host}X: {'a' * 200_000}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{host}" + "X: a\r\n" * 5_000 + "\r\n",
        f"GET / HTTP/1.1\r\n{host}Cookie: {'a=b; ' * 20_000}\r\n\r\n",
    ):
        answer = world.raw(request.encode(), wait=3)
        assert not answer or answer.split(b" ", 2)[1] < b"500"
    assert world.visitor().get("/health").status_code == 200


def test_header_injection(world: World) -> None:
    """line breaks in an address, a query, a cookie that come back in headers -> no header of the stranger"""
    secret = world.person("ada").secret
    for target in (
        "/sign-in?next=/%0d%0aX-Evil:%201",
        "/review?study=%0d%0aX-Evil:%201",
        "/%0d%0aX-Evil:%201",
        "/worklist/rows.csv?text=%0d%0aX-Evil:1",
        "/media/%0d%0aX-Evil:1",
    ):
        for cookie in ("", secret):
            _, answer = world.exactly(target, "GET", cookie, "Accept: text/html")
            assert "\nX-Evil" not in answer.partition("\r\n\r\n")[0]


@pytest.mark.parametrize("data", [b"", b"\0" * 50, b"\xff" * 5_000, b"\x0a\xff\xff\xff\xff\x0f", b"{}"])
def test_messages(world: World, data: bytes) -> None:
    """messages on the websocket that Streamlit does not know -> at most this connection ends"""
    from websockets.exceptions import ConnectionClosed

    ada = world.person("ada")
    with world.websocket(ada.secret) as stream:
        try:
            stream.send(data)
            stream.recv(1)
        except (ConnectionClosed, TimeoutError):
            pass
    assert ada.get("/session").status_code == 200


def test_endless_message(world: World) -> None:
    """a message on the websocket that says it has 190 MB, most of which never comes -> cut off, not kept in memory"""
    ada = world.person("ada")
    line = socket.create_connection(("127.0.0.1", world.port), 20, (world.visitor().address, 0))
    opening = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: 127.0.0.1:{world.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
        f"Origin: {world.base}",
        f"Cookie: {SESSION}={ada.secret}",
    ]
    with line:
        line.sendall("\r\n".join([*opening, "", ""]).encode())
        assert b" 101 " in line.recv(4096)
        begun = b"\x82\xff" + (190 << 20).to_bytes(8, "big") + bytes(4)
        with pytest.raises(ConnectionError):
            line.sendall(begun + bytes(60 << 20))


def test_shutdown_by_message(world: World) -> None:
    """the messages with which Streamlit's developers stop a server or cut a connection -> it goes on"""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    ada = world.person("ada")
    with world.websocket(ada.secret) as stream:
        stream.send(BackMsg(debug_shutdown_runtime=True).SerializeToString())
        time.sleep(0.5)
    assert world.visitor().get("/health").status_code == 200
    assert "Worklist" in str(world.page(ada))


def test_half_requests(world: World) -> None:
    """100 connections that send half a request and wait -> others are served meanwhile"""
    lines = []
    for _ in range(100):
        line = socket.create_connection(("127.0.0.1", world.port), 10, (world.visitor().address, 0))
        line.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x")
        lines.append(line)
    begin = time.monotonic()
    assert world.visitor().get("/health").status_code == 200
    assert time.monotonic() - begin < 5
    for line in lines:
        line.close()


def test_nothing_fell_out(world: World) -> None:
    """all of the above together -> the server still runs, and its home holds no file that it did not make"""
    assert world.visitor().get("/health").json()["status"] == "ok"
    known = {
        "triage.db",
        "work.db",
        "keys",
        "anchors",
        "files",
        "uploads",
        "glances",
        "verified.json",
        "running.lock",
        "settings.json",
    }
    strange = {path.name for path in Path(world.home).iterdir()} - known
    assert not {name for name in strange if not name.startswith(("triage.db", "work.db", "."))}
