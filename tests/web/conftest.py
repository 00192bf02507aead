"""DICOMweb as it is served: on a port of the loopback address, from this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from dicomweb import LIMIT, TOKEN, Peer
from helpers import free_port
from starlette.applications import Starlette

from triage.pipeline.installation import Installation
from triage.settings import Settings
from triage.web.routes import routes


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A client of an installation of this module's own."""
    with served(Settings(home=tmp_path_factory.mktemp("installation") / "home", token=TOKEN, stow_limit=LIMIT)) as one:
        yield one


@contextmanager
def served(settings: Settings) -> Iterator[Peer]:
    installation, port = Installation(settings), free_port()
    app = Starlette(routes=routes(lambda: installation))
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


@pytest.fixture
def discreet_peer(tmp_path: Path) -> Iterator[Peer]:
    """A client of an installation that keeps nobody's name."""
    # One process runs one queue; here nothing needs to be scored.
    with served(Settings(home=tmp_path / "home", token=TOKEN, deidentify=True, worker="separate")) as one:
        yield one
