"""Somebody on the network who has no session"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest
from attack.world import HTML, SECRETS, Visitor, World
from websockets.exceptions import InvalidStatus

from triage.web.cookies import SESSION

PAGES = ("", "review", "upload", "conflicts", "readings", "insights", "models", "monitoring", "users")


@pytest.fixture
def stranger(world: World) -> Visitor:
    return world.visitor()


def refused(stranger: Visitor, path: str, method: str = "GET", **options: object) -> None:
    answer = stranger.request(method, path, **options)
    assert answer.status_code in (401, 404), (path, answer.status_code)
    assert not any(secret in answer.text for secret in SECRETS)


def test_pages(world: World, stranger: Visitor) -> None:
    """every page, cold -> leads to the sign-in and names nobody"""
    for page in PAGES:
        answer = stranger.get(f"/{page}", headers=HTML)
        assert answer.status_code == 303, page
        assert answer.headers["location"].startswith("/sign-in")


def test_deep_link(world: World, stranger: Visitor) -> None:
    """a deep link to a study, cold -> leads to the sign-in; the address is all that the answer repeats"""
    answer = stranger.get(f"/review?study={world.studies[0]}", headers=HTML)
    assert answer.status_code == 303
    assert not any(secret in stranger.get(answer.headers["location"]).text for secret in SECRETS)


def test_rows(stranger: Visitor) -> None:
    """the rows of the worklist -> 401"""
    refused(stranger, "/worklist/rows?list=all")


def test_table(stranger: Visitor) -> None:
    """the worklist as CSV -> 401"""
    refused(stranger, "/worklist/rows.csv?list=all")


def test_columns(stranger: Visitor) -> None:
    """a reader's columns, read and written -> 401"""
    refused(stranger, "/worklist/columns")
    refused(stranger, "/worklist/columns", "PUT", json={"columns": []})


def test_study(world: World, stranger: Visitor) -> None:
    """description, slices, thumbnails and layers of a study -> 401"""
    study = world.studies[0]
    known = world.person("ada").get(f"/viewer/studies/{study}/study.json").json()
    version = (
        f"/viewer/studies/{study}/{known['version']}" if "version" in known else f"/viewer/studies/{study}/{'0' * 16}"
    )
    for path in (f"/viewer/studies/{study}/study.json", f"{version}/slices/0/0", f"{version}/thumbnails/0/0"):
        refused(stranger, path)
    refused(stranger, f"{version}/layers/{'0' * 16}/0/0")


def test_reading(world: World, stranger: Visitor) -> None:
    """draft, claim and signature of a study, read and written -> 401"""
    path = f"/reading/{world.studies[0]}"
    for method, rest in (("GET", ""), ("POST", ""), ("PUT", "/draft"), ("DELETE", "/signature")):
        refused(stranger, path + rest, method, json={})


def test_marks(world: World, stranger: Visitor) -> None:
    """the marks of a reader, read and written -> 401"""
    for method in ("GET", "PUT"):
        refused(stranger, f"/viewer/studies/{world.studies[0]}/marks", method, json={})


def test_events(stranger: Visitor) -> None:
    """the stream of news -> 401"""
    refused(stranger, "/events", stream=True)


def test_upload(stranger: Visitor) -> None:
    """an upload to Streamlit's own address -> 401, nothing kept"""
    refused(stranger, "/_stcore/upload_file/1/2", "PUT", data=b"x" * 100_000)


def test_media(world: World, stranger: Visitor) -> None:
    """a file of another session below /media, by a guess at its address -> 401, whether it is there or not"""
    for path in (f"/media/{'0' * 56}.zip", "/media/x.png", "/media/"):
        assert stranger.get(path).status_code == 401
        assert world.person("ada").get(path).status_code == 404


def test_own_account(stranger: Visitor) -> None:
    """the account page and its three forms -> 401"""
    refused(stranger, "/account")
    for form in ("password", "codes", "sessions"):
        refused(stranger, f"/account/{form}", "POST", data={"new": "x"})


def test_streamlit(stranger: Visitor) -> None:
    """Streamlit's own routes: health, host-config, metrics, agent, components, static -> 401 or 404"""
    for path in ("health", "host-config", "metrics", "agent", "script-health-check", "bidi-components/x/y.js"):
        refused(stranger, f"/_stcore/{path}")
    for path in ("/static/index.html", "/component/x/index.html", "/app/static/x", "/oauth2callback", "/auth/login"):
        refused(stranger, path)


