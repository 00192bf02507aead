"""From finished runs to a model folder: export, calibrate and choose on validation folds, report on test folds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from triage.domain import OperatingPoints
from triage.inference import preprocess
from triage.inference.calibration import softmax
from triage.inference.card import CARD, KERAS, ONNX, Card, sha256_of
from triage.training.batches import load_frames
from triage.training.evaluate import GLIOMA, NOTUMOR, Figure, confusion, figures, truth_of
from triage.training.export import export_onnx
from triage.training.manifest import FINDINGS, Example, in_folds, read_manifest, typed

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


def release(root: Path, run: Path, validation_run: Path, folder: Path, test_folds: Sequence[int] = (0,)) -> Card:
    """Write a model folder.

    Parameters
    ----------
    root
        The data folder with its manifest.
    run
        Run folder of the network that ships.
    validation_run
        Run folder of the same recipe with its watched folds left out: temperature and operating points are chosen
        there, on patients that its network never saw, and carried over.
    folder
        Where the model is written.
    test_folds
        Folds that neither run saw; scored once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    examples = read_manifest(root)
    config, chosen_on = _config(run), _config(validation_run)
    model = keras.saving.load_model(run / KERAS, compile=False)
    model.save(folder / KERAS, include_optimizer=False)
    export_onnx(model, folder / ONNX)

    held_out = in_folds(examples, chosen_on["watch_folds"])
    with tempfile.TemporaryDirectory() as scratch:
        export_onnx(keras.saving.load_model(validation_run / KERAS, compile=False), Path(scratch) / ONNX)
        held_out_logits = logits_of(Path(scratch) / ONNX, root, held_out, config["size"])
    known = [index for index, example in enumerate(held_out) if example in typed(held_out)]
    temperature = fit_temperature(held_out_logits[known], truth_of([held_out[index] for index in known]))
    points, bought = choose_points(softmax(held_out_logits, temperature), held_out)

    test = typed(in_folds(examples, test_folds))
    probabilities = softmax(logits_of(folder / ONNX, root, test, config["size"]), temperature)
    glioma = truth_of(test) == GLIOMA
    card = Card(
        name=folder.name,
        created=datetime.now(UTC).date().isoformat(),
        architecture="EfficientNet-Lite0, one gray channel, global average pooling, one dense layer",
        input_size=config["size"],
        preprocessing=preprocess.VERSION,
        classes=list(FINDINGS),
        temperature=round(temperature, 4),
        operating_points=points,
        files={name: sha256_of(folder / name) for name in (KERAS, ONNX)},
        training={
            "summary": "ImageNet weights, fine-tuned on the figshare, sartaj, Br35H and navoneel sets, one image per "
            f"cluster, folds {config['train_folds']}, guard rows left out.",
            "config": config,
            "images": len(in_folds(examples, config["train_folds"])),
            "limits": list(LIMITS),
        },
        metrics={
            "operating_points": bought,
            "test": {
                "on": f"{len(test)} slices of folds {list(test_folds)}: not trained on, one image "
                "per cluster, 95 % bootstrap intervals by cluster.",
                "figures": {name: asdict(figure) for name, figure in figures(probabilities, test).items()},
                "glioma_operating_point": {
                    "sensitivity": float((probabilities[glioma, GLIOMA] >= points.glioma).mean()),
                    "specificity": float((probabilities[~glioma, GLIOMA] < points.glioma).mean()),
                },
                "confusion": confusion(probabilities, truth_of(test)).tolist(),
            },
        },
    )
    (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")
    return card


def logits_of(network: Path, root: Path, examples: Sequence[Example], size: int) -> NDArray[np.float32]:
    """Return ``(examples, classes)`` logits by the exported network, prepared as in serving."""
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    frames = load_frames(root, examples, size).astype(np.float32)[..., None]
    return np.concatenate([session.run(["logits"], {"slice": frame[None]})[0] for frame in frames])


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return the temperature of the least negative log-likelihood (Guo et al., ICML 2017)."""

    def loss(log_temperature: float) -> float:
        chosen = softmax(logits, float(np.exp(log_temperature)))[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(chosen, 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


def choose_points(
    probabilities: NDArray[np.float64], examples: Sequence[Example]
) -> tuple[OperatingPoints, dict[str, str]]:
    """Return the operating points of the wanted sensitivities on these examples, and in words what they buy."""
    labels = np.array([example.label for example in examples])
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


def _config(run: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((run / "config.json").read_text())
    return config
