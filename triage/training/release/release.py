"""From finished runs to a model folder: export, calibrate and judge by cross-validation, write both cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.progress import track

from triage.errors import TriageError
from triage.inference import preprocess
from triage.inference.card import CARD, KERAS, MODEL_CARD, ONNX, Card, sha256_of
from triage.inference.network import Network
from triage.inference.views import FRAME
from triage.training.data.splits import FOLDS, Sample, Split
from triage.training.evaluate.cross_validation import cross_fitted, report
from triage.training.evaluate.external_validation import judge_new_sources
from triage.training.evaluate.metrics import said
from triage.training.evaluate.predictions import Answers, ask, serving, together
from triage.training.evaluate.scorer import Scorer, held_out, is_data_of, named, open_model
from triage.training.evaluate.volumes import judge_volumes
from triage.training.fit.checkpoints import save_model, whole
from triage.training.fit.environment import file_hashes
from triage.training.fit.lineage import RESULT
from triage.training.fit.run import read_chosen
from triage.training.layouts import FINDINGS
from triage.training.release.calibration import Calibration, calibrate
from triage.training.release.card_notes import Remarks
from triage.training.release.export import export_onnx
from triage.training.release.model_card import model_card
from triage.training.release.ood_threshold import familiar_within, gate_report
from triage.training.views.frames import load_frames_of

#: What all runs must have in common.
COMMON = ("recipe", "split", "sources", "data_sha256")
#: What a recipe says of itself changes nothing of what it does.
WORDS = ("reproduces", "published")


class ReleaseError(TriageError):
    """The runs are not such that a network may serve."""


def release(
    root: Path,
    trials: Sequence[Path],
    ships: Path,
    remarks: Remarks,
    folder: Path,
    volumes: Path | None = None,
    left_out: Path | None = None,
) -> Card:
    """Write a model folder: the network of a run on every fold, vouched for by trials that left one fold out each.

    Parameters
    ----------
    root
        The data set that all runs were trained on.
    trials
        Run folders of the same recipe and split, each with another fold left out. Fusion, operating points and
        prediction sets are learnt on what these networks say of the folds that they never saw.
    ships
        Run folder of the same recipe on every fold. It has seen every picture, so only the trials can be judged.
    remarks
        What the cards say beside the figures.
    folder
        Where the model is written.
    volumes
        Volumes with masks, each judged by the networks that were not trained on it.
    left_out
        A run like the trials on some of the data set's sources, to be judged on the others.

    Raises
    ------
    ReleaseError
        If a run is not finished, they do not belong together or to the data, or their patients are not kept apart.
    """
    scorers = [_finished(trial) for trial in trials]
    _check(scorers)
    scorers.sort(key=lambda scorer: int(scorer.config["test_fold"]))
    shipped, config = _whole(ships, scorers[0].config), scorers[0].config
    dataset = read_chosen(root, volumes=root / config["volumes"] if config["volumes"] else None)
    hashes = file_hashes(dataset)
    narrow = _narrow(left_out, config) if left_out is not None else None
    for scorer in (scorers[0], shipped, *([narrow] if narrow else [])):
        if not is_data_of(scorer.config, dataset, hashes):
            raise ReleaseError(f"{root} is not what {scorer.name} was trained on. Name the same data, unchanged.")

    with TemporaryDirectory(prefix="triage-") as made:
        networks = {int(scorer.config["test_fold"]): serving(scorer, dataset, Path(made)) for scorer in scorers}
        answers = together(
            [
                ask(networks[fold], root, held_out(scorer, dataset), fold)
                for fold, scorer in zip(networks, track(scorers, "Judging the trials"), strict=True)
            ]
        )
        taught = calibrate(answers.first, answers.second, answers.items)
        limit = familiar_within(answers)
        metrics: dict[str, Any] = {
            "operating_points": taught.bought,
            "test": report(answers),
            "gate": gate_report(root, answers, list(networks.values()), limit),
        }
        if narrow is not None:
            metrics["new_sources"] = judge_new_sources(narrow, serving(narrow, dataset, Path(made)), dataset, limit)
        if volumes is not None:
            metrics["volumes"] = [
                row | {"trial": int(scorer.config["test_fold"])}
                for scorer, (_, calibration) in zip(scorers, cross_fitted(answers), strict=True)
                for row in judge_volumes(
                    networks[int(scorer.config["test_fold"])], calibration, volumes, _volumes_of(scorer)
                )
            ]

    folder.mkdir(parents=True, exist_ok=True)
    model = shipped.trained
    train = named(shipped.parts["train"], dataset)
    save_model(model, folder)
    with whole(folder / ONNX) as part:
        export_onnx(model, load_frames_of(root, train, FRAME).pixels, part)
    network = Network(folder / ONNX)
    metrics["ships"] = _seen(
        ask(network, root, [s for scorer in scorers for s in held_out(scorer, dataset)], -1), taught
    )
    if volumes is not None:
        rows = judge_volumes(network, taught, volumes, _volumes_of(shipped))
        metrics["volumes"] += [row | {"trial": None} for row in rows]
    card = Card(
        name=folder.name,
        created=datetime.now(UTC).date().isoformat(),
        architecture="Two looks by one EfficientNet-Lite0: a light decoder finds the lesion, the crop is classified",
        input_size=int(model.input_shape[1]),
        preprocessing=preprocess.VERSION,
        classes=list(FINDINGS),
        fusion=taught.fusion,
        operating_points=taught.points,
        conformal=taught.conformal,
        familiar_within=limit,
        files={name: sha256_of(folder / name) for name in (KERAS, ONNX)},
        training={
            "summary": _summary(trials, ships, shipped, train),
            "config": {"train_folds": _folds(train), "watch_folds": []} | config,
            "images": len(train),
            **remarks.model_dump(),
        },
        metrics=metrics,
    )
    with whole(folder / CARD) as part:
        part.write_text(card.model_dump_json(indent=2) + "\n")
    with whole(folder / MODEL_CARD) as part:
        part.write_text(model_card(card))
    return card


def describe(card: Card) -> str:
    """Return the card's figures as text, one a line."""
    test = card.metrics["test"]
    new = card.metrics.get("new_sources", {"figures": {}})["figures"]
    named_figures = test["figures"] | test["masks"]["figures"]
    rows = [f"{name:28} {said(values)}" for name, values in named_figures.items()]
    at_point = ", ".join(f"{name} {said(values)}" for name, values in test["glioma_operating_point"].items())
    return "\n".join(
        [
            *rows,
            f"glioma operating point {card.operating_points.glioma}: {at_point}",
            f"tumour operating point {card.operating_points.tumour}",
            f"prediction sets: {test['prediction_sets']}",
            *card.metrics["operating_points"].values(),
            *(f"new sources, {name}: {said(row)}" for name, row in new.items()),
        ]
    )


