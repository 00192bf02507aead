"""One recipe under every split: what a random split, copies in it, or augmenting before it are worth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from triage.training.data.splits import Split
from triage.training.evaluate.evaluate import judge
from triage.training.evaluate.scorer import judged_on, open_model
from triage.training.fit.checkpoints import write_json
from triage.training.fit.lineage import RESULT
from triage.training.fit.recipe import Backbone, Recipe
from triage.training.fit.run import CONFIG, Options, run_recipe
from triage.training.layouts import Dataset

#: Of all figures of a run, those that the docs quote.
KEPT = ("accuracy", "auroc_malignancy", "auroc_tumor", "recall_glioma", "recall_tumor", "ece")
#: What of a recipe a reduced run changes.
REDUCIBLE = ("size", "epochs", "steps", "batch")


@dataclass(frozen=True)
class Way:
    """A way to cut the data, and what the docs call it."""

    name: str
    split: Split
    before: bool = False


WAYS = (
    Way("random, augmented before the split", Split.RANDOM, before=True),
    Way("random", Split.RANDOM),
    Way("copies removed", Split.DEDUPLICATED),
    Way("patient folds", Split.PATIENTS),
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
    """Train and judge a recipe under every split; what stands in `results` of the same runs is replaced.

    Parameters
    ----------
    given, chosen
        The recipe as its file has it, and as it runs: what differs is said beside every number.
    dataset
        As read; all of it, or the pictures of some sources.
    work
        Where the run folders go; one that a kill left behind is resumed, a finished one is judged again.
    results
        Folder of the JSON files, one for each recipe and network.
    weights
        See `triage.training.fit.run.Options`.
    """
    network = chosen.train.network.name if isinstance(chosen.train.network, Backbone) else chosen.train.network.kind
    results.mkdir(parents=True, exist_ok=True)
    file = results / f"{chosen.name}-{network}.json"
    for way in WAYS:
        if way.before and not chosen.expand:
            continue
        folder = work / f"{chosen.name}-{network}-{way.split}{'-before' if way.before else ''}"
        console.rule(f"{chosen.name}: {way.name}")
        options = Options(way.split, 0, way.before, weights, resume=(folder / CONFIG).exists())
        run_recipe(chosen, dataset, folder, options, console)
        row = _row(given, chosen, way, folder, dataset)
        rows = json.loads(file.read_text()) if file.exists() else []
        write_json(file, [old for old in rows if old["way"] != way.name] + [row])


def reductions(given: Recipe, chosen: Recipe) -> str:
    """Return in words how the run is smaller than its recipe; empty where it is not."""
    changes = [
        f"{name} {after if before is None else f'{before} -> {after}'}"
        for name in REDUCIBLE
        if (before := getattr(given.train, name)) != (after := getattr(chosen.train, name))
    ]
    return ", ".join(changes)


def _row(given: Recipe, chosen: Recipe, way: Way, folder: Path, dataset: Dataset) -> dict[str, Any]:
    result = json.loads((folder / RESULT).read_text())
    config = json.loads((folder / CONFIG).read_text())
    scorer = open_model(folder)
    summary = judge(scorer, dataset, *judged_on(scorer, dataset)).summary
    training = result["classifier"]
    return {
        "recipe": chosen.name,
        "network": chosen.train.network.model_dump(),
        "way": way.name,
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
        "figures": {name: summary["figures"][name] for name in KEPT if name in summary["figures"]},
        "masks": summary["masks"],
        "intervals": summary["intervals"],
        "data_sha256": config["data_sha256"],
        "date": datetime.now(UTC).date().isoformat(),
    }
