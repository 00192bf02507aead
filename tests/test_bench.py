"""The command line of the benchmarks, none of which is run; and what one of them measures, on a small record."""

from __future__ import annotations

from importlib import import_module

import pytest
from typer import Typer
from typer.testing import CliRunner

from bench import on_record
from bench.__main__ import RESULTS, SECTIONS, Bench, main
from triage.records.queue import Queue
from triage.records.store import Store

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


def test_what_a_reader_does_is_timed_on_a_record_of_both_kinds_of_studies(store: Store) -> None:
    on_record.fill(store, 60, 40)
    counts = Queue(store.read, on_record.LIMITS).counts(reader=on_record.READER)
    assert sum(one.count for one in counts if one.waiting) == 40
    assert sum(one.count for one in counts if one.for_another) == 10
    times = on_record._times(store)
    assert "Read next" in times
    assert all(one >= 0 for one in times.values())
