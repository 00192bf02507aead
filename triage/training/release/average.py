"""Average the weights of runs that differ only in their starting weights or in the software version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triage.errors import TriageError
from triage.networks.twolook import mean_of
from triage.training.evaluate.scorer import Scorer, open_model
from triage.training.fit.checkpoints import save_model, write_json, write_settings
from triage.training.fit.environment import environment
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE
from triage.training.fit.run import CONFIG_FILE, ENVIRONMENT_FILE

#: Keys of the configuration in which the runs may differ.
MAY_DIFFER = ("weights",)


class AverageError(TriageError):
    """The runs cannot be averaged."""


def average(runs: Sequence[Path], folder: Path) -> None:
    """Write a run folder with the mean weights of several runs; it counts as having seen the data of all of them.

    Parameters
    ----------
    runs
        Finished runs of the same recipe, options and data, from different starting weights.
    folder
        Run folder to write.

    Raises
    ------
    AverageError
        If there are fewer than two runs, one is not finished or not a two-look network, or they differ in more than
        their starting weights.
    ResumeError
        If the folder already holds a run.
    """
    if len({run.resolve() for run in runs}) < max(2, len(runs)):
        raise AverageError(
            "A mean needs two or more runs, each named once. Train another run from other starting weights."
        )
    scorers = [_finished(run) for run in runs]
    first = scorers[0]
    for other in scorers[1:]:
        differing = [
            key for key in first.config if key not in MAY_DIFFER and first.config[key] != other.config.get(key)
        ]
        differing += [key for key in ("train", "validation", "test") if first.parts[key] != other.parts[key]]
        if differing or first.trained.input_shape != other.trained.input_shape:
            raise AverageError(
                f"{first.name} and {other.name} differ in {', '.join(differing) or 'size'}. Train both with the same "
                "recipe, options and data."
            )
    results: list[dict[str, Any]] = [json.loads((run / RESULT_FILE).read_text()) for run in runs]
    starts = list(dict.fromkeys(str(result["started_from"]) for result in results))
    seen = {name for scorer in scorers for name in scorer.parts["seen_sha256"]}
    folder.mkdir(parents=True, exist_ok=True)
    write_settings(folder / CONFIG_FILE, first.config, resume=False)
    write_json(folder / ENVIRONMENT_FILE, environment())
    write_json(folder / PARTS_FILE, first.parts | {"seen_sha256": sorted(seen)})
    save_model(mean_of(*(scorer.trained for scorer in scorers)), folder)
    # Written last, because a run with a result counts as finished.
    write_json(folder / RESULT_FILE, results[0] | {"started_from": _said(starts, len(runs))})


def _said(starts: Sequence[str], runs: int) -> str:
    if len(starts) == 1:
        return f"{starts[0]}, the mean of {runs} such runs"
    # In brackets, because one of them may itself be a mean.
    return f"{' and '.join(f'({start})' for start in starts)}, the mean of {runs} runs"


def _finished(run: Path) -> Scorer:
    scorer = open_model(run)
    if not scorer.parts or not (run / RESULT_FILE).is_file():
        raise AverageError(f"{run} is not a finished run of `train`. Finish it with --resume, or name another.")
    if not scorer.looks_twice:
        raise AverageError(f"{scorer.name} is not a two-look network. Name runs of --recipe two-look.")
    return scorer
