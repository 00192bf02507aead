"""A small DICOMweb client that sends what it is told to, right or wrong."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn
from drawn_dicom import instance
from helpers import free_port
from pydicom import Dataset
from pydicom.uid import generate_uid
from starlette.applications import Starlette
from starlette.middleware import Middleware

from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.faults import Faults
from triage.web.guard import Guard
from triage.web.language import Speaking
from triage.web.routes import routes

LIMIT = 4 * 2**20
TOKEN = "a token of thirty-two characters"
BOUNDARY = "between"
KIND = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass
class Peer:
    """A client of an installation."""

    address: str
    installation: Installation

    def store(self, parts: Sequence[bytes], study: str = "", **headers: str) -> requests.Response:
        return self.post(body(parts), study, **headers)

    def post(self, data: Any, study: str = "", **headers: str) -> requests.Response:
        sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": KIND, "Accept": "application/dicom+json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"{self.address}/studies" + (f"/{study}" if study else "")
        return requests.post(address, data=data, headers=sent, timeout=300)

    def get(self, path: str, accept: str = "application/dicom+json") -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
        return requests.get(f"{self.address}/{path}", headers=headers, timeout=300)


def body(parts: Sequence[bytes]) -> bytes:
    """Return parts as one body."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def file(made: Dataset) -> bytes:
    """Return an object as a file."""
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def study(count: int = 1, **elements: Any) -> list[Dataset]:
    """Return so many images of one new study and series."""
    uids = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()} | elements
    return [instance(InstanceNumber=number, **uids) for number in range(1, count + 1)]


@contextmanager
def served(settings: Settings, port: int = 0) -> Iterator[Peer]:
    """Serve an installation on a port of the loopback address, from this process."""
    installation, port = Installation(settings), port or free_port()
    app = Starlette(
        routes=routes(lambda: installation),
        middleware=[Middleware(Guard, installation=lambda: installation), Middleware(Speaking), Middleware(Faults)],
    )
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Peer(f"http://127.0.0.1:{port}/dicom-web", installation)
    finally:
        server.should_exit = True
        thread.join()
        if settings.worker == "embedded":
            installation.wait(installation.store.results.pending(), timeout=300)
        installation.close()
