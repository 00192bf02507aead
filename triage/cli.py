"""One command line: ``python -m triage COMMAND``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress, track

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
    """Score DICOM, NIfTI, PNG, JPEG and ZIP files without a database: one JSON object per study."""
    from triage.batch import files_below, find_studies, score_studies
    from triage.inference.runtime import Runtime
    from triage.scans.isolation.door import Door

    settings = Settings()
    runtime = _or_exit(lambda: Runtime(model or settings.model, settings.threads))
    files = files_below(paths)
    if not files:
        console.print("[red]No file was found there. Name files, or folders that hold some.[/red]")
        raise typer.Exit(2)
    door = Door()
    with tempfile.TemporaryDirectory(prefix="triage-") as folder:
        studies = find_studies(track(files, "Looking", console=console), door, Path(folder))
        answers = list(score_studies(track(studies, "Scoring", console=console), door, runtime))
    door.close()
    _write_json(out, answers)
    for status, count in sorted(Counter(answer["status"] for answer in answers).items()):
        console.print(f"{count:>8,} {status}")


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port of the web server.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "localhost",
) -> None:
    """Start the web app."""
    from triage.inference.card import read_card

    _or_exit(lambda: read_card(Settings().model))
    script = str(ROOT / "app.py")
    options = ["--server.port", str(port), "--server.address", address]
    os.chdir(ROOT)  # Streamlit finds .streamlit/config.toml from here
    os.execv(  # noqa: S606 - the very interpreter that runs this
        sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options]
    )


@app.command()
def worker() -> None:
    """Score what is received, in a process of its own; set TRIAGE_WORKER=separate for the web app."""
    import signal
    from threading import Event

    from triage.pipeline.installation import Installation

    installation = _or_exit(lambda: Installation(Settings()))
    _or_exit(lambda: installation.runtime)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    installation.run()
    console.print("Scoring what arrives. Stop with Ctrl+C; what is in work then is done at the next start.")
    stopped.wait()
    installation.close()


@app.command()
def demo(
    count: Annotated[int, typer.Option(min=0, help="Number of phantom slices, each a study of its own.")] = 24,
    studies: Annotated[int, typer.Option(min=0, help="Number of phantom studies in DICOM.")] = 4,
    slices: Annotated[int, typer.Option(min=1, help="Slices of each of these.")] = 24,
) -> None:
    """Fill the installation with phantom studies made in code; no patient is among them."""
    from triage.domain import Finding
    from triage.phantom_studies import phantom_study
    from triage.phantoms import phantoms
    from triage.pipeline.installation import Installation
    from triage.pipeline.spool import Incoming

    installation = _or_exit(lambda: Installation(Settings()))
    made = [
        Incoming(phantom.name, data=phantom.png)
        for phantom in track(phantoms(count), "Making phantom slices", total=count, console=console)
    ]
    for seed in track(range(studies), "Making phantom studies", console=console):
        finding = list(Finding)[seed % len(Finding)]
        made += [Incoming(name, data=file) for name, file in phantom_study(finding, slices, seed)]
    receipts = installation.receive(made, actor="demo")
    accepted = {receipt.study_id for receipt in receipts if receipt.study_id}
    with console.status("Scoring and ranking"):
        late = installation.wait(accepted, timeout=60 + len(made))
    installation.close()
    if late:
        console.print(f"{len(late):,} studies are not ranked yet; the web app or the worker goes on with them.")
    outcomes = Counter(receipt.outcome for receipt in receipts)
    console.print(f"{len(accepted):>8,} studies")
    for outcome, number in outcomes.items():
        console.print(f"{number:>8,} files {outcome}")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="ZIP file to write.")],
    reader: Annotated[str | None, typer.Option(help="Only studies that this reader signed.")] = None,
    originals: Annotated[
        bool, typer.Option("--originals", help="Add the received files; these can identify the patient.")
    ] = False,
) -> None:
    """Export signed readings and their slices as a data set; docs/readings-export.md describes it."""
    from triage.pipeline.installation import Installation

    installation = _or_exit(lambda: Installation(Settings()))
    with closing(installation), Progress(console=console) as bar:
        task = bar.add_task("Exporting studies", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        export = _or_exit(lambda: installation.export_readings(out, reader=reader, originals=originals, progress=show))
    for study_id, reason in export.notes:
        console.print(f"{study_id}: {reason}", markup=False, highlight=False)
    console.print(
        f"{export.readings:,} readings of {export.studies:,} studies, {export.slices:,} slices, "
        f"{export.labelled:,} of them with a label: {out}",
        markup=False,
    )


@app.command()
def reidentify(
    pseudonym: Annotated[str, typer.Argument(help="As the worklist or a DICOM file has it.")],
) -> None:
    """Say what a pseudonym stands for; who asked is kept in the audit trail."""
    import getpass

    from triage.records.pseudonyms import Pseudonyms
    from triage.records.store import Store

    map_ = _or_exit(lambda: Pseudonyms(Store(Settings().url)))
    print(_or_exit(lambda: map_.original(pseudonym, actor=f"{getpass.getuser()}, command line")))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="The data set, in any layout that we know.")],
    out: Annotated[Path, typer.Option(help="Run folder; a new one, or with --resume the one to go on with.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")] = "lite0",
    split: Annotated[str, typer.Option(help="random, deduplicated, patients or official.")] = "patients",
    test_fold: Annotated[int, typer.Option(min=0, max=4, help="The fold to test on; the next one is watched.")] = 0,
    augment_before_split: Annotated[bool, typer.Option(help="As some write-ups do; see docs/recipes.md.")] = False,
    source: Annotated[list[str] | None, typer.Option(help="Only pictures of this source; may be repeated.")] = None,
    volumes: Annotated[Path | None, typer.Option(help="Volumes with masks inside DATA, to train on as well.")] = None,
    unwatched: Annotated[bool, typer.Option("--unwatched", help="Train on the watched fold too: a trial.")] = False,
    untested: Annotated[bool, typer.Option("--untested", help="Train on every fold: what trials vouch for.")] = False,
    weights: Annotated[str | None, typer.Option(help="none, packaged, imagenet (downloads), or a file.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Of --recipe transfer.")] = None,
    frozen: Annotated[int | None, typer.Option(min=-1, help="Layers that stay as loaded; -1: all but one.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches of an epoch, instead of the recipe's.")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Side of the input, instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures of a batch, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Instead of the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill: the same curve.")] = False,
) -> None:
    """Train a recipe on a data set."""
    _quiet_tensorflow()
    _multiply_in_bfloat16()
    from triage.training.data.splits import Split
    from triage.training.fit.recipe import adapted, load_recipe
    from triage.training.fit.run import Options, read_chosen, run_recipe

    chosen = _or_exit(
        lambda: adapted(
            load_recipe(recipe),
            backbone=backbone,
            frozen=frozen,
            epochs=epochs,
            steps=steps,
            size=size,
            batch=batch,
            seed=seed,
        )
    )
    if split not in set(Split):
        console.print(f"[red]{split!r} is not a split. Choose one of {', '.join(Split)}.[/red]")
        raise typer.Exit(2)
    options = Options(
        Split(split),
        None if untested else test_fold,
        augment_before_split,
        weights,
        resume,
        unwatched or untested,
        volumes,
    )
    try:
        _or_exit(lambda: run_recipe(chosen, read_chosen(data, source or (), volumes), out, options, console))
    except KeyboardInterrupt:
        console.print(f"Stopped. {out} holds a model that loads; go on with --resume.")
        raise typer.Exit(130) from None


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="A model folder, or a run folder of `train`.")],
    data: Annotated[Path, typer.Option(help="The data set, in any layout that we know.")],
    out: Annotated[Path, typer.Option("--json", help="Where the figures are written; the report goes beside it.")],
    everything: Annotated[bool, typer.Option("--everything", help="Judge also on what the model has seen.")] = False,
) -> None:
    """Judge a model: every figure with its interval, and a report with the failure gallery."""
    _quiet_tensorflow()
    from triage.training.evaluate.evaluate import describe
    from triage.training.evaluate.evaluate import evaluate as judge

    summary = _or_exit(lambda: judge(model, data, out, console, everything))
    for note in summary["data"]["notes"]:
        console.print(f"Judged on: {note}.", highlight=False)
    console.print(describe(summary), highlight=False)
    console.print(f"{out}, {out.with_suffix('.html')}")


@app.command()
def compare(
    data: Annotated[Path, typer.Option(help="The data set; needs clusters and folds, or patients.")],
    work: Annotated[Path, typer.Option(help="Where the run folders go.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")],
    source: Annotated[list[str] | None, typer.Option(help="Only pictures of this source; may be repeated.")] = None,
    weights: Annotated[str | None, typer.Option(help="none, packaged, imagenet (downloads), or a file.")] = None,
    backbone: Annotated[str | None, typer.Option(help="Of --recipe transfer.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches of an epoch, instead of the recipe's.")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Side of the input, instead of the recipe's.")] = None,
    docs: Annotated[Path, typer.Option(help="Where results/, recipes.md and honest-evaluation.md are.")] = ROOT
    / "docs",
) -> None:
    """Train a recipe under every split, judge each honestly, and write the docs' tables and plot anew."""
    _quiet_tensorflow()
    from triage.training.evaluate.compare import compare_splits
    from triage.training.fit.recipe import adapted, load_recipe
    from triage.training.fit.run import read_chosen
    from triage.training.release.publish import publish

    given = _or_exit(lambda: load_recipe(recipe))
    chosen = _or_exit(lambda: adapted(given, backbone=backbone, epochs=epochs, steps=steps, size=size))
    dataset = _or_exit(lambda: read_chosen(data, source or ()))
    _or_exit(lambda: compare_splits(given, chosen, dataset, work, docs / "results", weights, console))
    _or_exit(lambda: publish(docs))


