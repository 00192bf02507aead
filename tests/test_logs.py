"""Logs are lines of JSON, and say no name, file, path or value: by themselves, and of a server under faults."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from dicomweb import KIND, TOKEN, body, file, study
from helpers import free_port

from triage.errors import StorageError
from triage.logs import Lines, adopt
from triage.phantoms import phantoms
from triage.settings import ROOT


def line(name: str = "triage.records", message: str = "not stored", *values: object, plain: bool = False) -> str:
    error = sys.exc_info() if sys.exc_info()[0] else None
    record = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, values, error)
    return Lines(plain=plain).format(record)


def test_a_line_is_json() -> None:
    said = json.loads(line("triage.web", "%s of\n%s", 1, "2"))
    assert said.pop("at").endswith("+00:00")
    assert said == {"level": "error", "logger": "triage.web", "message": "1 of 2"}


def test_an_error_is_told_by_its_kind_and_place() -> None:
    try:
        try:
            raise OSError(28, "No space left on device", "/home/var/Doe^Jane.dcm")
        except OSError as error:
            raise ValueError("Doe^Jane") from error
    except ValueError:
        found = line()
    said = json.loads(found)
    assert said["error"] == ["ValueError", "OSError 28: No space left on device"]
    assert said["where"][-1].startswith("tests/test_logs.py:")
    assert "Doe" not in found
    assert "var" not in found


def test_an_expected_fault_has_no_traceback() -> None:
    try:
        raise StorageError("Not stored: Doe^Jane.dcm")
    except StorageError:
        said = json.loads(line())
        assert "where" not in said
        assert said["error"] == ["triage.errors.StorageError"]
        assert line(plain=True).endswith("error: not stored (triage.errors.StorageError)")


def test_what_libraries_fill_in_is_left_out() -> None:
    assert "Doe" not in line("urllib3", "asked for %s", "Doe^Jane")


def test_the_handlers_of_libraries_are_taken_away() -> None:
    logger = logging.getLogger("some library")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    adopt(logger)
    assert (logger.handlers, logger.propagate) == ([], True)


#: Words that a log must not hold: of patients, files, people, passwords, tokens, and where the home is.
PLANTED = ("ZQPATIENTXV", "ZQMRNXV", "ZQFILEXV", "ZQLOGINXV", "ZQWORDXV", TOKEN, "ZQHOMEXV")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "ZQHOMEXV"


@pytest.fixture
def log(home: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server, and its log."""
    port, path = free_port(), home.parent / "log"
    environment = os.environ | {"TRIAGE_HOME": str(home), "TRIAGE_TOKEN": TOKEN}
    command = [sys.executable, "-m", "triage", "serve", "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with path.open("wb") as to, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=to, stderr=to) as process:
        try:
            deadline = time.monotonic() + 120
            while not _answers(base):
                assert process.poll() is None, path.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield base, path
        finally:
            process.terminate()


def _answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.slow
def test_the_log_of_a_server_under_faults_names_nobody(log: tuple[str, Path], home: Path) -> None:
    base, path = log
    peer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": KIND, "Accept": "application/dicom+json"}
    named = study(PatientName="ZQPATIENTXV^A", PatientID="ZQMRNXV", StudyDescription="ZQFILEXV")[0]
    sent = body([file(named), b"ZQPATIENTXV, no DICOM", next(iter(phantoms(1))).png])
    assert requests.post(f"{base}/dicom-web/studies", data=sent, headers=peer, timeout=120).status_code < 500
    for path_asked in ("/dicom-web/studies?PatientName=ZQPATIENTXV%00", "/reading/ZQMRNXV", "/ZQFILEXV%0d%0a{}"):
        requests.get(base + path_asked, headers=peer, timeout=60)
    fields = {"login": "ZQLOGINXV", "password": "ZQWORDXV"}
    requests.post(f"{base}/sign-in", data=fields, timeout=60)
    # The files cannot be written, then the record is locked, then it is gone.
    (home / "files").rename(home / "away")
    (home / "files").write_text("")
    other = study(PatientName="ZQPATIENTXV^B", PatientID="ZQMRNXV")[0]
    requests.post(f"{base}/dicom-web/studies", data=body([file(other)]), headers=peer, timeout=120)
    (home / "files").unlink()
    (home / "away").rename(home / "files")
    with closing(sqlite3.connect(home / "triage.db", isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        requests.get(f"{base}/dicom-web/studies?PatientName=ZQPATIENTXV", headers=peer, timeout=120)
        requests.get(f"{base}/worklist/rows?text=ZQPATIENTXV", timeout=120)
        database.execute("ROLLBACK")
    with closing(sqlite3.connect(home / "triage.db")) as database, database:
        database.execute("ALTER TABLE study RENAME TO gone")
    requests.get(f"{base}/dicom-web/studies?PatientName=ZQPATIENTXV", headers=peer, timeout=120)
    requests.get(f"{base}/worklist/rows?text=ZQPATIENTXV", timeout=120)
    lines = path.read_text().splitlines()
    assert any("Serving at" in one for one in lines)
    assert [one for one in lines if not one.startswith("{")] == []
    said = [json.loads(one) for one in lines]
    assert all({"at", "level", "logger", "message"} <= set(one) for one in said)
    assert any("error" in one for one in said), "no fault was noted"
    assert [one for one in lines for word in PLANTED if word in one] == []
