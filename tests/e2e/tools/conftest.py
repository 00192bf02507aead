"""A server with the tools, and a window on it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from e2e.tools.bench import Server, opened
from helpers import free_port
from playwright.sync_api import Browser, BrowserContext, Page
from record_samples import add

from triage.pipeline.installation import Installation
from triage.settings import Settings

SIZE = {"width": 800, "height": 600}
SLICES = 9
NUMBERS = count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    installation = Installation(Settings(home=tmp_path_factory.mktemp("tools") / "home"))
    server = Server(installation, free_port())
    server.start()
    yield server
    server.stop()
    installation.close()


@pytest.fixture
def server(running: Server) -> Server:
    """The server, with a study of the test's own."""
    numbers = [next(NUMBERS) for _ in range(SLICES)]
    running.study_id = add(running.installation.store, *numbers, uid=f"1.2.{numbers[0]}")
    running.markers = [f"{number:064x}/0" for number in numbers]
    return running


@pytest.fixture
def context(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    with browser.new_context(viewport=SIZE) as one:
        one.add_cookies([{"name": "triage_reader", "value": "Dr.%20A", "url": server.address}])
        yield one


@pytest.fixture
def page(context: BrowserContext, server: Server) -> Iterator[Page]:
    """A window; the test fails if a script in it does."""
    one = opened(context, server)
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    yield one
    assert errors == []
