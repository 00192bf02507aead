"""A series of 200 slices of 512 x 512 in a real browser: first picture, slice change, wheel, memory of the tab."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.study import SLICES, files
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.settings import ROOT, Settings

PORT = 8698
SIDE, APART = 512, 0.9
NOTCHES = 100
#: Between two notches of a wheel that is turned fast: milliseconds.
NOTCH = 50
OPENED = 4
CHROMIUM = "/usr/bin/chromium"
PANE = "#viewer .nt-pane"
#: Press a key for each slice of the series, one after the other; milliseconds until each is drawn.
KEYS = """async (pane) => {
  const host = document.querySelector(pane), times = [];
  const viewer = document.querySelector("#viewer");
  const press = (key) => viewer.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  press("Home");
  await new Promise((done) => setTimeout(done, 500));
  for (let at = 1; at < %d; at++) {
    const start = performance.now();
    const drawn = new Promise((done) => host.addEventListener("drawn", done, { once: true }));
    press("ArrowDown");
    await drawn;
    times.push(performance.now() - start);
  }
  press("Home");
  window.shown = [];
  host.addEventListener("drawn", (event) => window.shown.push(event.detail));
  return times;
}"""


def measure() -> list[str]:
    """Return a Markdown table of what a reader waits for."""
    import psutil
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home:
        study = _take_in(Path(home))
        with _served(Path(home)) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            opened, page = [], None
            for _ in range(OPENED):
                if page is not None:
                    page.close()
                seconds, page = _open(browser, f"{address}/review?study={study}")
                opened.append(seconds)
            page.wait_for_selector(f'{PANE}[data-loaded="{SLICES}"]', timeout=120_000)
            page.wait_for_timeout(15_000)  # the layers come after the slices
            keys = sorted(page.evaluate(KEYS % SLICES, PANE))
            page.wait_for_timeout(500)
            page.evaluate("window.shown.length = 0")
            box = page.locator(PANE).bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            for _ in range(NOTCHES):
                page.mouse.wheel(0, 120)
                page.wait_for_timeout(NOTCH)
            page.wait_for_timeout(500)
            shown = set(page.evaluate("window.shown")) - {0}
            renderers = [one for one in psutil.Process().children(recursive=True) if "--type=renderer" in one.cmdline()]
            memory = max(one.memory_info().rss for one in renderers) / 2**20
            browser.close()
    cold, *warm = opened
    return [
        "| what a reader waits for | median | 95 % of all | target |",
        "|---|---|---|---|",
        f"| address to first picture, server cold | {cold:.1f} s | | |",
        f"| the same, decoded before | {statistics.median(warm):.1f} s | {max(warm):.1f} s | 1.0 s |",
        f"| key to next slice | {statistics.median(keys):.1f} ms | {keys[int(0.95 * len(keys))]:.1f} ms | 16 ms |",
        "",
        f"{SLICES} slices of {SIDE} x {SIDE}, outline and heat map on. Of {NOTCHES} notches, {1000 // NOTCH} a second, "
        f"{NOTCHES - len(shown)} were not shown. Memory of the tab: {memory:.0f} MB (target: under 600).",
    ]


def _take_in(home: Path) -> str:
    installation = Installation(Settings(home=home))
    incoming = [Incoming(name, data=data) for name, data in files(1, APART, SIDE)]
    receipts = installation.receive(incoming, actor="bench")
    installation.wait({str(one.study_id) for one in receipts}, timeout=300)
    installation.close()
    return str(receipts[0].study_id)


@contextmanager
def _served(home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "triage", "serve", "--port", str(PORT)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TRIAGE_HOME": str(home)})
    address = f"http://localhost:{PORT}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def _open(browser: Any, address: str) -> tuple[float, Any]:
    """Return the seconds from an address to the first picture, and the page."""
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(f"{PANE}[data-drawn]", timeout=60_000)
    return time.perf_counter() - start, page
