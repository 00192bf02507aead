"""One command line: ``python -m triage COMMAND``."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import track

from triage.errors import TriageError
from triage.settings import ROOT, Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, help=__doc__)
console = Console(stderr=True)
T = TypeVar("T")


@app.command()
def score(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders to go through.")],
    out: Annotated[Path, typer.Option("--json", help="Where the results are written.")],
    model: Annotated[Path | None, typer.Option(help="Model folder; the one that serves, if left out.")] = None,
) -> None:
    """Score pictures without a database: one JSON object per study."""
    from triage.batch import files_below, score_files
    from triage.inference.runtime import Runtime

    settings = Settings()
    runtime = _or_exit(lambda: Runtime(model or settings.model, settings.threads))
    files = files_below(paths)
    if not files:
        console.print("[red]No file was found there. Name files, or folders that hold some.[/red]")
        raise typer.Exit(2)
    answers = list(track(score_files(files, runtime), "Scoring", total=len(files), console=console))
    _write_json(out, answers)
    for status, count in sorted(Counter(answer["status"] for answer in answers).items()):
        console.print(f"{count:>8,} {status}")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
) -> None:
    """Start the web app."""
    script = str(ROOT / "app.py")
    options = ["--server.port", str(port), "--server.address", address]
    os.chdir(ROOT)  # Streamlit finds .streamlit/config.toml from here
    os.execv(  # noqa: S606 - the very interpreter that runs this
        sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options]
    )


@app.command()
def demo(count: Annotated[int, typer.Option(min=1, help="Number of phantom studies.")] = 24) -> None:
    """Fill the installation with phantom studies made in code; no patient is among them."""
    from triage.domain import Outcome
    from triage.phantoms import phantoms
    from triage.pipeline import Pipeline

    pipeline = _or_exit(lambda: Pipeline(Settings()))
    outcomes: Counter[Outcome] = Counter()
    for phantom in track(phantoms(count), "Making and scoring phantoms", total=count, console=console):
        outcomes[pipeline.receive(phantom.name, phantom.png, actor="demo").outcome] += 1
    for outcome, number in outcomes.items():
        console.print(f"{number:>8,} {outcome}")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="ZIP file to write.")],
    reader: Annotated[str | None, typer.Option(help="Only the readings of this reader.")] = None,
) -> None:
    """Write signed readings and their pictures as a data set."""
    from triage.learning.export import write_export
    from triage.pipeline import Pipeline

    pipeline = _or_exit(lambda: Pipeline(Settings()))
    readings = pipeline.store.signed_readings(reader)
    part = out.with_name(out.name + ".part")
    with part.open("wb") as file:
        pictures = _or_exit(lambda: write_export(readings, pipeline.files, file))
    part.replace(out)
    console.print(f"{len(readings):,} readings, {pictures:,} pictures: {out}")


def _or_exit(make: Callable[[], T]) -> T:
    try:
        return make()
    except TriageError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error


def _write_json(path: Path, value: object) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(path)
