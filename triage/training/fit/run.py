"""``python -m triage train``: a recipe on a data set, into a run folder."""

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
from triage.training.data.splits import CLASSES, Parts, Sample, Split, cut, has_mask
from triage.training.fit.checkpoints import averaged, once, save_model, write_json
from triage.training.fit.environment import data_hash, environment, file_hashes
from triage.training.fit.lineage import PARTS, RESULT, Earlier, earlier_run
from triage.training.fit.loop import WANTED_SHARE, Outcome, load_kept, predict
from triage.training.fit.recipe import Recipe, RecipeError, Stage, looks_twice
from triage.training.fit.stages import Classifying, build, train_segmenter
from triage.training.fit.two_look_training import Looking
from triage.training.layouts import Dataset, LayoutError, load_mask, read_dataset, with_volumes
from triage.training.layouts.loading import in_threads
from triage.training.views.frames import load_frames_of

CONFIG, SKIPPED, ENVIRONMENT = "config.json", "skipped.json", "environment.json"
SEGMENTER = "segmenter"


@dataclass(frozen=True)
class Options:
    """What the command line says besides the recipe.

    Attributes
    ----------
    split, test_fold
        See `triage.training.data.splits.cut`.
    before
        Augment before the split.
    weights
        See `triage.networks.backbones.build_backbone`.
    resume
        Go on with the run in the folder.
    unwatched
        Train on the watched part too.
    volumes
        Folder of volumes that were added to the data set, see `read_chosen`.
    """

    split: Split = Split.PATIENTS
    test_fold: int | None = 0
    before: bool = False
    weights: str | None = None
    resume: bool = False
    unwatched: bool = False
    volumes: Path | None = None


def run_recipe(recipe: Recipe, dataset: Dataset, folder: Path, options: Options, console: Console) -> dict[str, Any]:
    """Train what a recipe says and write the run folder; return what ``result.json`` holds.

    The folder holds ``config.json`` (recipe, split, hash of the data), ``environment.json``, ``parts.json`` (the names
    in each part), ``skipped.json``, ``curve.json`` and ``.png``, ``model.keras``, ``state.npz`` (to resume from) and
    ``result.json``; a second stage has its own in ``segmenter/``.

    Raises
    ------
    TriageError
        Where data, recipe, weights or the disk do not allow it; every message names the remedy.
    """
    if options.unwatched:
        _check_fixed(recipe)
    if recipe.train.keep == "mean" and not Path(str(options.weights)).is_file():
        raise RecipeError(f"{recipe.name} goes on from a network. Name its file with --weights.")
    tell(dataset, console)
    # A "tumour of unknown type" can teach the four classes where the recipe gives it a share.
    untyped = any(name.startswith("tumor/") for name in recipe.train.shares or {})
    parts = cut(
        dataset,
        recipe.task,
        options.split,
        seed=recipe.seed,
        test_fold=options.test_fold,
        expand=recipe.expand,
        before=options.before,
        untyped=untyped,
        watched=not options.unwatched,
    )
    if recipe.segment:
        _check_masks(dataset, parts)
    hashes = file_hashes(dataset)
    earlier = earlier_run(options.weights)
    if earlier:
        _check_unseen(earlier, parts, hashes)
    folder.mkdir(parents=True, exist_ok=True)
    once(
        folder / CONFIG, _config(recipe, dataset, options) | {"data_sha256": data_hash(dataset, hashes)}, options.resume
    )
    write_json(folder / ENVIRONMENT, environment())
    write_json(folder / SKIPPED, [{"path": entry.path, "reason": entry.reason} for entry in dataset.skipped])
    _write_parts(folder, hashes, parts, earlier)
    for note in parts.notes:
        console.print(f"{options.split}: {note}.")
    console.print(f"{len(parts.train):,} to train on, {len(parts.watch):,} to watch, {len(parts.test):,} to test on.")

    stage, training = _prepared(recipe, dataset.root, parts, folder, console)
    keras.utils.set_random_seed(recipe.seed)
    model, started_from = build(stage, len(CLASSES[recipe.task]), options.weights)
    started_from = earlier.said if earlier else started_from
    console.print(f"{model.name}, {model.count_params():,} parameters, weights to start from: {started_from}.")
    parameters = model.count_params()
    resume = options.resume and (folder / "state.npz").exists()
    outcome = training.train(model, stage, folder, resume, console)
    if stage.keep == "mean":
        with averaged(model):
            save_model(mean_of(open_saved(Path(str(options.weights))), model), folder)
    result = {
        "recipe": recipe.name,
        "started_from": started_from,
        "parameters": parameters,
        "pictures": {"train": len(parts.train), "watch": len(parts.watch), "test": len(parts.test)},
        "notes": list(parts.notes),
        "classifier": _summary(outcome, console),
    }
    if recipe.segment:
        result["segmenter"] = _second_stage(recipe, recipe.segment, dataset, parts, folder, options, console)
    write_json(folder / RESULT, result)
    return result


