"""Time from the command to the first page in a real browser, with an empty worklist and with 100,000 studies."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.worklist import fill
from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings

PORT = 8711
ADDRESS = f"http://localhost:{PORT}"
ROUNDS = 3
#: A script that shows how much time Streamlit itself needs on this machine.
BARE = 'import streamlit as st; st.write("Nothing waits to be read")'


def measure() -> list[str]:
    """Return a Markdown table of seconds: server healthy, first page drawn, and later visits."""
    lines = ["| worklist | server answers | first page drawn | next visit |", "|---|---|---|---|"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with tempfile.TemporaryDirectory() as home:
            script = Path(home) / "bare.py"
            script.write_text(BARE)
            rounds = [_visit(browser, Path(home), script) for _ in range(ROUNDS)]
        lines.append(_row("a Streamlit script of one line", rounds))
        for size in (0, 100_000):
            with tempfile.TemporaryDirectory() as home:
                installation = Installation(Settings(home=Path(home)))
                if size:
                    fill(installation, size)
                installation.store.engine.dispose()
                rounds = [_visit(browser, Path(home)) for _ in range(ROUNDS)]
            lines.append(_row(f"{size:,} studies", rounds))
    return [*lines, "", "Medians of three cold starts of `streamlit run app.py`; target: first page within 4 s."]


def _row(name: str, rounds: list[tuple[float, float, float]]) -> str:
    middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return f"| {name} | " + " | ".join(f"{value:.2f} s" for value in middle) + " |"


def _visit(browser: Browser, home: Path, script: Path = ROOT / "app.py") -> tuple[float, float, float]:
    environment = os.environ | {"TRIAGE_HOME": str(home)}
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(PORT)]
    start = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        healthy = _until_healthy(start)
        first = _draw(browser, start)
        again = _draw(browser, time.perf_counter())
    finally:
        server.terminate()
        server.wait()
    return healthy, first, again


def _until_healthy(start: float) -> float:
    while True:
        try:
            with urllib.request.urlopen(f"{ADDRESS}/_stcore/health", timeout=2):
                return time.perf_counter() - start
        except OSError:
            time.sleep(0.02)


def _draw(browser: Browser, start: float) -> float:
    page = browser.new_page()
    page.goto(ADDRESS)
    page.get_by_text("Nothing waits to be read").or_(page.get_by_text("Click a row")).wait_for()
    seconds = time.perf_counter() - start
    page.close()
    return seconds