def test_methods(world: World, stranger: Visitor) -> None:
    """every method, known or made up, on what needs a session -> never 200"""
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "GET2"):
        assert stranger.request(method, "/worklist/rows").status_code in (401, 404, 405), method


@pytest.mark.parametrize(
    "path",
    [
        "//worklist/rows",
        "/sign-in/../worklist/rows",
        "/health/../worklist/rows",
        "/sign-in/%2e%2e/worklist/rows",
        "/%77orklist/rows",
        "/WORKLIST/rows",
        "/worklist/rows/",
        "/worklist/rows%00",
        "/worklist/rows;x=/sign-in",
        "/worklist//rows",
        "/./worklist/rows",
        "/sign-in%2f..%2fworklist%2frows",
        "/dicom-web/../worklist/rows",
        "/dicom-web/%2e%2e/worklist/rows",
        "/dicom-web/..%2fworklist/rows",
        "/dicom-webx/../worklist/rows",
    ],
)
def test_detours(world: World, path: str) -> None:
    """ways around the guard: dots, escapes, case, slashes, from below an open path -> never an answer with a name"""
    status, answer = world.exactly(path)
    assert status in (400, 401, 404), status
    assert '"rows"' not in answer


def test_absolute_target(world: World) -> None:
    """a request line that names another address than the Host header -> refused as without a session"""
    status, answer = world.exactly(f"http://127.0.0.1:{world.port}/worklist/rows")
    assert status in (400, 401, 404)
    assert '"rows"' not in answer


def test_smuggling(world: World) -> None:
    """two lengths, or a length and chunks, to slip a second request in -> refused, or each is asked for a session"""
    hidden = f"GET /worklist/rows HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n\r\n"
    head = f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\n"
    for lengths in (
        f"Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n",
        f"Content-Length: {len(hidden) + 5}\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
    ):
        answer = world.raw(f"{head}{lengths}\r\n0\r\n\r\n{hidden}".encode(), wait=2)
        assert b'"rows"' not in answer
        assert b"200 OK" not in answer


def test_forged_cookie(stranger: Visitor) -> None:
    """a cookie that was made up: empty, short, long, with SQL, with a path -> 401"""
    for secret in ("", "x", "A" * 43, "A" * 5_000, "../../etc/passwd", "' or 1=1 --", "%00", "null", "ada"):
        refused(stranger, "/session", headers={"Cookie": f"{SESSION}={secret}"})


def test_cookie_of_the_record(world: World, stranger: Visitor) -> None:
    """what the database holds of a session, as a cookie -> 401: it is only a digest"""
    secret = world.person("ada").secret
    with closing(sqlite3.connect(world.home / "triage.db")) as database:
        kept = [row[0] for row in database.execute("SELECT id FROM session")]
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    assert secret not in kept
    for one in kept:
        refused(stranger, "/session", headers={"Cookie": f"{SESSION}={one}"})


def test_single_user_cookie(stranger: Visitor) -> None:
    """the cookie of single-user mode with a reader's name -> 401"""
    refused(stranger, "/worklist/rows", headers={"Cookie": "triage_reader=Dr.%20Ada"})


def test_claimed_address(stranger: Visitor) -> None:
    """headers of a proxy that claim this computer or another path -> 401"""
    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-User"):
        refused(stranger, "/worklist/rows", headers={header: "127.0.0.1"})


def test_token_of_a_peer(world: World, stranger: Visitor) -> None:
    """a peer's token on the routes of people -> 401"""
    for path in ("/worklist/rows", f"/viewer/studies/{world.studies[0]}/study.json", "/session"):
        refused(stranger, path, headers={"Authorization": f"Bearer {world.tokens['pacs']}"})
    refused(stranger, "/session", headers={"Cookie": f"{SESSION}={world.tokens['pacs']}"})


def test_websocket(world: World) -> None:
    """the websocket of the pages without a cookie, or with a forged one -> refused before a message"""
    for secret in ("", "x", "A" * 43):
        with pytest.raises(InvalidStatus) as error, world.websocket(secret):
            pass
        assert error.value.response.status_code == 403


def test_session_of_streamlit(world: World) -> None:
    """to go on with another reader's Streamlit session by its ID -> refused without a cookie"""
    with pytest.raises(InvalidStatus), world.websocket(headers={"Sec-WebSocket-Protocol": "streamlit, x, 0123"}):
        pass


def test_health(stranger: Visitor) -> None:
    """what /health tells everybody -> a count and a state, no name, no path, no version"""
    said = stranger.get("/health").json()
    assert set(said) <= {"status", "waiting_for_a_score", "record"}
    assert not any(secret in str(said) for secret in (*SECRETS, "/", "ada"))
