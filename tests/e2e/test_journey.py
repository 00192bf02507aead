"""The radiologist's day in a real browser: upload -> ranked -> open -> override -> sign -> reload -> export."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers import encode
from playwright.sync_api import Browser, Page, expect
from servers import served_by_command
from signing import question

from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.settings import ROOT

pytestmark = pytest.mark.browser
ARTEFACTS = ROOT / "tests" / "artefacts"
READER = "Dr. Ada Example"


@dataclass
class Server:
    address: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as `python -m triage serve` starts it, on an empty installation."""
    # One reader signs alone here; tests/e2e/test_reading.py reads twice.
    with served_by_command(tmp_path_factory.mktemp("home"), TRIAGE_SECOND_READ="false") as (address, process):
        yield Server(address, process)


@pytest.fixture(params=[(1366, 768), (1920, 1080)], ids=["1366", "1920"])
def tab(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def picture_of(tab: Page, name: str) -> None:
    """Keep a screenshot once the page has come to rest."""
    expect(tab.get_by_test_id("stStatusWidget")).to_have_count(0)
    tab.wait_for_timeout(1200)
    ARTEFACTS.mkdir(exist_ok=True)
    tab.screenshot(path=ARTEFACTS / f"{name}_{tab.viewport_size['width']}.png")  # type: ignore[index]


def go(tab: Page, name: str) -> None:
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
    expect(tab.get_by_role("heading", name=name, exact=True).first).to_be_visible()


def test_the_worklist_is_served_without_tensorflow(server: Server, browser: Browser) -> None:
    tab = browser.new_page()
    tab.goto(server.address)
    expect(tab.get_by_text("Nothing waits to be read")).to_be_visible(timeout=30_000)
    libraries = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "onnxruntime" in libraries or "_pydantic_core" in libraries  # the right process
    assert not re.search("tensorflow|jaxlib|libtorch", libraries)
    tab.close()


@pytest.mark.slow
def test_the_whole_journey(server: Server, tab: Page, slices: list[Phantom], tmp_path: Path) -> None:
    width = tab.viewport_size["width"]  # type: ignore[index]
    tab.goto(server.address)
    expect(tab.get_by_text("Research use only").first).to_be_visible()
    tab.get_by_role("textbox", name="Reader").fill(READER)
    tab.keyboard.press("Enter")
    picture_of(tab, "1_empty")

    # Upload: phantoms for this window size, and files that are none.
    go(tab, "Upload")
    limit = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    expect(tab.get_by_text(f"{limit}MB per file")).to_be_visible()  # Streamlit rounds some limits up
    mine = slices[:4] if width == 1366 else slices[4:]
    files = [{"name": phantom.name, "mimeType": "image/png", "buffer": phantom.png} for phantom in mine]
    files += [
        {"name": "report.png", "mimeType": "image/png", "buffer": b"a text"},
        {"name": "cut.png", "mimeType": "image/png", "buffer": mine[0].png[:2000]},
    ]
    tab.locator("input[type=file]").set_input_files(files)
    expect(tab.get_by_text("cut.png")).to_be_visible()
    tab.get_by_role("button", name="Score and rank").click()
    expect(tab.get_by_text("4 accepted")).to_be_visible()
    expect(tab.get_by_text("2 refused")).to_be_visible()
    picture_of(tab, "2_upload")

    # The worklist, and one click on its first row.
    tab.get_by_role("main").get_by_role("link", name="Open the worklist").click()
    expect(tab.locator("tbody").first).to_be_visible()
    picture_of(tab, "3_worklist")
    tab.locator("tbody").first.click()
    expect(tab.get_by_text("Your reading")).to_be_visible()
    expect(tab).to_have_url(re.compile(r"/review\?study=[0-9a-f]{32}"))
    address = tab.url
    picture_of(tab, "4_review")

    # Override with a reason, and sign.
    tab.get_by_role("radio", name="Pituitary tumour").click()
    tab.get_by_label("Why the AI result is overridden").select_option("wrong class")
    tab.get_by_placeholder("Comment").fill("Sellar mass on the sagittal series")
    picture_of(tab, "5_override")
    tab.get_by_role("button", name="Sign override").click()
    question(tab).click()
    expect(tab.get_by_text("Sellar mass on the sagittal series").first).to_be_visible()

    # A reload loses nothing: neither the reading nor the open study nor the reader.
    tab.reload()
    expect(tab.get_by_text("Sellar mass on the sagittal series").first).to_be_visible()
    expect(tab.get_by_role("textbox", name="Reader")).to_have_value(READER)
    assert tab.url == address
    picture_of(tab, "6_signed")

    # Other maps come on demand.
    tab.locator("#viewer summary:visible").last.click()  # "Map", or "More" where the bar is too short for it
    with tab.expect_response(lambda answer: "method=score_cam" in answer.url, timeout=180_000) as made:
        tab.get_by_label("How the heat map is made").select_option("score_cam")
    assert made.value.ok
    picture_of(tab, "7_scorecam")

    # The reading stands in the list and in the export, once it cannot be taken back any more.
    expect(tab.locator(".reading .held")).to_be_hidden()
    go(tab, "My readings")
    picture_of(tab, "8_readings")
    with tab.expect_download() as download:
        tab.get_by_text("Make a data set").click()
        wide = tab.get_by_test_id("stExpander").filter(has_text="Make a data set").bounding_box()
        assert wide is not None
        assert wide["width"] > 450, "what it holds can be read"
        tab.get_by_text("De-identify", exact=True).click()
        expect(tab.get_by_role("checkbox", name="De-identify")).not_to_be_checked()
        tab.get_by_role("button", name="Make it").click()
        expect(tab.get_by_role("button", name="Download (")).to_be_visible()
        tab.get_by_role("button", name="Download (").click()
    target = tmp_path / "export.zip"
    download.value.save_as(target)
    with zipfile.ZipFile(target) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("readings.csv").decode())))
        mine_now = next(row for row in rows if row["study"] == address.rpartition("=")[2])
        assert (mine_now["label"], mine_now["decision"], mine_now["reason"]) == ("pituitary", "override", "wrong class")
        assert mine_now["reader"] == READER
        table = csv.DictReader(io.StringIO(archive.read("slices.csv").decode()))
        (exported,) = [row for row in table if row["study"] == mine_now["study"]]
        pixels = decode(archive.read(exported["file"])).pixels
        assert any(np.array_equal(pixels, decode(phantom.png).pixels) for phantom in slices)

    go(tab, "Models")
    picture_of(tab, "9_model")


def test_leaving_the_page_loses_no_upload(server: Server, browser: Browser) -> None:
    """Into the sidebar, to another page and back, and a reload, while the files are stored."""
    tab = browser.new_page()
    tab.goto(f"{server.address}/upload")
    expect(tab.get_by_text("Latest arrivals")).to_be_visible()
    files = []
    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 255, (96, 96), np.uint8)
        files.append({"name": f"noise-{number}.png", "mimeType": "image/png", "buffer": encode(pixels)})
    tab.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]
    expect(tab.get_by_text("noise-59.png")).to_be_visible()
    tab.get_by_role("button", name="Score and rank").click()
    expect(tab.get_by_text("You may leave this page")).to_be_visible()
    tab.get_by_role("textbox", name="Reader").fill(READER)
    tab.keyboard.press("Enter")
    go(tab, "Worklist")
    go(tab, "Upload")
    tab.reload()
    expect(tab.get_by_text("60 accepted")).to_be_visible(timeout=120_000)
    tab.reload()
    expect(tab.get_by_text("60 accepted")).to_be_visible()
    tab.close()
