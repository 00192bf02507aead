"""Train and evaluate one recipe under every split, to measure what random splits, copies and early augmentation add."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from triage.training.data.splits import Split
from triage.training.evaluate.evaluate import evaluate_samples
from triage.training.evaluate.scorer import evaluation_samples, open_model
from triage.training.fit.checkpoints import write_json
from triage.training.fit.lineage import RESULT_FILE
from triage.training.fit.recipe import Backbone, Recipe
from triage.training.fit.run import CONFIG_FILE, Options, run_recipe
from triage.training.layouts import Dataset

#: The figures that are reported in the docs.
REPORTED_FIGURES = ("accuracy", "auroc_malignancy", "auroc_tumor", "recall_glioma", "recall_tumor", "ece")
#: Settings of a recipe that a reduced run may change.
REDUCIBLE = ("size", "epochs", "steps", "batch")


@dataclass(frozen=True)
class SplitProtocol:
    """A way to split the data, and its name in the docs."""

    name: str
    split: Split
    before: bool = False


PROTOCOLS = (
    SplitProtocol("random, augmented before the split", Split.RANDOM, before=True),
    SplitProtocol("random", Split.RANDOM),
    SplitProtocol("copies removed", Split.DEDUPLICATED),
    SplitProtocol("patient folds", Split.PATIENTS),
)


def compare_splits(
    given: Recipe,
    chosen: Recipe,
    dataset: Dataset,
    work: Path,
    results: Path,
    weights: str | None,
    console: Console,
) -> None:
    """Train and evaluate a recipe under every split; earlier results of the same runs are replaced.

    Parameters
    ----------
    given, chosen
        The recipe in its file, and the recipe that is run; the differences are recorded with every result.
    dataset
        The data set, or the pictures of some of its sources.
    work
        Folder for the run folders. Stopped runs are resumed, finished ones are evaluated again.
    results
        Folder of the JSON files, one for each recipe and network.
    weights
        See `triage.training.fit.run.Options`.
    console
        Where progress is shown.
    """
    network = chosen.train.network.name if isinstance(chosen.train.network, Backbone) else chosen.train.network.kind
    results.mkdir(parents=True, exist_ok=True)
    file = results / f"{chosen.name}-{network}.json"
    for protocol in PROTOCOLS:
        if protocol.before and not chosen.expand:
            continue
        folder = work / f"{chosen.name}-{network}-{protocol.split}{'-before' if protocol.before else ''}"
        console.rule(f"{chosen.name}: {protocol.name}")
        options = Options(protocol.split, 0, protocol.before, weights, resume=(folder / CONFIG_FILE).exists())
        run_recipe(chosen, dataset, folder, options, console)
        row = _row(given, chosen, protocol, folder, dataset)
        rows = json.loads(file.read_text()) if file.exists() else []
        write_json(file, [old for old in rows if old["way"] != protocol.name] + [row])


def reductions(given: Recipe, chosen: Recipe) -> str:
    """Return a text that lists how the run is smaller than its recipe; empty if it is not."""
    changes = [
        f"{name} {after if before is None else f'{before} -> {after}'}"
        for name in REDUCIBLE
        if (before := getattr(given.train, name)) != (after := getattr(chosen.train, name))
    ]
    return ", ".join(changes)


def _row(given: Recipe, chosen: Recipe, protocol: SplitProtocol, folder: Path, dataset: Dataset) -> dict[str, Any]:
    result = json.loads((folder / RESULT_FILE).read_text())
    config = json.loads((folder / CONFIG_FILE).read_text())
    scorer = open_model(folder)
    summary = evaluate_samples(scorer, dataset, *evaluation_samples(scorer, dataset)).summary
    training = result["classifier"]
    return {
        "recipe": chosen.name,
        "network": chosen.train.network.model_dump(),
        "way": protocol.name,
        "reduced": reductions(given, chosen),
        "published": chosen.published,
        "started_from": result["started_from"],
        "parameters": result["parameters"],
        "sources": config["sources"],
        "pictures": result["pictures"],
        "notes": result["notes"],
        "epochs": training["epochs"],
        "kept_epoch": training["kept_epoch"],
        "seconds": training["seconds"],
        "network_share": training["network_share"],
        "training_accuracy": training["at_kept_epoch"].get("allowed_accuracy"),
        "figures": {name: summary["figures"][name] for name in REPORTED_FIGURES if name in summary["figures"]},
        "masks": summary["masks"],
        "intervals": summary["intervals"],
        "data_sha256": config["data_sha256"],
        "date": datetime.now(UTC).date().isoformat(),
    }