def read_chosen(data: Path, sources: Sequence[str] = (), volumes: Path | None = None) -> Dataset:
    """Read a data set, only the items of some sources where they are named, and a folder of volumes beside them.

    Raises
    ------
    LayoutError
        If it cannot be read or has no such source, or the volumes cannot be added.
    """
    dataset = read_dataset(data)
    if volumes is not None:
        dataset = with_volumes(dataset, volumes)
        sources = [*sources, volumes.resolve().name] if sources else []
    if not sources:
        return dataset
    known = {item.source for item in dataset.items}
    unknown = set(sources) - known
    if unknown:
        raise LayoutError(
            f"No picture there is of {', '.join(sorted(unknown))}. Its sources: {', '.join(sorted(known))}."
        )
    return replace(dataset, items=tuple(item for item in dataset.items if item.source in sources))


def tell(dataset: Dataset, console: Console) -> None:
    """Say what was read, and what was not."""
    counts = ", ".join(f"{label} {count:,}" for label, count in dataset.counts.items())
    console.print(f"{len(dataset.items):,} pictures ({dataset.layout}): {counts}.", highlight=False)
    if dataset.skipped:
        console.print(f"[yellow]{len(dataset.skipped):,} files skipped, all listed in {SKIPPED}:[/yellow]")
        for entry in dataset.skipped[:5]:
            console.print(f"  {entry.path}: {entry.reason}", highlight=False, markup=False)


def _config(recipe: Recipe, dataset: Dataset, options: Options) -> dict[str, Any]:
    return {
        "recipe": recipe.model_dump(),
        "task": recipe.task,
        "classes": CLASSES[recipe.task],
        "size": FRAME if looks_twice(recipe) else recipe.train.size,
        "preprocessing": preprocess.VERSION,
        "split": options.split,
        "test_fold": options.test_fold,
        "augmented_before_split": options.before,
        "unwatched": options.unwatched,
        "volumes": options.volumes and options.volumes.resolve().relative_to(dataset.root.resolve()).as_posix(),
        "weights": options.weights if options.weights is None else Path(options.weights).name,
        "sources": sorted({item.source for item in dataset.items}),
        "layout": dataset.layout,
        "counts": dataset.counts,
    }


def _write_parts(folder: Path, hashes: dict[str, str], parts: Parts, earlier: Earlier | None) -> None:
    seen = sorted(_hashes_of((*parts.train, *parts.watch), hashes) | (earlier.seen if earlier else set()))
    names = {part: [sample.name for sample in getattr(parts, part)] for part in ("train", "watch", "test", "untyped")}
    write_json(folder / PARTS, names | {"seen_sha256": seen, "notes": list(parts.notes)})


def _hashes_of(samples: Sequence[Sample], hashes: dict[str, str]) -> set[str]:
    return {hashes[sample.item.path] for sample in samples}


