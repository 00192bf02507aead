"""``python -m triage retrain``: from the model that serves and the signed readings of a site to a candidate."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.errors import ModelError, TriageError, storage_error
from triage.inference.card import KERAS, ONNX, Card, check_released, read_card
from triage.inference.network import Network
from triage.learning.parts import Part
from triage.learning.retraining import Progress, Reporter, Stage, work_folder
from triage.networks.backbones import open_saved
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import encoder_of
from triage.text import terminal
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.data.splits import Sample
from triage.training.fit.checkpoints import write_json, write_settings
from triage.training.fit.environment import environment
from triage.training.fit.recipe import Recipe, RecipeError, adapted, load_recipe
from triage.training.fit.run import ENVIRONMENT_FILE, read_chosen
from triage.training.layouts import ALWAYS_TRAIN, FINDINGS, GUARD
from triage.training.release.replay import balanced_sample, load_replay
from triage.training.retrain.candidate import Parent, write_candidate
from triage.training.retrain.learn import Retraining
from triage.training.retrain.pictures import Lesson
from triage.training.retrain.site import SiteSlice, read_site
from triage.training.retrain.trust import trust_of

SETTINGS = "config.json"
#: Folder of the candidate inside the work folder, until it gets its name.
CANDIDATE = "candidate"
#: Slices that the parent answers between two words about the progress.
AT_ONCE = 64
#: Pictures of the training set that are replayed.
OLD_PICTURES = 1200
#: Shares of the whole time up to the end of each stage, for the progress.
ENDS = {
    Stage.LOADING: 0.005,
    Stage.OPENING: 0.01,
    Stage.READING: 0.02,
    Stage.MEASURING: 0.08,
    Stage.PREPARING: 0.1,
    Stage.LEARNING: 0.75,
    Stage.EXPORTING: 0.8,
    Stage.CHECKING: 0.85,
    Stage.JUDGING: 1.0,
}
#: Judges a candidate in the folder where it is, and says how much of that is done.
Judge = Callable[[Path, Callable[[float], object]], object]


class RetrainError(TriageError):
    """A retraining cannot begin, or go on."""


@dataclass(frozen=True)
class OldPictures:
    """Where the training set of the model that serves is; see `triage.training.fit.run.read_chosen`."""

    data: Path
    volumes: Path | None = None
    more: Path | None = None


def retrain(
    serving: Path,
    data: Path,
    folder: Path,
    *,
    recipe: str = "retrain",
    replay: OldPictures | None = None,
    minutes: float = 20.0,
    seed: int | None = None,
    any_model: bool = False,
    resume: bool = False,
    judge: Judge | None = None,
    console: Console | None = None,
) -> Card:
    """Write the model folder of a candidate, and return its card. The model that serves is only read.

    Until it is whole, the candidate is in a hidden folder beside `folder`, where a retraining that was stopped goes on.

    Parameters
    ----------
    serving
        The model folder of the model that serves.
    data
        The export of signed readings: a ZIP, or the folder that it was unpacked into.
    folder
        Model folder to write; it must not exist.
    recipe
        A recipe with a table ``[retrain]``, by name or file.
    replay
        The training set of the model that serves, where its pictures are at hand.
    minutes
        Time for the epochs; fewer are trained if it is too short.
    seed
        Random seed; by default the recipe's.
    any_model
        Accept readings that were all signed beside other models.
    resume
        Go on with a retraining that was stopped, with the same options and data.
    judge
        Judges the candidate before it gets its name, so that one that has a name was judged.
    console
        Where it says what it does.

    Raises
    ------
    TriageError
        If the model, the export, the recipe or the disk do not allow it; every message names the remedy.
    """
    quiet = console or Console(quiet=True)
    if folder.exists():
        raise RetrainError(f"{folder} is there already. Name another folder for the candidate.")
    work = work_folder(folder)
    try:
        work.mkdir(parents=True, exist_ok=True)
        say = Reporter(work)
        say(_at(Stage.OPENING, 0.0, None))
        parent = open_parent(serving)
        chosen = _recipe(recipe, parent, seed)
        say(_at(Stage.READING, 0.0, None))
        site = read_site(data, parent.card, any_model=any_model)
        old = _old(replay)
        write_settings(work / SETTINGS, _settings(parent.card, site.digest, chosen, old), resume)
        write_json(work / ENVIRONMENT_FILE, environment())
        for note in site.notes:
            quiet.print(terminal(f"{note}."))
        say(_at(Stage.MEASURING, 0.0, None))
        assert chosen.retrain is not None  # `_recipe` checked
        train = site.parts[Part.TRAIN]
        answers = _measured(parent, site.root, train, say)
        lesson = Lesson(
            site,
            trust_of(train, answers, chosen.retrain),
            chosen.retrain.one_reader,
            parent.card.fusion,
            load_replay(serving, parent.card.files),
            old,
        )
        quiet.print(_counts(lesson))
        say(_at(Stage.PREPARING, 0.0, None))
        learning = Retraining(parent.network, lesson, chosen, work)
        network = learning.run(minutes, resume, lambda done, left: say(_at(Stage.LEARNING, done, left)), quiet)
        say(_at(Stage.EXPORTING, 0.0, None))
        made = work / CANDIDATE
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        card = write_candidate(
            parent, network, lesson, chosen, made, folder.name, lambda done: say(_at(Stage.CHECKING, done, None))
        )
        if judge is not None:
            judge(made, lambda done: say(_at(Stage.JUDGING, done, None)))
        made.rename(folder)
    except OSError as error:
        raise storage_error(error) from error
    shutil.rmtree(work, ignore_errors=True)
    return card


def _measured(parent: Parent, root: Path, slices: Sequence[SiteSlice], say: Reporter) -> NDArray[np.float64]:
    """Return what the parent says of slices ``(slices, classes)``, and say how far it is."""
    found = [np.zeros((0, len(FINDINGS)))]
    for at in range(0, len(slices), AT_ONCE):
        found.append(parent.answers(root, [one.sample for one in slices[at : at + AT_ONCE]]))
        say(_at(Stage.MEASURING, min((at + AT_ONCE) / len(slices), 1.0), None))
    return np.concatenate(found)


def open_parent(folder: Path) -> Parent:
    """Open the model that serves, and check that it can be retrained.

    Raises
    ------
    ModelError
        If the folder was tampered with, or its network cannot be retrained.
    """
    card = read_card(folder)
    check_released(card)
    if KERAS not in card.files:
        raise ModelError(f"{card.name} has no {KERAS}, so it cannot be retrained. Restore the model folder.")
    network = open_saved(folder / KERAS)
    try:
        encoder_of(network)
    except ValueError as error:
        raise ModelError(
            f"{card.name} is no two-look network ({network.name}), so it cannot be retrained. Name a model folder that "
            "`release` or `retrain` wrote."
        ) from error
    if int(network.input_shape[1]) != card.input_size or network.output[LOGITS].shape[-1] != len(FINDINGS):
        raise ModelError(
            f"The network of {card.name} is not the one that its card describes: {network.input_shape[1]} px, "
            f"{network.output[LOGITS].shape[-1]} classes. Restore the model folder."
        )
    return Parent(folder, card, network, Network(folder / ONNX))


def _recipe(name: str, parent: Parent, seed: int | None) -> Recipe:
    recipe = load_recipe(name)
    if recipe.retrain is None:
        raise RecipeError(f"{recipe.name} is no recipe for a retraining. Use --recipe retrain, or add [retrain] to it.")
    fitted = adapted(recipe, size=parent.card.input_size, seed=seed)
    encoder, _ = encoder_of(parent.network)
    network = fitted.train.network.model_copy(update={"encoder": encoder})
    return fitted.model_copy(update={"train": fitted.train.model_copy(update={"network": network})})


def _settings(parent: Card, digest: str, recipe: Recipe, old: tuple[Path, list[Sample]] | None) -> dict[str, object]:
    """Return what must be the same when a retraining goes on; of the replayed pictures, which ones they are."""
    names = "\n".join(sample.item.name for sample in old[1]) if old else ""
    replayed = hashlib.sha256(names.encode()).hexdigest() if old else ""
    return {"model": parent.digest, "data": digest, "recipe": recipe.model_dump(), "replay": replayed}


def _old(replay: OldPictures | None) -> tuple[Path, list[Sample]] | None:
    """Return a sample of the training set, balanced by class and source, one picture of each cluster."""
    if replay is None:
        return None
    dataset = read_chosen(replay.data, (), replay.volumes, replay.more)
    known = [item for item in dataset.items if item.fold not in (GUARD, ALWAYS_TRAIN)]
    kept, _ = one_per_cluster(with_clusters(replace(dataset, items=tuple(known))).items)
    chosen = balanced_sample([item.label for item in kept], [item.source for item in kept], OLD_PICTURES)
    return dataset.root, [Sample(kept[at]) for at in chosen]


def _counts(lesson: Lesson) -> str:
    parts = ", ".join(f"{part} {len(slices):,}" for part, slices in lesson.site.parts.items())
    weak = int((lesson.trust < np.max(lesson.trust)).sum())
    return f"Slices with a label: {parts}; without: {len(lesson.site.unlabelled):,}. {weak:,} labels count less."


def _at(stage: Stage, done: float, left: float | None) -> Progress:
    order = list(Stage)
    begins = ENDS[order[order.index(stage) - 1]]
    return Progress(stage, begins + (ENDS[stage] - begins) * done, left)
