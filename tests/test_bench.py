"""The command line of the benchmarks; none of them is run."""

from __future__ import annotations

from importlib import import_module

import pytest
from typer import Typer
from typer.testing import CliRunner

from bench.__main__ import RESULTS, SECTIONS, Bench, main

app = Typer()
app.command()(main)


def test_help_lists_the_benchmarks_and_runs_none() -> None:
    before = RESULTS.read_text()
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert all(name in done.output for name in Bench)
    assert RESULTS.read_text() == before


def test_a_wrong_name_is_refused() -> None:
    done = CliRunner().invoke(app, ["nowhere"])
    assert done.exit_code == 2
    assert "startup" in done.output


@pytest.mark.parametrize("name", list(Bench))
def test_every_benchmark_is_there(name: Bench) -> None:
    _, module, function = SECTIONS[name]
    assert callable(getattr(import_module(module), function))


def test_chosen_benchmarks_are_printed_in_the_order_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("measure", "upload_to_ranked"):
        monkeypatch.setattr("bench.worklist." + name, lambda name=name: [f"of {name}"])
    before = RESULTS.read_text()
    done = CliRunner().invoke(app, ["worklist", "upload"])
    assert done.output == "## Upload to ranked\n\nof upload_to_ranked\n## Worklist\n\nof measure\n"
    assert RESULTS.read_text() == before, "only a run of all benchmarks replaces the page"
