"""DICOMweb as it is served: on a port of the loopback address, from this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from dicomweb import LIMIT, TOKEN, Peer
from helpers import free_port
from starlette.applications import Starlette

from triage.pipeline import Pipeline
from triage.settings import Settings
from triage.web.routes import routes


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A client of an installation of this module's own."""
    home = tmp_path_factory.mktemp("installation") / "home"
    pipeline, port = Pipeline(Settings(home=home, token=TOKEN, stow_limit=LIMIT)), free_port()
    app = Starlette(routes=routes(lambda: pipeline))
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Peer(f"http://127.0.0.1:{port}/dicom-web", pipeline)
    finally:
        server.should_exit = True
        thread.join()
        pipeline.wait(pipeline.store.unfinished())
        pipeline.close()
