"""Hyper-parameter search by Keras Tuner; each trial runs in `triage.training.fit.loop`.

Tested in tests/training/fit/test_run.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from rich.console import Console

from triage.training.data.splits import CLASSES
from triage.training.fit.recipe import Recipe, RecipeError, Stage
from triage.training.fit.stages import ClassifierTraining, build

SEARCH = "search"
CHOICES = "search.json"


def tune(recipe: Recipe, classifying: ClassifierTraining, folder: Path, console: Console | None) -> Stage:
    """Search on the validation part and return the stage with the best values; write all trials to ``search.json``.

    Trials that a killed run finished are not repeated: Keras Tuner reads them from the run folder.

    Raises
    ------
    RecipeError
        If no trial was completed.
    """
    assert recipe.tuner is not None
    tuner = _Search(recipe, classifying, folder, console)
    tuner.search()
    best = tuner.oracle.get_best_trials(1)[0]
    if best.status != TrialStatus.COMPLETED:
        raise RecipeError(f"No trial of the search was completed: {best.message} Correct [tuner] in the recipe.")
    trials = [
        {"values": trial.hyperparameters.values, "val_loss": trial.score, "status": trial.status}
        for trial in tuner.oracle.trials.values()
    ]
    (folder / CHOICES).write_text(
        json.dumps({"chosen": best.hyperparameters.values, "trials": trials}, indent=1) + "\n"
    )
    return with_values(recipe.train, best.hyperparameters.values)


def with_values(stage: Stage, values: dict[str, Any]) -> Stage:
    """Return the stage with the values of a trial."""
    dense = tuple(int(units) for units in values["dense"].split("-"))
    network = stage.network.model_copy(update={"dense": dense, "dropout": values["dropout"]})
    return stage.model_copy(update={"network": network, "learning_rate": values["learning_rate"]})


class _Search(keras_tuner.RandomSearch):  # type: ignore[misc]
    """Random search whose trials run in our training loop."""

    def __init__(self, recipe: Recipe, classifying: ClassifierTraining, folder: Path, console: Console | None) -> None:
        assert recipe.tuner is not None
        self.recipe, self.classifying, self.folder, self.console = recipe, classifying, folder / SEARCH, console
        super().__init__(
            self._build,
            objective=keras_tuner.Objective("val_loss", "min"),
            max_trials=recipe.tuner.trials,
            seed=recipe.seed,
            directory=str(folder),
            project_name=SEARCH,
        )

    def run_trial(self, trial: Trial, *_: object, **__: object) -> dict[str, float]:
        """Train one network for the trial's epochs; return its lowest validation loss."""
        assert self.recipe.tuner is not None
        hp = trial.hyperparameters
        stage = self._stage(hp).model_copy(update={"epochs": self.recipe.tuner.epochs, "patience": None})
        networks = self.folder / "networks"
        networks.mkdir(parents=True, exist_ok=True)
        outcome = self.classifying.train(self._build(hp), stage, networks, False, self.console)
        return {"val_loss": min(row["val_loss"] for row in outcome.curve)}

    def _build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        keras.utils.set_random_seed(self.recipe.seed)
        return build(self._stage(hp), len(CLASSES[self.recipe.task]))[0]

    def _stage(self, hp: keras_tuner.HyperParameters) -> Stage:
        tuner = self.recipe.tuner
        assert tuner is not None
        values = {
            "learning_rate": hp.Float("learning_rate", *tuner.learning_rate, sampling="log"),
            "dropout": hp.Float("dropout", *tuner.dropout),
            "dense": hp.Choice("dense", ["-".join(map(str, units)) for units in tuner.dense]),
        }
        return with_values(self.recipe.train, values)
