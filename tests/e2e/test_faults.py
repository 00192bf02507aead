"""A record that another program keeps: no page breaks, what was typed stays, and all is done in the end."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from helpers import free_port, redrawn, take_in, until
from playwright.sync_api import Browser, Page, expect
from servers import served_by_command
from signing import question

from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings

pytestmark = pytest.mark.browser
ARTEFACTS = ROOT / "tests" / "artefacts"
BROKEN = "This app has encountered an error"
AGAIN = "This page tries again by itself"
SIGN = re.compile("^(Confirm and sign|Sign override)$")


@dataclass
class Server:
    address: str
    home: Path
    process: subprocess.Popen[bytes]


@contextmanager
def serving(home: Path, port: int) -> Iterator[Server]:
    with served_by_command(home, port, TRIAGE_SECOND_READ="false") as (address, process):
        yield Server(address, home, process)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with two studies, in single-user mode."""
    home, port = tmp_path_factory.mktemp("home"), free_port()
    installation = Installation(Settings(home=home))
    take_in(installation, {one.name: one.png for one in phantoms(2)})
    installation.close()
    with serving(home, port) as found:
        yield found


@pytest.fixture
def tab(server: Server, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server.address)
    page.get_by_placeholder("Your name").fill("Dr. Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Read next")).to_be_visible(timeout=60_000)
    yield page
    context.close()


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with closing(sqlite3.connect(home / "triage.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def full(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """No file of the server can grow: what it writes fails as on a full disk."""
    running = psutil.Process(process.pid)
    soft, hard = running.rlimit(psutil.RLIMIT_FSIZE)
    running.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        running.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))


def test_a_page_comes_back_by_itself(server: Server, tab: Page) -> None:
    with locked(server.home):
        tab.get_by_test_id("stSidebarNav").get_by_role("link", name="My readings").click()
        expect(tab.get_by_text(AGAIN)).to_be_visible(timeout=60_000)  # SQLite waits for 15 seconds
        assert BROKEN not in tab.content()
        ARTEFACTS.mkdir(exist_ok=True)
        tab.screenshot(path=ARTEFACTS / "locked_1366.png")
    expect(tab.get_by_role("heading", name="My readings")).to_be_visible(timeout=60_000)
    expect(tab.get_by_text(AGAIN)).to_have_count(0)
    assert BROKEN not in tab.content()


def test_a_short_lock_costs_nothing(server: Server, tab: Page) -> None:
    tab.get_by_role("button", name="Read next").click()
    tab.get_by_role("radio", name="Glioma").click()
    expect(tab.get_by_text("Draft saved")).to_be_visible(timeout=60_000)

    def hold() -> None:
        with locked(server.home):
            time.sleep(8)

    holding = threading.Thread(target=hold)
    holding.start()
    time.sleep(0.5)
    tab.get_by_role("textbox").last.fill("typed while it was locked")
    tab.get_by_role("button", name=SIGN).click()
    question(tab).click()
    expect(tab.get_by_text("Final in")).to_be_visible(timeout=60_000)
    holding.join()
    assert BROKEN not in tab.content()
    store = Installation(Settings(home=server.home, worker="separate"))
    try:
        until(lambda: any(one.reading.comment == "typed while it was locked" for one in store.store.readings.signed()))
    finally:
        store.close()


def test_a_full_disk_at_signing_is_said_and_costs_nothing(server: Server, tab: Page) -> None:
    tab.get_by_role("button", name="Read next").click()
    tab.get_by_role("radio", name="Pituitary tumour").click()
    tab.get_by_label("Why the AI result is overridden").select_option(index=1)
    tab.get_by_role("textbox").last.fill("typed before the disk was full")
    expect(tab.get_by_text("Draft saved")).to_be_visible(timeout=60_000)
    with full(server.process):
        tab.get_by_role("button", name=SIGN).click()
        question(tab).click()
        expect(tab.get_by_text(f"{AGAIN}. What you entered is kept.")).to_be_visible(timeout=60_000)
        assert BROKEN not in tab.content()
        ARTEFACTS.mkdir(exist_ok=True)
        tab.screenshot(path=ARTEFACTS / "full_disk_1366.png")
    expect(tab.get_by_role("textbox").last).to_have_value("typed before the disk was full", timeout=60_000)
    tab.get_by_role("button", name=SIGN).click()
    question(tab).click()
    expect(tab.get_by_text("Final in")).to_be_visible(timeout=60_000)
    assert BROKEN not in tab.content()


def test_uploads_go_to_disk(server: Server, tab: Page, tmp_path: Path) -> None:
    """Four files of 60 MB: the server holds none of them in memory, nor on disk once they are handed over."""
    for number in range(4):
        (tmp_path / f"{number}.nii").write_bytes(bytes([number]) * 60_000_000)
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Upload").click()
    expect(tab.get_by_role("heading", name="Upload", exact=True)).to_be_visible()
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    tab.locator("input[type=file]").set_input_files([tmp_path / f"{number}.nii" for number in range(4)])
    until(lambda: sum(path.stat().st_size for path in server.home.glob("incoming-*/*")) == 240_000_000)
    assert process.memory_info().rss - before < 100_000_000
    tab.get_by_role("button", name="Score and rank").click()
    expect(tab.get_by_text("4 refused")).to_be_visible(timeout=60_000)
    expect(tab.get_by_text("0.nii")).to_have_count(1)  # in the answers, no longer among the chosen files
    assert list(server.home.glob("incoming-*")) == []


def test_after_a_restart_of_the_server_the_first_press_counts(tmp_path: Path, browser: Browser) -> None:
    """The page that was open is drawn again by itself: otherwise the new server would not know its button."""
    installation = Installation(Settings(home=tmp_path))
    files = dict(phantom_study(Finding.GLIOMA, 2))
    take_in(installation, files)
    name, file = next(iter(files.items()))
    take_in(installation, {name: redrawn(file, PatientID="PH9", PatientName="Roe^Richard", SOPInstanceUID="1.2.3")})
    installation.close()
    port, page = free_port(), browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(60_000)
    with serving(tmp_path, port) as begun:
        page.goto(f"{begun.address}/conflicts")
        page.get_by_placeholder("Your name").fill("Dr. Ada")
        page.keyboard.press("Enter")
        page.get_by_text("Keep apart").click()
        page.get_by_label("Why").fill("compared")
    lost = page.get_by_text("The connection to the server was lost")
    expect(lost).to_be_visible(timeout=60_000)
    with serving(tmp_path, port):
        expect(lost).to_have_count(0, timeout=180_000)
        page.get_by_role("button", name="Decide").click()
        expect(page.get_by_text("No identity is in doubt.")).to_be_visible(timeout=60_000)
        page.context.close()


def test_what_is_typed_across_a_restart_of_the_server_goes_into_the_comment(tmp_path: Path, browser: Browser) -> None:
    """A window of Streamlit takes the focus; keys that were meant as text must neither sign nor leave the study."""
    installation = Installation(Settings(home=tmp_path))
    take_in(installation, {one.name: one.png for one in phantoms(2)})
    installation.close()
    port, page = free_port(), browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(60_000)
    lost, comment = page.get_by_text("The connection to the server was lost"), page.get_by_role("textbox").last
    with serving(tmp_path, port) as begun:
        page.goto(begun.address)
        page.get_by_placeholder("Your name").fill("Dr. Ada")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Read next").click()
        page.get_by_role("radio", name="Glioma").click()
        comment.click()
        page.keyboard.type("before ")
        expect(page.get_by_text("Draft saved")).to_be_visible()
    expect(lost).to_be_visible(timeout=60_000)
    page.wait_for_timeout(3_000)  # until Streamlit has opened its window
    page.keyboard.type("meanwhile ")
    with serving(tmp_path, port):
        expect(lost).to_have_count(0, timeout=180_000)
        address = page.url
        page.keyboard.type("in between")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1_000)
        page.keyboard.press("Enter")
        expect(comment).to_have_value("before meanwhile in between\n\n")
        comment.evaluate("one => one.remove()")  # as where the page is drawn anew while somebody types
        page.wait_for_timeout(500)
        page.keyboard.type("n")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1_000)
        assert page.url == address
        expect(page.get_by_text("Click again, or Enter")).to_have_count(0)
        page.locator("#viewer .nt-overlay").first.click()
        page.keyboard.type("n")
        page.wait_for_url(lambda url: url != address)
        page.context.close()