def _check_unseen(earlier: Earlier, parts: Parts, hashes: dict[str, str]) -> None:
    """Refuse to test on what the network has seen before it came here."""
    left_out = (*parts.test, *parts.untyped)
    known = _hashes_of(left_out, hashes) & earlier.seen
    if served := {sample.item.source for sample in left_out} & earlier.sources:
        raise RecipeError(
            f"{earlier.said} may have seen every picture of {', '.join(sorted(served))}. Start from a run that left "
            "the same fold out, or train with --untested."
        )
    if known:
        raise RecipeError(
            f"The network to start from has seen {len(known):,} of the pictures that this run would test on. Start "
            "from a run with the same split and --test-fold."
        )


def _prepared(
    recipe: Recipe, root: Path, parts: Parts, folder: Path, console: Console
) -> tuple[Stage, Classifying | Looking]:
    if looks_twice(recipe):
        return recipe.train, Looking(root, parts, recipe.train, recipe.seed)
    classifying = Classifying(root, parts, recipe.task, recipe.train, recipe.seed)
    return _searched(recipe, classifying, folder, console), classifying


def _searched(recipe: Recipe, classifying: Classifying, folder: Path, console: Console) -> Stage:
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
    train_on, watch_on = (
        _called_tumour(detector, dataset.root, samples, recipe.train.size) for samples in (parts.train, parts.watch)
    )
    if not train_on or not watch_on:
        raise LayoutError(
            "Stage one calls no picture with a mask a tumour, so there is nothing to segment. Train it for more "
            "--epochs, in another folder."
        )
    console.print(f"Stage two: {len(train_on):,} pictures with a mask that stage one calls a tumour.")
    inner = folder / SEGMENTER
    inner.mkdir(exist_ok=True)
    keras.utils.set_random_seed(recipe.seed)
    resume = options.resume and (inner / "state.npz").exists()
    outcome = train_segmenter(dataset.root, train_on, watch_on, stage, recipe.seed, inner, resume, console)
    return {"train": len(train_on), "watch": len(watch_on)} | _summary(outcome, console)


def _check_fixed(recipe: Recipe) -> None:
    if recipe.train.keep == "best" or recipe.train.patience or recipe.tuner or recipe.segment:
        raise RecipeError(
            f"{recipe.name} chooses by what it watches. Train it without --unwatched, or use a recipe "
            'that keeps the last of a fixed number of epochs (keep = "last"), as lite0 does.'
        )


def _check_masks(dataset: Dataset, parts: Parts) -> None:
    """Open every mask before the first stage has trained for hours."""
    for samples in (parts.train, parts.watch):
        masked = has_mask(samples)
        if not masked:
            raise LayoutError(
                "The second stage needs pictures with masks to train on and to watch, and there are none. Use a data "
                "set with outlines or masks, or --recipe transfer."
            )
        for _ in in_threads(lambda sample: load_mask(dataset.root, sample.item), masked, "Opening the masks"):
            pass


def _called_tumour(detector: keras.Model, root: Path, samples: Sequence[Sample], size: int) -> list[Sample]:
    masked = has_mask(samples)
    called = predict(detector, load_frames_of(root, masked, size).pixels).argmax(axis=1) == 0
    return [masked[index] for index in np.flatnonzero(called)]


def _summary(outcome: Outcome, console: Console) -> dict[str, Any]:
    share = outcome.network_share
    console.print(f"{share:.1%} of the step time was the network's.")
    if share < WANTED_SHARE:
        console.print(
            f"[yellow]The input held it up: below {WANTED_SHARE:.0%}. Use a smaller --batch or plainer views.[/yellow]"
        )
    kept = next((row for row in outcome.curve if row["epoch"] == outcome.kept_epoch), {})
    return {
        "epochs": len(outcome.curve),
        "kept_epoch": outcome.kept_epoch,
        "network_share": round(share, 4),
        "seconds": round(sum(row["seconds"] for row in outcome.curve), 1),
        "at_kept_epoch": kept,
    }
