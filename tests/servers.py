"""Servers of the tests' own, each a fork of one process that has imported everything.

Python and its packages take nine seconds of a processor to load; so many tests want a server that this was the most of
their time. Tests of the whole way start it by its command, as an administrator does.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from helpers import free_port

from triage.settings import ROOT

#: What a server has imported when its first page is drawn, and what the processes of `pipeline/test_kill.py` import.
IMPORTED = (
    "dbos",
    "streamlit.web.cli",
    "triage.cli",
    "triage.inference.runtime",
    "triage.web.routes",
    "uvicorn",
    *(f"triage.ui.{one.stem}" for one in sorted((ROOT / "triage" / "ui").glob("*.py")) if one.stem != "main"),
)


def processes() -> ForkServerContext:
    """Return what makes processes that have imported `IMPORTED`; there can be one such process to fork from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def run(port: int, environment: Mapping[str, str]) -> None:
    """Run the app in this process as `python -m triage serve` does once it has looked at the settings."""
    from streamlit.web.cli import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "localhost"]
    main()


def start(home: Path, port: int, **settings: str) -> ForkServerProcess:
    """Start a server for a home, and return it when it answers."""
    environment = os.environ | {"TRIAGE_HOME": str(home)} | settings
    process = processes().Process(target=run, args=(port, environment))
    process.start()
    wait_until_healthy(f"http://localhost:{port}", process.is_alive)
    return process


@contextmanager
def served(home: Path, **settings: str) -> Iterator[tuple[str, ForkServerProcess]]:
    """Serve an installation while the block runs; its address and its process."""
    port = free_port()
    process = start(home, port, **settings)
    try:
        yield f"http://localhost:{port}", process
    finally:
        process.terminate()
        process.join(timeout=30)


@contextmanager
def served_by_command(home: Path, port: int = 0, **settings: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve an installation by `python -m triage serve` while the block runs; its address and its process."""
    port = port or free_port()
    command = [sys.executable, "-m", "triage", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TRIAGE_HOME": str(home)} | settings)
    address = f"http://localhost:{port}"
    try:
        wait_until_healthy(address, lambda: process.poll() is None)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_healthy(address: str, alive: Callable[[], bool], path: str = "/health") -> None:
    """Return when a server answers. Streamlit's own check answers only those whom an installation lets in."""
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"{address}{path}", timeout=5):
                return
        except OSError:  # refused or slow: not there yet
            assert alive(), "the server ended at its start"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)
