"""A real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers import chromium
from playwright.sync_api import Browser, expect, sync_playwright

OPTIONS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
expect.set_options(timeout=90_000)  # a busy machine is slow, not wrong


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=list(OPTIONS))