def _volumes_of(scorer: Scorer) -> set[str]:
    """Return the volumes that a run was trained on, by their names in their folder."""
    below = f"{scorer.config['volumes']}/"
    paths = (name.partition("#")[0] for name in scorer.parts["train"] if "#" in name)
    return {path.removeprefix(below) for path in paths}


def _whole(run: Path, config: dict[str, Any]) -> Scorer:
    """Open the run that ships."""
    scorer = _finished(run)
    if scorer.parts["test"] or scorer.parts["watch"] or _differing(scorer.config, config, COMMON):
        raise ReleaseError(f"{scorer.name} is not a run like the trials on every fold. Train it so with --untested.")
    return scorer


def _finished(run: Path) -> Scorer:
    scorer = open_model(run)
    if not scorer.parts or not (run / RESULT).is_file():
        raise ReleaseError(f"{run} is no finished run of `train`. Finish it with --resume, or name another.")
    return scorer


def _narrow(run: Path, config: dict[str, Any]) -> Scorer:
    """Open the run that sources were left out of."""
    scorer = _finished(run)
    fewer = set(scorer.config["sources"]) < set(config["sources"])
    if not fewer or _differing(scorer.config, config, ("recipe", "split", "unwatched")):
        raise ReleaseError(
            f"{scorer.name} is not a run like the trials on fewer sources. Train it as they were, with --source for "
            "each of those that it may see."
        )
    return scorer


def _seen(answers: Answers, taught: Calibration) -> dict[str, Any]:
    """Accuracy of what ships on the pictures that the trials were judged on: it has seen all, so no evidence.

    It stands on the card to show that what ships is a network that works.
    """
    typed = answers.of(np.isin(answers.labels, FINDINGS))
    called = np.array(FINDINGS)[taught.fusion.probabilities(typed.first, typed.second).argmax(axis=1)]
    return {"slices": len(called), "accuracy_on_pictures_seen": round(float((called == typed.labels).mean()), 4)}


def _check(trials: Sequence[Scorer]) -> None:
    network = trials[0]
    for trial in trials:
        if differing := _differing(network.config, trial.config, COMMON):
            raise ReleaseError(
                f"{network.name} and {trial.name} differ in {', '.join(differing)}. Train both with the same recipe, "
                "options and data."
            )
        if not trial.parts["test"] or trial.parts["watch"]:
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
        return {k: v for k, v in config[key].items() if k not in WORDS} if key == "recipe" else config[key]

    return [key for key in keys if value(one, key) != value(other, key)]


def _summary(trials: Sequence[Path], ships: Path, shipped: Scorer, train: Sequence[Sample]) -> str:
    config = shipped.config
    told = "; ".join([_whose(train), *shipped.parts["notes"]])
    return (
        f"Recipe {config['recipe']['name']}, from {_start_of(ships)}, fine-tuned on {', '.join(config['sources'])}: "
        f"{told}. {len(trials)} trials of the same recipe, each from {_start_of(trials[0])} and without one fold, "
        "vouch for it. It serves in 8 bits, and so do the trials that the figures are of."
    )


def _start_of(run: Path) -> str:
    return str(json.loads((run / RESULT).read_text())["started_from"])


def _whose(samples: Sequence[Sample]) -> str:
    return f"folds {_folds(samples)}" if _folds(samples) else "patients of their own"


def _folds(samples: Sequence[Sample]) -> list[int]:
    return sorted({int(sample.item.fold) for sample in samples if sample.item.fold is not None})
