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
from rich.markup import escape
from rich.progress import Progress, track
from rich.text import Text

from triage.errors import TriageError
from triage.settings import ROOT, Settings
from triage.text import one_line

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, help=__doc__)
console = Console(stderr=True)
T = TypeVar("T")


@app.command()
def score(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with files.")],
    out: Annotated[Path, typer.Option("--json", help="JSON file to write.")],
    model: Annotated[Path | None, typer.Option(help="Model folder; the one in use if left out.")] = None,
) -> None:
    """Score DICOM, NIfTI, PNG, JPEG and ZIP files without a database: one JSON object per study."""
    from triage.batch import files_below, find_studies, score_studies
    from triage.inference.runtime import Runtime
    from triage.scans.isolation.door import Door

    settings = Settings()
    _check_writable(out)
    runtime = _or_exit(lambda: Runtime(model or settings.model, settings.threads))
    files = files_below(paths)
    if not files:
        console.print("[red]No file was found there. Name files, or folders with files.[/red]")
        raise typer.Exit(2)
    with closing(Door()) as door, tempfile.TemporaryDirectory(prefix="triage-") as folder:
        studies = find_studies(track(files, "Inspecting", console=console), door, Path(folder))
        answers = list(score_studies(track(studies, "Scoring", console=console), door, runtime))
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
    os.execv(  # noqa: S606 - the interpreter that runs this
        sys.executable, [sys.executable, "-m", "streamlit", "run", script, *options]
    )


@app.command()
def worker() -> None:
    """Score received studies in a process of its own; set TRIAGE_WORKER=separate for the web app."""
    import signal
    from threading import Event

    from triage.pipeline.installation import Installation

    installation = _or_exit(lambda: Installation(Settings()))
    _or_exit(lambda: installation.runtime)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    installation.run()
    console.print("Scoring new studies. Stop with Ctrl+C; the next start finishes the work in progress.")
    stopped.wait()
    installation.close()


@app.command()
def check(
    remove: Annotated[
        bool, typer.Option("--clean", help="Remove what no study holds, if it is older than a day.")
    ] = False,
) -> None:
    """Compare the stored files with the record; exit status 1 if a file is missing or was altered."""
    from triage.pipeline.installation import Installation

    installation = _or_exit(lambda: Installation(Settings()))
    with closing(installation):
        with console.status("Reading every stored file"):
            found = installation.check()
        for count, words in (
            (len(found.orphans), "orphaned: no study holds them, and they are older than a day"),
            (found.young, "without a study yet: an upload may be under way"),
            (len(found.left), "left by uploads that ended more than a day ago"),
            (len(found.missing), "missing: restore the files folder from a backup"),
            (len(found.altered), "altered on disk: restore the files folder from a backup"),
        ):
            console.print(f"{count:>8,} {words}", highlight=False)
        for sha256 in (*found.missing, *found.altered):
            console.print(f"         {sha256}", highlight=False)
        if remove:
            console.print(f"{installation.clean():>8,} orphaned files removed", highlight=False)
    if found.missing or found.altered:
        raise typer.Exit(1)


