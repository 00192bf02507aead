"""From finished runs to a model folder: export, calibrate and choose on watched patients, report on the test part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from triage.domain import Finding, OperatingPoints
from triage.errors import TriageError
from triage.inference import preprocess
from triage.inference.calibration import softmax
from triage.inference.card import CARD, KERAS, ONNX, Card, sha256_of
from triage.networks.backbones import LITE0
from triage.training.checkpoints import save_model, whole
from triage.training.environment import file_hashes
from triage.training.export import export_onnx
from triage.training.frames import load_frames_of
from triage.training.layouts import FINDINGS, Item, read_dataset
from triage.training.metrics import Figure, confusion_of, metrics_for, with_intervals
from triage.training.run import RESULT
from triage.training.scoring import Scorer, grouped, is_data_of, named, open_model, open_onnx, truth_for
from triage.training.splits import Sample, Split

GLIOMA, NOTUMOR = FINDINGS.index(Finding.GLIOMA), FINDINGS.index(Finding.NOTUMOR)
GLIOMA_SENSITIVITY = 0.95
TUMOUR_SENSITIVITY = 0.98
LIMITS = (
    "Trained on T1 contrast-enhanced slices of one source and on web images; other sequences are rare among them.",
    "Healthy slices come almost only from the web, so part of what separates them from tumours may be their source.",
    "Four classes only: metastasis, lymphoma, abscess, stroke and every other lesion are not among its answers.",
    "One slice at a time, without the patient's history.",
    "Web images of the test folds may have contrast variants in training that the manifest does not join: the figures "
    "of no tumour, and accuracy, may be too high.",
)
#: What the two runs must have in common.
COMMON = ("recipe", "split", "test_fold", "sources", "data_sha256")


class ReleaseError(TriageError):
    """The runs are not such that a network may serve."""


def release(root: Path, run: Path, validation_run: Path, folder: Path) -> Card:
    """Write a model folder.

    Parameters
    ----------
    root
        The data set that both runs were trained on.
    run
        Run folder of the network that ships; it may have been trained on the watched part too.
    validation_run
        Run folder of the same recipe and split that left its watched part out: temperature and operating points are
        chosen there, on patients that its network never saw, and carried over.
    folder
        Where the model is written.

    Raises
    ------
    ReleaseError
        If a run is not finished, the two do not belong together or to the data, or their patients are not kept apart.
    """
    network, trial = _finished(run), _finished(validation_run)
    _check(network, trial)
    dataset = read_dataset(root)
    if not is_data_of(network.config, dataset, file_hashes(dataset)):
        raise ReleaseError(f"{root} is not what {network.name} was trained on. Name the same data, unchanged.")
    train, test = (named(network.parts[part], dataset) for part in ("train", "test"))
    watched, untyped = (named(trial.parts[part], dataset) for part in ("watch", "untyped"))

    folder.mkdir(parents=True, exist_ok=True)
    save_model(network.network, folder)
    with whole(folder / ONNX) as part:
        export_onnx(network.network, part)

    held_out = [sample.item for sample in (*watched, *untyped)]
    logits = trial.logits(load_frames_of(root, (*watched, *untyped), trial.size).pixels)
    temperature = fit_temperature(logits[: len(watched)], truth_for(held_out[: len(watched)], trial.classes))
    points, bought = choose_points(softmax(logits, temperature), held_out)

    # The figures are of the network as it serves.
    serving = replace(network, network=open_onnx(folder), temperature=temperature)
    probabilities = serving.probabilities(load_frames_of(root, test, serving.size).pixels)
    judged = [sample.item for sample in test]
    truth = truth_for(judged, serving.classes)
    groups, unit = grouped(judged)
    figures = with_intervals(metrics_for(serving.classes), probabilities, truth, groups)
    glioma = truth == GLIOMA
    card = Card(
        name=folder.name,
        created=datetime.now(UTC).date().isoformat(),
        architecture="EfficientNet-Lite0, one gray channel, global average pooling, one dense layer",
        input_size=network.size,
        preprocessing=preprocess.VERSION,
        classes=list(FINDINGS),
        temperature=round(temperature, 4),
        operating_points=points,
        files={name: sha256_of(folder / name) for name in (KERAS, ONNX)},
        training={
            "summary": _summary(run, network, train),
            "config": {"train_folds": _folds(train), "watch_folds": _folds(named(network.parts["watch"], dataset))}
            | network.config,
            "images": len(train),
            "limits": list(LIMITS),
        },
        metrics={
            "operating_points": bought,
            "test": {
                "on": f"{len(test)} slices of {_whose(test)}: not trained on, one image per cluster, "
                f"95 % bootstrap intervals by {unit}.",
                "figures": {name: asdict(figure) for name, figure in figures.items()},
                "glioma_operating_point": {
                    "sensitivity": float((probabilities[glioma, GLIOMA] >= points.glioma).mean()),
                    "specificity": float((probabilities[~glioma, GLIOMA] < points.glioma).mean()),
                },
                "confusion": confusion_of(probabilities, truth).tolist(),
            },
        },
    )
    with whole(folder / CARD) as part:
        part.write_text(card.model_dump_json(indent=2) + "\n")
    return card


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return the temperature of the least negative log-likelihood (Guo et al., ICML 2017)."""

    def loss(log_temperature: float) -> float:
        chosen = softmax(logits, float(np.exp(log_temperature)))[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(chosen, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


def choose_points(probabilities: NDArray[np.float64], items: Sequence[Item]) -> tuple[OperatingPoints, dict[str, str]]:
    """Return the operating points of the wanted sensitivities on these items, and in words what they buy."""
    labels = np.array([item.label for item in items])
    is_typed = np.isin(labels, [finding.value for finding in FINDINGS])
    glioma = labels[is_typed] == FINDINGS[GLIOMA]
    tumour = labels != FINDINGS[NOTUMOR]
    glioma_point, glioma_words = _threshold(probabilities[is_typed, GLIOMA], glioma, GLIOMA_SENSITIVITY)
    # What is more probably a tumour than not is never routine, however separable the validation folds are.
    tumour_point, tumour_words = _threshold(1 - probabilities[:, NOTUMOR], tumour, TUMOUR_SENSITIVITY, at_most=0.5)
    return OperatingPoints(glioma_point, tumour_point), {"glioma": glioma_words, "tumour": tumour_words}


def describe(card: Card) -> str:
    """Return the card's figures as text, one a line."""
    test = card.metrics["test"]
    rows = [f"{name:20} {Figure(**values)}" for name, values in test["figures"].items()]
    at_point = ", ".join(f"{name} {value:.3f}" for name, value in test["glioma_operating_point"].items())
    return "\n".join(
        [
            *rows,
            f"glioma operating point {card.operating_points.glioma}: {at_point}",
            f"tumour operating point {card.operating_points.tumour}, temperature {card.temperature}",
            *card.metrics["operating_points"].values(),
        ]
    )


def _threshold(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], sensitivity: float, at_most: float = 1.0
) -> tuple[float, str]:
    # The largest threshold that still catches the wanted share: that order statistic of the positives, rounded down.
    ordered = np.sort(scores[positive])
    misses = int(np.floor((1 - sensitivity) * len(ordered)))
    point = min(float(np.floor(ordered[misses] * 1000) / 1000), at_most)
    reached = float((scores[positive] >= point).mean())
    specificity = float((scores[~positive] < point).mean())
    return point, (
        f"Chosen on held-out patients for sensitivity {sensitivity:.2f} or better: there, sensitivity {reached:.3f}, "
        f"specificity {specificity:.3f} ({int(positive.sum())} with, {int((~positive).sum())} without)."
    )


def _finished(run: Path) -> Scorer:
    scorer = open_model(run)
    if not scorer.parts or not (run / RESULT).is_file():
        raise ReleaseError(f"{run} is no finished run of `train`. Finish it with --resume, or name another.")
    return scorer


def _check(network: Scorer, trial: Scorer) -> None:
    differing = [key for key in COMMON if network.config[key] != trial.config[key]]
    if differing:
        raise ReleaseError(
            f"{network.name} and {trial.name} differ in {', '.join(differing)}. Train both with the same recipe, "
            "options and data."
        )
    if network.config["split"] != Split.PATIENTS:
        raise ReleaseError(
            "What serves must be judged on patients that it never saw. Train both runs with --split patients."
        )
    if network.config["recipe"]["train"]["network"].get("name") != LITE0 or network.task != "finding":
        raise ReleaseError(f"Only {LITE0} with the four classes can serve. Train both runs with --recipe lite0.")
    if not trial.parts["watch"]:
        raise ReleaseError(
            f"{trial.name} watched nothing, so nothing is left to choose operating points on. Name a run that was "
            "trained without --unwatched."
        )


def _summary(run: Path, network: Scorer, train: Sequence[Sample]) -> str:
    started_from = json.loads((run / RESULT).read_text())["started_from"]
    sources = ", ".join(network.config["sources"])
    told = "; ".join([_whose(train), *network.parts["notes"]])
    return f"Recipe {network.config['recipe']['name']}, from {started_from}, fine-tuned on {sources}: {told}."


def _whose(samples: Sequence[Sample]) -> str:
    return f"folds {_folds(samples)}" if _folds(samples) else "patients of their own"


def _folds(samples: Sequence[Sample]) -> list[int]:
    return sorted({int(sample.item.fold) for sample in samples if sample.item.fold is not None})
