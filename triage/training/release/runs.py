"""Open the runs of a release, and check that they belong together and to the data.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import Any

from triage.errors import TriageError
from triage.training.data.splits import FOLDS, Split
from triage.training.evaluate.scorer import Scorer, is_data_of, open_model
from triage.training.fit.environment import file_hashes
from triage.training.fit.lineage import RESULT_FILE
from triage.training.fit.run import read_chosen
from triage.training.layouts import Dataset

#: Keys of the configuration that must be equal in all runs.
MUST_MATCH = ("recipe", "split")
#: Fields of a recipe that describe it and do not change the training.
DESCRIPTIVE = ("reproduces", "published")


class ReleaseError(TriageError):
    """The runs cannot be released as a model."""


@dataclass(frozen=True)
class Runs:
    """The runs of a release.

    Attributes
    ----------
    dataset
        The data set that all runs were trained on.
    trials
        Cross-validation runs, one for each test fold, in the order of the folds. Each may also leave out sources, on
        which it is evaluated too.
    shipped
        The run on all folds, whose network is released.
    narrow
        A run on fewer sources, or None.
    """

    dataset: Dataset
    trials: list[Scorer]
    shipped: Scorer
    narrow: Scorer | None

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the run on all folds and sources."""
        return self.shipped.config


def open_runs(
    root: Path, trials: Sequence[Path], ships: Path, left_out: Path | None = None, more: Path | None = None
) -> Runs:
    """Open the runs of a release; see `triage.training.release.release.release` for the parameters.

    Raises
    ------
    ReleaseError
        If a run is not finished, the runs do not belong together or to the data, or their split is not by patient.
    """
    scorers = [_finished(trial) for trial in trials]
    _check(scorers)
    scorers.sort(key=fold_of)
    shipped = _whole(ships, scorers)
    config = shipped.config
    narrow = _narrow(left_out, config) if left_out is not None else None
    # The configuration names folders below the one that holds all data.
    whole = Path(commonpath([root.resolve(), more.resolve()])) if more else root
    dataset = read_chosen(root, volumes=whole / config["volumes"] if config["volumes"] else None, more=more)
    hashes = file_hashes(dataset)
    for scorer in (*scorers, shipped, *([narrow] if narrow else [])):
        if not is_data_of(scorer.config, dataset, hashes):
            raise ReleaseError(
                f"{root} is not the data set that {scorer.name} was trained on. Name the same, unchanged data."
            )
    return Runs(dataset, scorers, shipped, narrow)


def fold_of(trial: Scorer) -> int:
    """Return the test fold of a trial."""
    return int(trial.config["test_fold"])


def _whole(run: Path, trials: Sequence[Scorer]) -> Scorer:
    """Open the run whose network is released."""
    scorer = _finished(run)
    sources = {source for trial in trials for source in trial.config["sources"]}
    if (
        scorer.parts["test"]
        or scorer.parts["validation"]
        or _differing(scorer.config, trials[0].config, MUST_MATCH)
        or set(scorer.config["sources"]) != sources
    ):
        raise ReleaseError(
            f"{scorer.name} is not a run on all folds and sources with the recipe of the cross-validation runs. Train "
            "it with --no-test-fold, without --without, and otherwise the same options."
        )
    return scorer


def _finished(run: Path) -> Scorer:
    scorer = open_model(run)
    if not scorer.parts or not (run / RESULT_FILE).is_file():
        raise ReleaseError(f"{run} is not a finished run of `train`. Finish it with --resume, or name another.")
    return scorer


def _narrow(run: Path, config: dict[str, Any]) -> Scorer:
    """Open the run on fewer sources."""
    scorer = _finished(run)
    fewer = set(scorer.config["sources"]) < set(config["sources"])
    if not fewer or _differing(scorer.config, config, ("recipe", "split", "validation_fold")):
        raise ReleaseError(
            f"{scorer.name} is not a run on fewer sources with the options of the cross-validation runs. Train it with "
            "the same options, and with --source for each source to use."
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
                f"{trial.name} is not a cross-validation run, which leaves out its test fold and nothing else. Train "
                "it with --no-validation-fold and a --test-fold."
            )
    if network.config["split"] != Split.PATIENTS:
        raise ReleaseError(
            "A released model must be evaluated on patients that it was not trained on. Train all runs with --split "
            "patients."
        )
    if not network.looks_twice:
        raise ReleaseError("Only a two-look network can be released. Train all runs with --recipe two-look.")
    folds = [trial.config["test_fold"] for trial in trials]
    if len(set(folds)) < len(folds) or len(folds) < 2:
        raise ReleaseError(
            f"Each fold is evaluated with a calibration fitted on the others, so at least two of the {FOLDS} folds "
            "must be the test fold of one run each. Train another run with --test-fold."
        )


def _differing(one: dict[str, Any], other: dict[str, Any], keys: Sequence[str]) -> list[str]:
    def value(config: dict[str, Any], key: str) -> Any:
        return {k: v for k, v in config[key].items() if k not in DESCRIPTIVE} if key == "recipe" else config[key]

    return [key for key in keys if value(one, key) != value(other, key)]