@app.command()
def demo(
    count: Annotated[int, typer.Option(min=0, help="Phantom slices, each a study of its own.")] = 24,
    studies: Annotated[int, typer.Option(min=0, help="Phantom studies in DICOM.")] = 4,
    slices: Annotated[int, typer.Option(min=1, help="Slices of each phantom study.")] = 24,
) -> None:
    """Fill the installation with phantom studies generated by code; they show no patient."""
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
        pending = installation.wait(accepted, timeout=60 + len(made))
    installation.close()
    if pending:
        console.print(f"{len(pending):,} studies are not ranked yet; the web app or the worker will rank them.")
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
    pseudonym: Annotated[str, typer.Argument(help="As shown on the worklist or in a DICOM file.")],
) -> None:
    """Print the identifier behind a pseudonym; the audit trail records who asked."""
    import getpass

    from triage.records.pseudonyms import Pseudonyms
    from triage.records.store import Store

    pseudonyms = _or_exit(lambda: Pseudonyms(Store(Settings().url)))
    print(_or_exit(lambda: pseudonyms.original(pseudonym, actor=f"{getpass.getuser()}, command line")))


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Data set, in any supported layout.")],
    out: Annotated[Path, typer.Option(help="Run folder to write; with --resume, the run folder to continue.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or path of a TOML file.")] = "lite0",
    split: Annotated[str, typer.Option(help="random, deduplicated, patients or official.")] = "patients",
    test_fold: Annotated[
        int, typer.Option(min=0, max=4, help="Fold for the test part; the next fold is for validation.")
    ] = 0,
    augment_before_split: Annotated[
        bool, typer.Option(help="Augment before the split, as some write-ups do; see docs/recipes.md.")
    ] = False,
    source: Annotated[list[str] | None, typer.Option(help="Use only this source; may be repeated.")] = None,
    volumes: Annotated[Path | None, typer.Option(help="Folder inside DATA with volumes and masks to add.")] = None,
    no_validation_fold: Annotated[
        bool, typer.Option("--no-validation-fold", help="Train on the validation fold too.")
    ] = False,
    no_test_fold: Annotated[
        bool, typer.Option("--no-test-fold", help="Train on all folds, including those for test and validation.")
    ] = False,
    weights: Annotated[
        str | None, typer.Option(help="Starting weights: none, packaged, imagenet (downloaded), or a file.")
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="Backbone for --recipe transfer.")] = None,
    frozen: Annotated[
        int | None, typer.Option(min=-1, help="Number of layers that are not trained; -1: all but the last.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs; default: the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches per epoch; default: the recipe's.")] = None,
    size: Annotated[
        int | None, typer.Option(min=16, help="Side of the input in pixels; default: the recipe's.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures per batch; default: the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed; default: the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a stopped run, with the same result.")] = False,
) -> None:
    """Train a recipe on a data set and write a run folder."""
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
        console.print(Text(f"{split!r} is not a split. Choose one of {', '.join(Split)}.", style="red"))
        raise typer.Exit(2)
    options = Options(
        Split(split),
        None if no_test_fold else test_fold,
        augment_before_split,
        weights,
        resume,
        validation_fold=not (no_validation_fold or no_test_fold),
        volumes=volumes,
    )
    try:
        _or_exit(lambda: run_recipe(chosen, read_chosen(data, source or (), volumes), out, options, console))
    except KeyboardInterrupt:
        console.print(f"Stopped. {out} holds a model that can be loaded; continue the run with --resume.")
        raise typer.Exit(130) from None


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Model folder, or run folder of `train`.")],
    data: Annotated[Path, typer.Option(help="Data set, in any supported layout.")],
    out: Annotated[Path, typer.Option("--json", help="JSON file to write; the HTML report is written beside it.")],
    everything: Annotated[
        bool, typer.Option("--everything", help="Also use pictures that the model has seen in training.")
    ] = False,
) -> None:
    """Evaluate a model: metrics with confidence intervals as JSON, and an HTML report with a failure gallery."""
    _quiet_tensorflow()
    from triage.training.evaluate.evaluate import describe
    from triage.training.evaluate.evaluate import evaluate as write_evaluation

    summary = _or_exit(lambda: write_evaluation(model, data, out, console, everything))
    for note in summary["data"]["notes"]:
        console.print(f"Evaluated on: {note}.", highlight=False, markup=False)
    console.print(describe(summary), highlight=False)
    console.print(f"{out}, {out.with_suffix('.html')}")


