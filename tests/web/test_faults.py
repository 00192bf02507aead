"""While disk or database fail, every route says so in a sentence, and when to come again; none answers 500."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from dicomweb import KIND, TOKEN, Peer, body, file, served, study
from helpers import full_disk
from record_samples import add

from triage.records import database
from triage.settings import Settings

#: What pages, viewer, form and peers ask for.
ROUTES = [
    "/dicom-web/studies",
    "/dicom-web/studies/1.2/series",
    "/dicom-web/studies/1.2/metadata",
    "/dicom-web/studies/1.2",
    "/worklist/rows",
    "/worklist/rows.csv",
    "/worklist/columns",
    f"/reading/{'a' * 32}",
    f"/viewer/studies/{'a' * 32}/study.json",
    f"/viewer/studies/{'a' * 32}/marks",
    "/account",
    "/sign-in",
    "/health",
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Peer]:
    """A peer of an installation that waits for its database for a moment only."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 50)
    with served(Settings(home=tmp_path / "home", token=TOKEN, worker="separate")) as one:
        yield one


@contextmanager
def locked(peer: Peer) -> Iterator[None]:
    """Another program keeps the database."""
    with closing(sqlite3.connect(peer.installation.settings.home / "triage.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


def ask(peer: Peer, path: str, method: str = "GET", **options: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", "Cookie": "triage_reader=Ada"}
    headers |= options.pop("headers", {})  # type: ignore[arg-type, operator]
    address = peer.address.removesuffix("/dicom-web") + path
    return requests.request(method, address, headers=headers, timeout=60, allow_redirects=False, **options)  # type: ignore[arg-type]


def check_said(answer: requests.Response) -> None:
    """A sentence with a remedy and without anything of the server, and when to come again."""
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "epeat" in answer.text or "try again" in answer.text.lower() or "does not answer" in answer.text
    for secret in ("/tmp", "sqlite", "database is locked", "Traceback", "triage.db", "127.0.0.1"):
        assert secret not in answer.text


@pytest.mark.parametrize("path", ROUTES)
def test_a_locked_record_is_said(impatient: Peer, path: str) -> None:
    with locked(impatient):
        check_said(ask(impatient, path))
    assert ask(impatient, path).status_code < 500


def test_what_was_sent_meanwhile_is_not_taken(impatient: Peer) -> None:
    (made,) = study()
    draft = {"reader": "Ada", "version": 0, "seen": 0, "entries": {"comment": "typed"}}
    with locked(impatient):
        check_said(ask(impatient, f"/reading/{'a' * 32}/draft", "PUT", json=draft))
        check_said(ask(impatient, f"/viewer/studies/{'a' * 32}/marks", "PUT", json={"version": 0, "content": {}}))
        check_said(ask(impatient, "/worklist/columns", "PUT", json={"columns": []}))
        sent = ask(impatient, "/dicom-web/studies", "POST", data=body([file(made)]), headers={"Content-Type": KIND})
        assert sent.status_code == 503
        assert sent.headers["Retry-After"]
    assert impatient.store([file(made)]).status_code == 200


def test_a_full_disk_is_said_to_a_peer(impatient: Peer) -> None:
    (made,) = study()
    with full_disk(1000):
        check_said(impatient.store([file(made)]))
    assert impatient.store([file(made)]).status_code == 200


def test_a_home_that_is_away_is_said_to_a_peer(impatient: Peer) -> None:
    (made,) = study()
    files = impatient.installation.files.folder
    files.rename(files.with_name("elsewhere"))
    answer = impatient.store([file(made)])
    assert answer.status_code == 503
    files.with_name("elsewhere").rename(files)
    assert impatient.store([file(made)]).status_code == 200


def test_a_person_who_waits_need_not_load_the_page_again(impatient: Peer) -> None:
    with locked(impatient):
        answer = ask(impatient, "/", headers={"Accept": "text/html", "Accept-Language": "de"})
        assert int(answer.headers["Refresh"]) > 0
        assert "Sekunden" in answer.text
    assert ask(impatient, "/").status_code == 404  # the pages are not served here


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_character_that_cannot_be_kept(impatient: Peer, text: str) -> None:
    draft = {"reader": "Ada", "version": 0, "seen": 0, "entries": {"comment": text}}
    answer = ask(impatient, f"/reading/{add(impatient.installation.store, 1)}/draft", "PUT", json=draft)
    assert answer.status_code == 400
    assert "Type it anew" in answer.json()["reason"]


@pytest.mark.parametrize(
    "path",
    [
        "/worklist/rows?text=%00",
        "/dicom-web/studies?PatientName=%ZZ",
        "/dicom-web/studies?PatientName=%",
        "/viewer/studies/%00/study.json",
        "/?a=%FF",
    ],
)
def test_an_address_that_is_damaged(impatient: Peer, path: str) -> None:
    parts = urlsplit(impatient.address)
    with closing(HTTPConnection(str(parts.hostname), parts.port or 0)) as raw:  # requests mends some of them
        raw.request("GET", path)
        answer = raw.getresponse()
        assert answer.status == 400
        assert b"percent-encoded" in answer.read()


@pytest.mark.parametrize("text", ["%D8%00", "9" * 25, "%F0%9F%A7%A0", "'; DROP TABLE study; --", "\\"])
def test_what_is_only_odd_is_answered(impatient: Peer, text: str) -> None:
    for path in ("/worklist/rows?text=", "/worklist/rows?page=", f"/viewer/studies/{'a' * 32}/study.json?x="):
        assert ask(impatient, path + text).status_code < 500


def test_a_client_that_goes_away_is_no_error(impatient: Peer, caplog: pytest.LogCaptureFixture) -> None:
    host = urlsplit(impatient.address)
    for path in ("/sign-in", "/dicom-web/studies"):
        kind = KIND if "dicom" in path else "application/x-www-form-urlencoded"
        with socket.create_connection((host.hostname, host.port)) as line:
            head = f"POST {path} HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: {kind}\r\nContent-Length: 50\r\n"
            line.sendall(f"{head}Authorization: Bearer {TOKEN}\r\n\r\nlogin=".encode())
            time.sleep(0.3)
    time.sleep(0.3)
    assert caplog.messages == []
