"""``python -m triage train``: train a recipe on a data set and write a run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console

from triage.inference import preprocess
from triage.inference.views import FRAME
from triage.networks.backbones import open_saved
from triage.networks.twolook import mean_of
from triage.text import terminal
from triage.training.data.splits import CLASSES, Parts, Sample, Split, cut, has_mask
from triage.training.fit.checkpoints import STATE_FILE, averaged_weights, save_model, write_json, write_settings
from triage.training.fit.environment import data_hash, environment, file_hashes
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE, Lineage, lineage_of
from triage.training.fit.loop import MIN_NETWORK_SHARE, Outcome, load_kept, predict
from triage.training.fit.recipe import Recipe, RecipeError, Stage, looks_twice
from triage.training.fit.stages import ClassifierTraining, build, train_segmenter
from triage.training.fit.two_look_training import TwoLookTraining
from triage.training.layouts import UNTYPED, Dataset, LayoutError, joined, load_mask, read_dataset, with_volumes
from triage.training.layouts.loading import in_threads
from triage.training.views.frames import load_frames_of

CONFIG_FILE = "config.json"
SKIPPED_FILE = "skipped.json"
ENVIRONMENT_FILE = "environment.json"
#: Subfolder with the second stage.
SEGMENTER = "segmenter"


@dataclass(frozen=True)
class Options:
    """Options of a training that are not part of the recipe.

    Attributes
    ----------
    split, test_fold, validation_fold
        See `triage.training.data.splits.cut`.
    before
        Augment before the split.
    weights
        See `triage.networks.backbones.build_backbone`.
    resume
        Continue the run in the folder.
    volumes, more
        Folders that were added to the data set, see `read_chosen`.
    teacher
        Network file of the run that teaches, for a recipe with a teacher.
    """

    split: Split = Split.PATIENTS
    test_fold: int | None = 0
    before: bool = False
    weights: str | None = None
    resume: bool = False
    validation_fold: bool = True
    volumes: Path | None = None
    more: Path | None = None
    teacher: Path | None = None


def run_recipe(recipe: Recipe, dataset: Dataset, folder: Path, options: Options, console: Console) -> dict[str, Any]:
    """Train a recipe and write the run folder; return the content of ``result.json``.

    The folder holds ``config.json`` (recipe, split, hash of the data), ``environment.json``, ``parts.json`` (the names
    in each part), ``skipped.json``, ``curve.json``, ``curve.png``, ``model.keras``, ``state.npz`` (to resume from) and
    ``result.json``. A second stage has its own files in ``segmenter/``.

    Raises
    ------
    TriageError
        If the data, the recipe, the weights or the disk do not allow the run; every message names the remedy.
    """
    if not options.validation_fold:
        check_needs_no_validation(recipe)
    if recipe.train.keep == "mean" and not Path(str(options.weights)).is_file():
        raise RecipeError(f"{recipe.name} starts from a trained network. Name its file with --weights.")
    if (recipe.train.teacher is None) != (options.teacher is None):
        raise RecipeError(
            f"{recipe.name} learns from a run of {recipe.train.teacher}. Name its model.keras with --teacher."
            if recipe.train.teacher
            else f"{recipe.name} has no teacher. Leave out --teacher, or use --recipe two-look-taught."
        )
    print_dataset(dataset, console)
    parts = parts_of(recipe, dataset, options)
    if recipe.segment:
        _check_masks(dataset, parts)
    hashes = file_hashes(dataset)
    lineage = lineage_of(options.weights)
    lineages = [found for found in (lineage, lineage_of(str(options.teacher) if options.teacher else None)) if found]
    for found in lineages:
        _check_unseen(found, parts, hashes)
    folder.mkdir(parents=True, exist_ok=True)
    config = config_of(recipe, dataset, options, hashes)
    write_settings(folder / CONFIG_FILE, config, options.resume)
    write_json(folder / ENVIRONMENT_FILE, environment())
    write_json(folder / SKIPPED_FILE, skipped_record(dataset))
    write_json(folder / PARTS_FILE, parts_record(parts, hashes, lineages))
    for note in parts.notes:
        console.print(terminal(f"{options.split}: {note}."))
    sizes = {part: len(getattr(parts, part)) for part in ("train", "validation", "test")}
    console.print(f"Pictures: {', '.join(f'{part} {count:,}' for part, count in sizes.items())}.")

    stage, training = _prepared(recipe, dataset.root, parts, folder, options, console)
    keras.utils.set_random_seed(recipe.seed)
    model, started_from = build(stage, len(CLASSES[recipe.task]), options.weights)
    started_from = lineage.description if lineage else started_from
    console.print(f"{model.name}, {model.count_params():,} parameters, starting weights: {started_from}.")
    parameters = model.count_params()
    resume = options.resume and (folder / STATE_FILE).exists()
    outcome = training.train(model, stage, folder, resume, console)
    if stage.keep == "mean":
        with averaged_weights(model):
            save_model(mean_of(open_saved(Path(str(options.weights))), model), folder)
    result = {
        "recipe": recipe.name,
        "started_from": started_from,
        "parameters": parameters,
        "pictures": sizes,
        "notes": list(parts.notes),
        "classifier": _summary(outcome, console),
    }
    if recipe.segment:
        result["segmenter"] = _second_stage(recipe, recipe.segment, dataset, parts, folder, options, console)
    write_json(folder / RESULT_FILE, result)
    return result


def read_chosen(
    data: Path,
    sources: Sequence[str] = (),
    volumes: Path | None = None,
    more: Path | None = None,
    without: Sequence[str] = (),
) -> Dataset:
    """Read a data set, and choose some of its sources.

    Parameters
    ----------
    data
        The data set.
    sources
        The sources to keep, besides the volumes; by default all.
    volumes
        A folder of volumes inside the data set, to add.
    more
        Another data set to add.
    without
        Sources to leave out.

    Raises
    ------
    LayoutError
        If a data set cannot be read or lacks a source, or the volumes cannot be added.
    """
    dataset = read_dataset(data)
    if volumes is not None:
        dataset = with_volumes(dataset, volumes)
        sources = [*sources, volumes.resolve().name] if sources else []
    if more is not None:
        dataset = joined(dataset, read_dataset(more))
    known = {item.source for item in dataset.items}
    unknown = {*sources, *without} - known
    if unknown:
        raise LayoutError(
            f"The data set has no source {', '.join(sorted(unknown))}. Choose among {', '.join(sorted(known))}."
        )
    chosen = (set(sources) or known) - set(without)
    return replace(dataset, items=tuple(item for item in dataset.items if item.source in chosen))


def print_dataset(dataset: Dataset, console: Console) -> None:
    """Print the counts of a data set, and the files that were skipped."""
    counts = ", ".join(f"{label} {count:,}" for label, count in dataset.counts.items())
    console.print(f"{len(dataset.items):,} pictures ({dataset.layout}): {counts}.", highlight=False)
    if dataset.skipped:
        console.print(f"[yellow]Skipped {len(dataset.skipped):,} times; {SKIPPED_FILE} lists all:[/yellow]")
        for entry in dataset.skipped[:5]:
            console.print(terminal(f"  {entry.path}: {entry.reason}"))


def parts_of(recipe: Recipe, dataset: Dataset, options: Options) -> Parts:
    """Split a data set for a recipe; the errors are those of `cut`."""
    # Tumours without a recorded type are trained on only where the recipe gives them a share.
    untyped = any(name.partition("/")[0] == UNTYPED for name in recipe.train.shares or recipe.train.balanced or {})
    return cut(
        dataset,
        recipe.task,
        options.split,
        seed=recipe.seed,
        test_fold=options.test_fold,
        expand=recipe.expand,
        before=options.before,
        untyped=untyped,
        validation_fold=options.validation_fold,
    )


def config_of(recipe: Recipe, dataset: Dataset, options: Options, hashes: dict[str, str]) -> dict[str, Any]:
    """Return the content of ``config.json``."""
    return {
        "recipe": recipe.model_dump(),
        "task": recipe.task,
        "classes": CLASSES[recipe.task],
        "size": FRAME if looks_twice(recipe) else recipe.train.size,
        "preprocessing": preprocess.VERSION,
        "split": options.split,
        "test_fold": options.test_fold,
        "augmented_before_split": options.before,
        "validation_fold": options.validation_fold,
        "volumes": _below(options.volumes, dataset.root),
        "more": _below(options.more, dataset.root),
        "weights": options.weights if options.weights is None else Path(options.weights).name,
        "sources": sorted({item.source for item in dataset.items}),
        "layout": dataset.layout,
        "counts": dataset.counts,
        "data_sha256": data_hash(dataset, hashes),
    }


def _below(folder: Path | None, root: Path) -> str | None:
    return None if folder is None else folder.resolve().relative_to(root.resolve()).as_posix()


def parts_record(parts: Parts, hashes: dict[str, str], lineages: Sequence[Lineage] = ()) -> dict[str, list[str]]:
    """Return the content of ``parts.json``."""
    seen = sorted(_hashes_of((*parts.train, *parts.validation), hashes).union(*(found.seen for found in lineages)))
    names = {
        part: [sample.name for sample in getattr(parts, part)] for part in ("train", "validation", "test", "untyped")
    }
    return names | {"seen_sha256": seen, "notes": list(parts.notes)}


def _hashes_of(samples: Sequence[Sample], hashes: dict[str, str]) -> set[str]:
    return {hashes[sample.item.path] for sample in samples}


def _check_unseen(lineage: Lineage, parts: Parts, hashes: dict[str, str]) -> None:
    """Refuse to test on pictures that the starting weights have already seen."""
    left_out = (*parts.test, *parts.untyped)
    known = _hashes_of(left_out, hashes) & lineage.seen
    if served := {sample.item.source for sample in left_out} & lineage.sources:
        raise RecipeError(
            f"{lineage.description} may have seen every picture of {', '.join(sorted(served))}. Start from a run with "
            "the same test fold, or train with --no-test-fold."
        )
    if known:
        raise RecipeError(
            f"{lineage.description} has seen {len(known):,} of the pictures in the test part. Use a run with the same "
            "split and --test-fold."
        )


def _prepared(
    recipe: Recipe, root: Path, parts: Parts, folder: Path, options: Options, console: Console
) -> tuple[Stage, ClassifierTraining | TwoLookTraining]:
    if looks_twice(recipe):
        teacher = open_saved(options.teacher) if options.teacher else None
        return recipe.train, TwoLookTraining(root, parts, recipe.train, recipe.seed, teacher)
    classifying = ClassifierTraining(root, parts, recipe.task, recipe.train, recipe.seed)
    return _searched(recipe, classifying, folder, console), classifying


def _searched(recipe: Recipe, classifying: ClassifierTraining, folder: Path, console: Console) -> Stage:
    if recipe.tuner is None:
        return recipe.train
    from triage.training.fit.tuning import CHOICES, tune, with_values

    if (folder / CHOICES).exists():
        return with_values(recipe.train, json.loads((folder / CHOICES).read_text())["chosen"])
    console.print(f"Keras Tuner: {recipe.tuner.trials} trials of {recipe.tuner.epochs} epochs.")
    return tune(recipe, classifying, folder, console)


def _second_stage(
    recipe: Recipe, stage: Stage, dataset: Dataset, parts: Parts, folder: Path, options: Options, console: Console
) -> dict[str, Any]:
    detector = load_kept(folder)
    train_on, validate_on = (
        _called_tumour(detector, dataset.root, samples, recipe.train.size)
        for samples in (parts.train, parts.validation)
    )
    if not train_on or not validate_on:
        raise LayoutError(
            "Stage one calls no picture with a mask a tumour, so stage two has nothing to train on. Train for more "
            "--epochs, in another folder."
        )
    console.print(f"Stage two: {len(train_on):,} pictures that have a mask and that stage one calls a tumour.")
    inner = folder / SEGMENTER
    inner.mkdir(exist_ok=True)
    keras.utils.set_random_seed(recipe.seed)
    resume = options.resume and (inner / STATE_FILE).exists()
    outcome = train_segmenter(dataset.root, train_on, validate_on, stage, recipe.seed, inner, resume, console)
    return {"train": len(train_on), "validation": len(validate_on)} | _summary(outcome, console)


def skipped_record(dataset: Dataset) -> list[dict[str, str]]:
    """Return the content of ``skipped.json``."""
    return [{"path": entry.path, "reason": entry.reason} for entry in dataset.skipped]


def check_needs_no_validation(recipe: Recipe) -> None:
    """Raise `RecipeError` if the recipe selects by the validation loss."""
    if recipe.train.keep == "best" or recipe.train.patience or recipe.tuner or recipe.segment:
        raise RecipeError(
            f"{recipe.name} selects by the validation loss. Train it with a validation fold, or use a recipe that "
            'keeps the last of a fixed number of epochs (keep = "last"), such as lite0.'
        )


def _check_masks(dataset: Dataset, parts: Parts) -> None:
    """Open every mask now: the first stage trains for hours before it needs one."""
    for samples in (parts.train, parts.validation):
        masked = has_mask(samples)
        if not masked:
            raise LayoutError(
                "The second stage needs pictures with masks for training and validation, and there are none. Use a "
                "data set with outlines or masks, or --recipe transfer."
            )
        for _ in in_threads(lambda sample: load_mask(dataset.root, sample.item), masked, "Opening the masks"):
            pass


def _called_tumour(detector: keras.Model, root: Path, samples: Sequence[Sample], size: int) -> list[Sample]:
    masked = has_mask(samples)
    called = predict(detector, load_frames_of(root, masked, size).pixels).argmax(axis=1) == 0
    return [masked[index] for index in np.flatnonzero(called)]


def _summary(outcome: Outcome, console: Console) -> dict[str, Any]:
    share = outcome.network_share
    console.print(f"The network took {share:.1%} of the time, the rest was spent waiting for input.")
    if share < MIN_NETWORK_SHARE:
        console.print("[yellow]Preparing the input is the bottleneck. Use a smaller --batch or simpler views.[/yellow]")
    kept = next((row for row in outcome.curve if row["epoch"] == outcome.kept_epoch), {})
    return {
        "epochs": len(outcome.curve),
        "kept_epoch": outcome.kept_epoch,
        "network_share": round(share, 4),
        "seconds": round(sum(row["seconds"] for row in outcome.curve), 1),
        "at_kept_epoch": kept,
    }