@app.command()
def compare(
    data: Annotated[Path, typer.Option(help="Data set with clusters and folds, or with patients.")],
    work: Annotated[Path, typer.Option(help="Folder for the run folders.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or path of a TOML file.")],
    source: Annotated[list[str] | None, typer.Option(help="Use only this source; may be repeated.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Starting weights: none, packaged, imagenet (downloaded), or a file.")
    ] = None,
    backbone: Annotated[str | None, typer.Option(help="Backbone for --recipe transfer.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Number of epochs; default: the recipe's.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Batches per epoch; default: the recipe's.")] = None,
    size: Annotated[
        int | None, typer.Option(min=16, help="Side of the input in pixels; default: the recipe's.")
    ] = None,
    docs: Annotated[Path, typer.Option(help="Folder with results/, recipes.md and honest-evaluation.md.")] = ROOT
    / "docs",
) -> None:
    """Train a recipe under every split, evaluate each run, and update the tables and the plot in the docs."""
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
    against: Annotated[Path | None, typer.Option(help="Another folder to find the images of DATA in.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet of the worst pairs to write (PNG).")] = None,
) -> None:
    """Find duplicates, contradicting labels, leaks between splits and out-of-distribution images in a data set."""
    from triage.training.audit import audit, contact_sheet, tables

    findings = _or_exit(lambda: audit(data, against))
    console.print(tables(findings))
    if out is not None:
        _write_json(out, findings.as_json())
    if sheet is not None:
        contact_sheet(findings, sheet)


@app.command()
def average(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs of the same recipe, options and data, from different starting weights.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
) -> None:
    """Write a run folder with the mean weights of several runs; one network then replaces their ensemble."""
    _quiet_tensorflow()
    from triage.training.release.average import average as write_mean

    _or_exit(lambda: write_mean(runs, out))
    console.print(f"{out}: the mean of {', '.join(run.name for run in runs)}.", highlight=False)


@app.command()
def release(
    folder: Annotated[Path, typer.Argument(help="Model folder to write, models/NAME.")],
    trials: Annotated[
        list[Path],
        typer.Argument(help="Runs of one recipe with --no-validation-fold, each with another --test-fold."),
    ],
    ships: Annotated[Path, typer.Option(help="Run of the same recipe with --no-test-fold; its network is released.")],
    card_notes: Annotated[
        Path, typer.Option(help="TOML file with data, limits and failures as text; see models/card-notes.toml.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Data set that all runs were trained on; default: TRIAGE_DATA.")
    ] = None,
    volumes: Annotated[
        Path | None, typer.Option(help="Folder of volumes with masks, each evaluated as a study.")
    ] = None,
    left_out: Annotated[
        Path | None,
        typer.Option(help="Run of the same recipe on fewer sources, for external validation on the others."),
    ] = None,
) -> None:
    """Export, calibrate and cross-validate a network; write a model folder with its cards."""
    _quiet_tensorflow()
    from triage.training.release.card_notes import read_card_notes
    from triage.training.release.release import describe
    from triage.training.release.release import release as write_release

    card = _or_exit(
        lambda: write_release(
            data or Settings().data, trials, ships, read_card_notes(card_notes), folder, volumes, left_out
        )
    )
    console.print(describe(card), highlight=False)


def _quiet_tensorflow() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _multiply_in_bfloat16() -> None:
    """Let oneDNN multiply in bfloat16 where the processor supports it; sums stay in 32 bits."""
    from triage.training.fit.environment import ONEDNN_MATH_MODE

    os.environ.setdefault(ONEDNN_MATH_MODE, "BF16")


def _or_exit(make: Callable[[], T]) -> T:
    try:
        return make()
    except TriageError as error:
        console.print(Text(one_line(str(error)), style="red"))
        raise typer.Exit(1) from error


def _check_writable(out: Path) -> None:
    """Exit before any work if a result could not be written there."""
    if not out.parent.is_dir():
        console.print(f"[red]The folder {escape(str(out.parent))} does not exist. Create it, or choose another.[/red]")
        raise typer.Exit(2)
    if out.is_dir():
        console.print(f"[red]{escape(str(out))} is a folder. Name a file in it.[/red]")
        raise typer.Exit(2)


def _write_json(path: Path, value: object) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    part.replace(path)
