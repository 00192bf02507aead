"""The runs that a model folder is made of: opened, and checked to belong together and to the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.errors import TriageError
from triage.training.data.splits import FOLDS, Split
from triage.training.evaluate.scorer import Scorer, is_data_of, open_model
from triage.training.fit.environment import file_hashes
from triage.training.fit.lineage import RESULT_FILE
from triage.training.fit.run import read_chosen
from triage.training.layouts import Dataset

#: What all runs must have in common.
MUST_MATCH = ("recipe", "split", "sources", "data_sha256")
#: Descriptive fields of a recipe, which change nothing of what it does.
DESCRIPTIVE = ("reproduces", "published")


class ReleaseError(TriageError):
    """The runs are not such that a network may serve."""


@dataclass(frozen=True)
class Runs:
    """What a release is made of.

    Attributes
    ----------
    dataset
        What all runs were trained on.
    trials
        A run for each test fold, in the order of the folds; none has seen its own.
    shipped
        The run on every fold.
    narrow
        A run on fewer sources, or None.
    """

    dataset: Dataset
    trials: list[Scorer]
    shipped: Scorer
    narrow: Scorer | None

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that the trials have in common."""
        return self.trials[0].config


def open_runs(root: Path, trials: Sequence[Path], ships: Path, left_out: Path | None = None) -> Runs:
    """Open the runs of a release; see `triage.training.release.release.release` for the parameters.

    Raises
    ------
    ReleaseError
        If a run is not finished, they do not belong together or to the data, or their patients are not kept apart.
    """
    scorers = [_finished(trial) for trial in trials]
    _check(scorers)
    scorers.sort(key=fold_of)
    config = scorers[0].config
    shipped = _whole(ships, config)
    narrow = _narrow(left_out, config) if left_out is not None else None
    dataset = read_chosen(root, volumes=root / config["volumes"] if config["volumes"] else None)
    hashes = file_hashes(dataset)
    for scorer in (scorers[0], shipped, *([narrow] if narrow else [])):
        if not is_data_of(scorer.config, dataset, hashes):
            raise ReleaseError(f"{root} is not what {scorer.name} was trained on. Name the same data, unchanged.")
    return Runs(dataset, scorers, shipped, narrow)


def fold_of(trial: Scorer) -> int:
    """Return the fold that a trial left out."""
    return int(trial.config["test_fold"])


def _whole(run: Path, config: dict[str, Any]) -> Scorer:
    """Open the run that ships."""
    scorer = _finished(run)
    if scorer.parts["test"] or scorer.parts["validation"] or _differing(scorer.config, config, MUST_MATCH):
        raise ReleaseError(f"{scorer.name} is not a run like the trials on every fold. Train it so with --untested.")
    return scorer


def _finished(run: Path) -> Scorer:
    scorer = open_model(run)
    if not scorer.parts or not (run / RESULT_FILE).is_file():
        raise ReleaseError(f"{run} is no finished run of `train`. Finish it with --resume, or name another.")
    return scorer


def _narrow(run: Path, config: dict[str, Any]) -> Scorer:
    """Open the run that sources were left out of."""
    scorer = _finished(run)
    fewer = set(scorer.config["sources"]) < set(config["sources"])
    if not fewer or _differing(scorer.config, config, ("recipe", "split", "validation_fold")):
        raise ReleaseError(
            f"{scorer.name} is not a run like the trials on fewer sources. Train it as they were, with --source for "
            "each of those that it may see."
        )
    return scorer


def _check(trials: Sequence[Scorer]) -> None:
    network = trials[0]
    for trial in trials:
        if differing := _differing(network.config, trial.config, MUST_MATCH):
            raise ReleaseError(
                f"{network.name} and {trial.name} differ in {', '.join(differing)}. Train both with the same recipe, "
                "options and data."
            )
        if not trial.parts["test"] or trial.parts["validation"]:
            raise ReleaseError(
                f"{trial.name} is no trial: one leaves out its test fold and nothing else. Train it with --unwatched."
            )
    if network.config["split"] != Split.PATIENTS:
        raise ReleaseError(
            "What serves must be judged on patients that it never saw. Train all runs with --split patients."
        )
    if not network.looks_twice:
        raise ReleaseError("Only a network that looks twice can serve. Train all runs with --recipe two-look.")
    folds = [trial.config["test_fold"] for trial in trials]
    if len(set(folds)) < len(folds) or len(folds) < 2:
        raise ReleaseError(
            f"Each fold is judged with what the others taught, so at least two of the {FOLDS} folds must be left out, "
            "each by one run. Train another with --test-fold."
        )


def _differing(one: dict[str, Any], other: dict[str, Any], keys: Sequence[str]) -> list[str]:
    def value(config: dict[str, Any], key: str) -> Any:
        return {k: v for k, v in config[key].items() if k not in DESCRIPTIVE} if key == "recipe" else config[key]

    return [key for key in keys if value(one, key) != value(other, key)]