@app.command("audit-data")
def audit_data(
    data: Annotated[Path, typer.Argument(help="The data set, in any layout that we know.")],
    against: Annotated[Path | None, typer.Option(help="Another folder: what of DATA stands there too?")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="Where the findings are written.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Where the contact sheet of the worst pairs is written.")] = None,
) -> None:
    """Look for copies, contradicting labels, leaks and strangers in a data set."""
    from triage.training.audit import audit, contact_sheet, tables

    findings = _or_exit(lambda: audit(data, against))
    console.print(tables(findings))
    if out is not None:
        _write_json(out, findings.as_json())
    if sheet is not None:
        contact_sheet(findings, sheet)


@app.command()
def average(
    runs: Annotated[list[Path], typer.Argument(help="Runs of the same recipe, options and data, with other starts.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
) -> None:
    """Write the run whose weights are the mean of those of others: asks once what they would be asked together."""
    _quiet_tensorflow()
    from triage.training.release.average import average as write_mean

    _or_exit(lambda: write_mean(runs, out))
    console.print(f"{out}: the mean of {', '.join(run.name for run in runs)}.", highlight=False)


@app.command()
def release(
    folder: Annotated[Path, typer.Argument(help="Model folder to write, models/NAME.")],
    trials: Annotated[list[Path], typer.Argument(help="Runs --unwatched of the same recipe, a --test-fold each.")],
    ships: Annotated[Path, typer.Option(help="Run --untested of the same recipe: its network serves.")],
    remarks: Annotated[Path, typer.Option(help="TOML: data, limits and failures, in words; see models/remarks.toml.")],
    data: Annotated[Path | None, typer.Option(help="What all runs were trained on; TRIAGE_DATA.")] = None,
    volumes: Annotated[Path | None, typer.Option(help="Volumes with masks, to be judged as studies.")] = None,
    left_out: Annotated[Path | None, typer.Option(help="A like run on fewer sources, judged on the others.")] = None,
) -> None:
    """Export, calibrate and judge by cross-validation: a model folder that serves, with its cards."""
    _quiet_tensorflow()
    from triage.training.release.card_notes import read_remarks
    from triage.training.release.release import describe
    from triage.training.release.release import release as write_release

    card = _or_exit(
        lambda: write_release(data or Settings().data, trials, ships, read_remarks(remarks), folder, volumes, left_out)
    )
    console.print(describe(card), highlight=False)


def _quiet_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _multiply_in_bfloat16() -> None:
    """Let oneDNN multiply in bfloat16 where the processor has units for it, and add up in 32 bits as before."""
    from triage.training.fit.environment import PRODUCTS

    os.environ.setdefault(PRODUCTS, "BF16")


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
