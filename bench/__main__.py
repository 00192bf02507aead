"""``python -m bench``: run benchmarks and print them; all of them together also write ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from typing import Annotated

import typer

from triage.settings import ROOT

RESULTS = ROOT / "docs" / "benchmarks.md"
HEAD = [
    "# Benchmarks",
    "",
    f"Printed by `make bench`: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.",
    "Machines differ and this one is shared: the ratios hold, the times are an order of magnitude.",
]


class Bench(StrEnum):
    """A benchmark; the value is its name on the command line."""

    STARTUP = "startup"
    UPLOAD = "upload"
    WORKLIST = "worklist"
    SCORING = "scoring"
    STUDY = "study"
    WAITS = "waits"
    READING = "reading"
    SEALING = "sealing"
    DRIFT = "drift"


#: Title, module and function of each, in the order of the report. The modules are heavy to import.
SECTIONS = {
    Bench.STARTUP: ("Start", "bench.startup", "measure"),
    Bench.UPLOAD: ("Upload to ranked", "bench.worklist", "upload_to_ranked"),
    Bench.WORKLIST: ("Worklist", "bench.worklist", "measure"),
    Bench.SCORING: ("Scoring", "bench.scoring", "measure"),
    Bench.STUDY: ("A study of 200 slices", "bench.study", "measure"),
    Bench.WAITS: ("Waits, simulated", "bench.waits", "measure"),
    Bench.READING: ("Reading in a browser", "bench.reading", "measure"),
    Bench.SEALING: ("Sealing the record", "bench.sealing", "measure"),
    Bench.DRIFT: ("Alarms of drift, simulated", "bench.drift", "measure"),
}


def main(
    names: Annotated[list[Bench] | None, typer.Argument(help="Benchmarks to run; all if left out.")] = None,
) -> None:
    """Run benchmarks and print them as Markdown. A run of all of them also writes docs/benchmarks.md."""
    lines = list(HEAD)
    for name, (title, module, function) in SECTIONS.items():
        if names and name not in names:
            continue
        measure: Callable[[], list[str]] = getattr(import_module(module), function)
        section = ["", f"## {title}", "", *measure()]
        print("\n".join(section[1:]), flush=True)
        lines += section
    if not names:
        RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    typer.run(main)
