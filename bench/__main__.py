"""Run every measurement and write ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform

from bench import scoring, startup, study, worklist
from triage.settings import ROOT


def main() -> None:
    """Measure, print and write."""
    sections = {
        "Start": startup.measure,
        "Upload to ranked": worklist.upload_to_ranked,
        "Worklist": worklist.measure,
        "Scoring": scoring.measure,
        "A study of 200 slices": study.measure,
    }
    lines = [
        "# Benchmarks",
        "",
        f"Printed by `make bench`: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.",
        "Machines differ and this one is shared: the ratios hold, the times are an order of magnitude.",
    ]
    for title, measure in sections.items():
        lines += ["", f"## {title}", "", *measure()]
        print("\n".join(lines[lines.index(f"## {title}") :]), flush=True)
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
