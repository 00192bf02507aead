"""Commands of researchers: audit data, train, evaluate, compare, average, release. Tested in tests/test_cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from triage.cli.common import check_writable, console, exit_with, or_exit, write_json
from triage.cli.training_common import (
    Backbone,
    Data,
    Epochs,
    More,
    Recipe,
    Seed,
    Size,
    Source,
    Steps,
    Volumes,
    Weights,
    Without,
    multiply_in_bfloat16,
    quiet_tensorflow,
)
from triage.settings import ROOT, Settings
from triage.text import terminal

commands = typer.Typer()


@commands.command()
def train(
    data: Annotated[Path, typer.Option(help="Data set, in any supported layout.")],
    out: Annotated[Path, typer.Option(help="Run folder to write; with --resume, the run folder to continue.")],
    recipe: Recipe = "lite0",
    split: Annotated[str, typer.Option(help="random, deduplicated, patients or official.")] = "patients",
    test_fold: Annotated[
        int, typer.Option(min=0, max=4, help="Fold for the test part; the next fold is for validation.")
    ] = 0,
    augment_before_split: Annotated[
        bool, typer.Option(help="Augment before the split, as some write-ups do; see docs/recipes.md.")
    ] = False,
    source: Source = None,
    volumes: Volumes = None,
    more: More = None,
    without: Without = None,
    no_validation_fold: Annotated[
        bool, typer.Option("--no-validation-fold", help="Train on the validation fold too.")
    ] = False,
    no_test_fold: Annotated[
        bool, typer.Option("--no-test-fold", help="Train on all folds, including those for test and validation.")
    ] = False,
    weights: Weights = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Network file of the run that teaches, for a recipe with a teacher.")
    ] = None,
    backbone: Backbone = None,
    frozen: Annotated[
        int | None, typer.Option(min=-1, help="Number of layers that are not trained; -1: all but the last.")
    ] = None,
    epochs: Epochs = None,
    steps: Steps = None,
    size: Size = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures per batch; default: the recipe's.")] = None,
    seed: Seed = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a stopped run, with the same result.")] = False,
) -> None:
    """Train a recipe on a data set and write a run folder."""
    quiet_tensorflow()
    multiply_in_bfloat16()
    from triage.training.data.splits import Split
    from triage.training.fit.recipe import adapted, load_recipe
    from triage.training.fit.run import Options, read_chosen, run_recipe

    chosen = or_exit(
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
        raise exit_with(f"{split!r} is not a split. Choose one of {', '.join(Split)}.", 2)
    options = Options(
        Split(split),
        None if no_test_fold else test_fold,
        augment_before_split,
        weights,
        resume,
        validation_fold=not (no_validation_fold or no_test_fold),
        volumes=volumes,
        more=more,
        teacher=teacher,
    )
    try:
        or_exit(
            lambda: run_recipe(
                chosen, read_chosen(data, source or (), volumes, more, without or ()), out, options, console
            )
        )
    except KeyboardInterrupt:
        console.print(terminal(f"Stopped. {out} holds a model that can be loaded; continue the run with --resume."))
        raise typer.Exit(130) from None


@commands.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Model folder, or run folder of `train`.")],
    data: Annotated[Path, typer.Option(help="Data set, in any supported layout.")],
    out: Annotated[Path, typer.Option("--json", help="JSON file to write; the HTML report is written beside it.")],
    everything: Annotated[
        bool, typer.Option("--everything", help="Also use pictures that the model has seen in training.")
    ] = False,
) -> None:
    """Evaluate a model: metrics with confidence intervals as JSON, and an HTML report with a failure gallery."""
    check_writable(out)
    quiet_tensorflow()
    from triage.training.evaluate.evaluate import describe
    from triage.training.evaluate.evaluate import evaluate as write_evaluation

    summary = or_exit(lambda: write_evaluation(model, data, out, console, everything))
    for note in summary["data"]["notes"]:
        console.print(terminal(f"Evaluated on: {note}."))
    console.print(describe(summary), highlight=False, markup=False)
    console.print(terminal(f"{out}, {out.with_suffix('.html')}"))


@commands.command()
def compare(
    data: Annotated[Path, typer.Option(help="Data set with clusters and folds, or with patients.")],
    work: Annotated[Path, typer.Option(help="Folder for the run folders.")],
    recipe: Recipe,
    source: Source = None,
    weights: Weights = None,
    backbone: Backbone = None,
    epochs: Epochs = None,
    steps: Steps = None,
    size: Size = None,
    docs: Annotated[Path, typer.Option(help="Folder with results/, recipes.md and honest-evaluation.md.")] = ROOT
    / "docs",
) -> None:
    """Train a recipe under every split, evaluate each run, and update the tables and the plot in the docs."""
    quiet_tensorflow()
    from triage.training.evaluate.compare import compare_splits
    from triage.training.fit.recipe import adapted, load_recipe
    from triage.training.fit.run import read_chosen
    from triage.training.release.publish import publish

    given = or_exit(lambda: load_recipe(recipe))
    chosen = or_exit(lambda: adapted(given, backbone=backbone, epochs=epochs, steps=steps, size=size))
    dataset = or_exit(lambda: read_chosen(data, source or ()))
    or_exit(lambda: compare_splits(given, chosen, dataset, work, docs / "results", weights, console))
    or_exit(lambda: publish(docs))


@commands.command("audit-data")
def audit_data(
    data: Annotated[Path, typer.Argument(help="The data set, in any layout that we know.")],
    against: Annotated[Path | None, typer.Option(help="Another folder to find the images of DATA in.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="JSON file to write.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet of the worst pairs to write (PNG).")] = None,
) -> None:
    """Find duplicates, contradicting labels, leaks between splits and out-of-distribution images in a data set."""
    for path in (out, sheet):
        if path is not None:
            check_writable(path)
    from triage.training.audit import audit, contact_sheet, tables

    findings = or_exit(lambda: audit(data, against))
    console.print(tables(findings))
    if out is not None:
        write_json(out, findings.as_json())
    if sheet is not None:
        contact_sheet(findings, sheet)


@commands.command()
def average(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs of the same recipe, options and data, from different starting weights.")
    ],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
) -> None:
    """Write a run folder with the mean weights of several runs; one network then replaces their ensemble."""
    quiet_tensorflow()
    from triage.training.release.average import average as write_mean

    or_exit(lambda: write_mean(runs, out))
    console.print(terminal(f"{out}: the mean of {', '.join(run.name for run in runs)}."))


@commands.command()
def pack(
    data: Annotated[Path, typer.Option(help="Data set with clusters and folds, or with patients.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    recipe: Annotated[list[str], typer.Option(help="Name or TOML file of a two-look recipe; may be repeated.")],
    volumes: Volumes = None,
    more: More = None,
    without: Without = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Sources, separated by commas, that the trial without fold 0 leaves out too; repeated, for fold 1, ..."
        ),
    ] = None,
    megabytes: Annotated[int, typer.Option(min=10, max=200, help="Largest size of the folder.")] = 60,
) -> None:
    """Pack recipes and data for training on a machine with a GPU and no network; see docs/recipes.md."""
    quiet_tensorflow()
    from triage.training.elsewhere.pack import Chosen
    from triage.training.elsewhere.pack import pack as write_pack
    from triage.training.fit.recipe import load_recipe

    chosen = Chosen(data, volumes, more, without or (), [group.split(",") for group in leave_out or ()])
    or_exit(lambda: write_pack([load_recipe(name) for name in recipe], chosen, out, megabytes, console))


@commands.command()
def trials(
    model: Annotated[Path, typer.Argument(help="Model folder that `release` wrote.")],
    runs: Annotated[Path, typer.Option(help="Folder for the run folders.")],
) -> None:
    """Write the run folders of a model's cross-validation, to evaluate them or to train them further."""
    quiet_tensorflow()
    from triage.training.release.trials import restore_trials

    for folder in or_exit(lambda: restore_trials(model, runs)):
        console.print(terminal(str(folder)))


