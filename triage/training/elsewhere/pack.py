"""``python -m triage pack``: a folder with all that a machine without network needs to train several runs.

It holds the pictures, the starting weights, our modules that training needs, the trials, and for `unpack` the records
of their run folders. Each recipe is trained once on all folds and once with each test fold; each of these may leave out
a group of sources as well. There is never a validation fold.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.settings import ROOT
from triage.text import terminal
from triage.training.data.splits import CLASSES, FOLDS, Parts, Sample
from triage.training.elsewhere.code import modules_for
from triage.training.elsewhere.learnt import file_name
from triage.training.elsewhere.names import RECORDS_FILE, START_FILE, TRIALS_FILE
from triage.training.elsewhere.pictures import PICTURES_FILE, Packed, PackError, write_pictures
from triage.training.elsewhere.starts import write_starts
from triage.training.fit.environment import file_hashes
from triage.training.fit.recipe import Recipe, RecipeError, looks_twice
from triage.training.fit.run import (
    Options,
    check_needs_no_validation,
    config_of,
    parts_of,
    parts_record,
    print_dataset,
    read_chosen,
    skipped_record,
)
from triage.training.fit.stages import build, drawing_weights
from triage.training.fit.two_look_training import pictures_of
from triage.training.layouts import Dataset

TRAINER = "triage.training.elsewhere.train"
SCRIPT = Path(__file__).parent / "script.py"
WHEELS_FILE = "wheels.txt"
#: Keras and what it needs besides JAX; a version that is there already is as good.
WHEELS = (
    "keras",
    "namex",
    "optree",
    "typing-extensions",
    "absl-py",
    "rich",
    "markdown-it-py",
    "mdurl",
    "pygments",
    "packaging",
)
#: Fields in which all recipes of a pack agree, because their trials share one stream of views.
SHARED_FIELDS = ("reordered", "stripped", "shares", "balanced")
#: More views than the longest trial needs: chance leaves some trials fewer.
SPARE_VIEWS = 1.05
#: Bytes kept free for the list of trials.
KEPT_FREE = 200_000


@dataclass(frozen=True)
class Chosen:
    """The data of a pack, see `triage.training.fit.run.read_chosen`.

    Attributes
    ----------
    left_out
        Groups of sources: the first is left out by the trial with test fold 0, the next one by that with fold 1.
    """

    data: Path
    volumes: Path | None = None
    more: Path | None = None
    without: Sequence[str] = ()
    left_out: Sequence[Sequence[str]] = ()

    def read(self, left_out: Sequence[str] = ()) -> Dataset:
        """Read the data without a group of sources."""
        return read_chosen(self.data, (), self.volumes, self.more, [*self.without, *left_out])


@dataclass(frozen=True)
class Trial:
    """One run to be trained elsewhere; `part` names what it is trained on."""

    part: str
    recipe: Recipe
    dataset: Dataset
    options: Options
    parts: Parts

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return file_name(f"{self.recipe.name}-{self.part}")

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return self.recipe.train.steps or -(-len(self.parts.train) // self.recipe.train.batch)


def pack(recipes: Sequence[Recipe], chosen: Chosen, out: Path, megabytes: int, console: Console) -> None:
    """Write a pack of at most so many megabytes.

    Raises
    ------
    TriageError
        If recipes or data do not allow it, or the pack would be larger.
    """
    if out.exists() and any(out.iterdir()):
        raise PackError(f"{out} is not empty. Choose another folder for the pack.")
    _check(recipes, chosen)
    dataset = chosen.read()
    print_dataset(dataset, console)
    trials = list(_trials(recipes, dataset, chosen))
    hashes = file_hashes(dataset)
    starts = _starts(recipes)
    records = {trial.name: _record(trial, hashes, starts[_encoder(trial.recipe)].name) for trial in trials}
    packed = _packed(dataset, trials)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix="part-") as part:
        folder = Path(part) / out.name
        folder.mkdir()
        write_starts(folder / START_FILE, {encoder: start.weights for encoder, start in starts.items()})
        (folder / RECORDS_FILE).write_bytes(lzma.compress(json.dumps(records).encode()))
        _write_code(folder)
        quality = write_pictures(folder / PICTURES_FILE, packed, megabytes * 1_000_000 - _size(folder) - KEPT_FREE)
        (folder / TRIALS_FILE).write_text(json.dumps(_plan(folder, trials, packed), indent=1) + "\n")
        size = _size(folder)
        if size > megabytes * 1_000_000:
            raise PackError(f"The pack has {size / 1e6:.1f} MB. Allow more --megabytes, or leave out a source.")
        folder.replace(out)
    console.print(
        terminal(
            f"{out}: {len(trials)} trials, {len(packed.pictures):,} pictures (WebP of quality {quality}), "
            f"{size / 1e6:.1f} MB."
        )
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(recipes: Sequence[Recipe], chosen: Chosen) -> None:
    if len(chosen.left_out) > FOLDS:
        raise PackError(f"There are {FOLDS} trials to leave out sources in. Name at most {FOLDS} groups to leave out.")
    before: dict[str | None, Recipe] = {}
    for recipe in recipes:
        if not looks_twice(recipe):
            raise RecipeError(f"{recipe.name} is no recipe of two looks. Train it here with `train`.")
        if recipe.train.keep == "mean":
            raise RecipeError(f"{recipe.name} starts from a trained network. Train it here with `train`.")
        check_needs_no_validation(recipe)
        _check_teacher(recipe, before)
        before[recipe.name] = recipe
        if differing := [
            field for field in SHARED_FIELDS if getattr(recipe.train, field) != getattr(recipes[0].train, field)
        ] + ["seed"] * (recipe.seed != recipes[0].seed):
            raise RecipeError(
                f"{recipes[0].name} and {recipe.name} differ in {', '.join(differing)}, and all trials of a pack share "
                "their views. Pack them apart."
            )
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise RecipeError("Two recipes have one name. Name each --recipe once, and give files different names.")


def _check_teacher(recipe: Recipe, before: Mapping[str | None, Recipe]) -> None:
    name = recipe.train.teacher
    if name is None:
        return
    if name not in before:
        raise RecipeError(f"{recipe.name} learns from {name}. Name --recipe {name} too, before it.")
    if before[name].train.size != recipe.train.size:
        raise RecipeError(f"{recipe.name} has another size than {name}, which teaches it. Give both the same size.")


def _trials(recipes: Sequence[Recipe], dataset: Dataset, chosen: Chosen) -> Iterator[Trial]:
    """Yield the trials in the order of their training: the runs that may ship first, teachers before their pupils."""
    parts: list[tuple[str, Dataset, int | None]] = [("all", dataset, None)]
    for number in range(FOLDS):
        group = chosen.left_out[number] if number < len(chosen.left_out) else ()
        without = f"-without-{'-'.join(group)}" if group else ""
        parts.append((f"fold-{number}{without}", chosen.read(group) if group else dataset, number))
    for part, data, fold in parts:
        options = Options(test_fold=fold, validation_fold=False, volumes=chosen.volumes, more=chosen.more)
        for recipe in recipes:
            yield Trial(part, recipe, data, options, parts_of(recipe, data, options))


class _Start(NamedTuple):
    """Starting weights, and the text that names them."""

    weights: list[NDArray[np.float16]]
    name: str


def _starts(recipes: Sequence[Recipe]) -> dict[str, _Start]:
    """Return the start of each encoder."""
    starts: dict[str, _Start] = {}
    for recipe in recipes:
        keras.utils.set_random_seed(recipe.seed)
        model, name = build(recipe.train, len(CLASSES["finding"]))
        starts.setdefault(
            _encoder(recipe), _Start([weights.astype(np.float16) for weights in model.get_weights()], name)
        )
    return starts


def _encoder(recipe: Recipe) -> str:
    return str(recipe.train.network.encoder)  # type: ignore[union-attr]  # checked: a two-look network


def _record(trial: Trial, hashes: dict[str, str], started_from: str) -> dict[str, Any]:
    """Return what `unpack` writes to the run folder of a trial."""
    return {
        "config": config_of(trial.recipe, trial.dataset, trial.options, hashes),
        "parts": parts_record(trial.parts, hashes),
        "skipped": skipped_record(trial.dataset),
        "started_from": started_from,
    }


def _write_code(out: Path) -> None:
    for path in modules_for(TRAINER, ROOT):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, out / path)
    shutil.copyfile(SCRIPT, out / "train.py")
    (out / WHEELS_FILE).write_text("".join(f"{name}=={version(name)}\n" for name in WHEELS))


def _packed(dataset: Dataset, trials: Sequence[Trial]) -> Packed:
    """Prepare the pictures of all trials; each is drawn as often as by the trial that draws it most often."""
    samples: dict[str, Sample] = {sample.name: sample for trial in trials for sample in trial.parts.train}
    numbers = {name: number for number, name in enumerate(samples)}
    weights = np.zeros(len(samples))
    allowed = np.zeros((len(trials), len(samples)), bool)
    for trial, row in zip(trials, allowed, strict=True):
        own = [numbers[sample.name] for sample in trial.parts.train]
        drawn = drawing_weights(trial.parts.train, trial.recipe.train, "finding")
        assert drawn is not None  # the recipe was checked
        row[own] = True
        weights[own] = np.maximum(weights[own], drawn)
    return Packed(pictures_of(dataset.root, list(samples.values())), weights / weights.sum(), allowed)


def _plan(out: Path, trials: Sequence[Trial], packed: Packed) -> dict[str, Any]:
    """Return the content of ``trials.json``."""
    first = trials[0].recipe
    needs = [
        trial.recipe.train.epochs * trial.steps * trial.recipe.train.batch / packed.weights[row].sum()
        for trial, row in zip(trials, packed.allowed, strict=True)
    ]
    digest = hashlib.sha256()
    for name in (PICTURES_FILE, START_FILE, RECORDS_FILE):
        digest.update((out / name).read_bytes())
    return {
        "id": digest.hexdigest(),
        "side": max(trial.recipe.train.size for trial in trials),
        "seed": first.seed,
        "reordered": first.train.reordered,
        "stripped": first.train.stripped,
        "views": int(max(needs) * SPARE_VIEWS),
        "trials": [
            {
                "name": trial.name,
                "part": trial.part,
                "recipe": trial.recipe.name,
                "stage": trial.recipe.train.model_dump() | {"steps": trial.steps},
            }
            for trial in trials
        ],
    }