@commands.command()
def unpack(
    out: Annotated[Path, typer.Argument(help="Folder that the pack's train.py wrote.")],
    pack: Annotated[Path, typer.Option(help="The pack.")],
    runs: Annotated[Path, typer.Option(help="Folder for the run folders.")],
) -> None:
    """Write run folders of what the trials of a pack have learnt."""
    quiet_tensorflow()
    from triage.training.elsewhere.unpack import unpack as write_runs

    for folder in or_exit(lambda: write_runs(out, pack, runs)):
        console.print(terminal(str(folder)))


@commands.command()
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
    more: Annotated[Path | None, typer.Option(help="The other data set that all runs were trained on.")] = None,
) -> None:
    """Export, calibrate and cross-validate a network; write a model folder with its cards."""
    quiet_tensorflow()
    from triage.training.release.card_notes import read_card_notes
    from triage.training.release.release import describe
    from triage.training.release.release import release as write_release

    card = or_exit(
        lambda: write_release(
            data or Settings().data, trials, ships, read_card_notes(card_notes), folder, volumes, left_out, more
        )
    )
    console.print(describe(card), highlight=False, markup=False)


@commands.command("fit-gate")
def fit_gate(
    folder: Annotated[Path, typer.Argument(help="Model folder, models/NAME; its gate and cards are changed.")],
    data: Data = None,
    volumes: Volumes = None,
    more: Annotated[
        Path | None, typer.Option(help="Another data set to add, with strangers; default: TRIAGE_MORE.")
    ] = None,
) -> None:
    """Fit the gate of a model to pictures: it tells brain MRI from everything else."""
    from triage.training.fit.run import read_chosen
    from triage.training.release.gate import refit_gate

    card = or_exit(
        lambda: refit_gate(folder, read_chosen(data or Settings().data, (), volumes, more or Settings().more))
    )
    for name in ("refused", "passed"):
        counts = card.metrics["gate"][name]
        console.print(terminal(f"{name}: {', '.join(f'{source} {n} of {of}' for source, (n, of) in counts.items())}"))


@commands.command()
def remember(
    folder: Annotated[Path, typer.Argument(help="Model folder, models/NAME; its cards are changed.")],
    data: Data = None,
    volumes: Volumes = None,
    more: Annotated[Path | None, typer.Option(help="Another data set to add; default: TRIAGE_MORE.")] = None,
) -> None:
    """Write what tells the pictures that a model was trained or tested on, but shows none, into its folder."""
    quiet_tensorflow()
    from triage.training.fit.run import read_chosen
    from triage.training.release.remember import remember as write_memory

    card = or_exit(
        lambda: write_memory(folder, read_chosen(data or Settings().data, (), volumes, more or Settings().more))
    )
    seen = card.metrics["seen"]
    console.print(
        terminal(f"{folder}: trained on {seen['trained']:,} pictures, copies included, tested on {seen['tested']:,}.")
    )
