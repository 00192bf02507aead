"""Write a model folder from finished runs: export, calibrate, cross-validate, write both cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.progress import track

from triage.copies.seen import SEEN
from triage.inference import preprocess
from triage.inference.calibration import Calibration
from triage.inference.card import GATE, KERAS, ONNX, Card, sha256_of
from triage.inference.network import Network
from triage.inference.views import FRAME
from triage.networks.twolook import encoder_of
from triage.training.data.splits import Sample
from triage.training.evaluate.cross_validation import report
from triage.training.evaluate.external_validation import searched_for_copies, unseen_samples, validate_externally
from triage.training.evaluate.metrics import format_figure
from triage.training.evaluate.new_sources import report_new_sources
from triage.training.evaluate.predictions import Predictions, concatenate, predictions_of
from triage.training.evaluate.scorer import Scorer, held_out, named
from triage.training.evaluate.volumes import evaluate_volumes
from triage.training.fit.checkpoints import atomic_write, save_model
from triage.training.fit.lineage import RESULT_FILE
from triage.training.layouts import FINDINGS, Dataset, read_dataset
from triage.training.release.calibration import calibrate, cross_fit, cross_fit_new_sources
from triage.training.release.card_notes import CardNotes
from triage.training.release.export import export_onnx, serving_network
from triage.training.release.gate import write_gate
from triage.training.release.model_card import write_cards
from triage.training.release.ood_threshold import familiar_within
from triage.training.release.remember import write_seen
from triage.training.release.replay import REPLAY, remember_features
from triage.training.release.runs import Runs, fold_of, open_runs
from triage.training.release.trials import write_trials
from triage.training.views.frames import load_frames_of

#: The text of the card; it takes the name of the encoder.
ARCHITECTURE = "Two looks by one {}: a light decoder finds the lesion, the crop is classified"


@dataclass(frozen=True)
class Evidence:
    """The results of the cross-validation.

    Attributes
    ----------
    calibration
        Fitted on all held-out folds; it is released.
    familiar_within
        Largest distance of the features at which a slice is not unusual.
    metrics
        Figures for the card.
    """

    calibration: Calibration
    familiar_within: float
    metrics: dict[str, Any]


def release(
    root: Path,
    trials: Sequence[Path],
    ships: Path,
    card_notes: CardNotes,
    folder: Path,
    volumes: Path | None = None,
    left_out: Path | None = None,
    more: Path | None = None,
) -> Card:
    """Write a model folder with the network of a run on all folds, evaluated by cross-validation.

    Parameters
    ----------
    root
        The data set that all runs were trained on.
    trials
        Cross-validation runs: run folders of the same recipe and split, each with another test fold. Fusion, operating
        points and prediction sets are fitted on the predictions of these networks for their test folds.
    ships
        Run folder of the same recipe on all folds, whose network is released. It has seen every picture, so only the
        cross-validation runs can be evaluated.
    card_notes
        The text on the cards that is not measured.
    folder
        Model folder to write.
    volumes
        Folder of volumes with masks. Each is evaluated by the networks that were not trained on it.
    left_out
        A run like `trials` on some of the sources, for external validation on the others.
    more
        The data set that was added to `root` for all runs. Each trial may leave out some of its sources; it is then
        evaluated on these too.

    Raises
    ------
    ReleaseError
        If a run is not finished, the runs do not belong together or to the data, or their split is not by patient.
    """
    runs = open_runs(root, trials, ships, left_out, more)
    evidence = _cross_validate(runs, volumes)
    network = _write_networks(runs, folder)
    write_trials(trials, folder)
    metrics = evidence.metrics | {
        "gate": {"familiar_within": evidence.familiar_within, **write_gate(network, runs.dataset, folder)},
        "ships": _accuracy_on_seen(network, runs, evidence.calibration),
        "seen": write_seen(folder, _seen(runs, volumes), runs.config["sources"]),
    }
    if volumes is not None:
        rows = evaluate_volumes(network, evidence.calibration, volumes, _volumes_of(runs.shipped))
        metrics["volumes"] += [row | {"trial": None} for row in rows]
    card = _card(folder, runs, evidence, metrics, card_notes, _summary(trials, ships, runs.shipped, _trained_on(runs)))
    write_cards(card, folder)
    return card


def _cross_validate(runs: Runs, volumes: Path | None) -> Evidence:
    """Evaluate every trial, in its serving form, on its test fold, and calibrate on the predictions."""
    dataset = runs.dataset
    with TemporaryDirectory(prefix="triage-") as made:
        networks = [serving_network(trial, dataset, Path(made)) for trial in runs.trials]
        parts = [
            predictions_of(network, dataset.root, held_out(trial, dataset), fold_of(trial))
            for network, trial in zip(networks, track(runs.trials, "Evaluating the cross-validation runs"), strict=True)
        ]
        predictions = concatenate([*parts, *_predict_new_sources(runs, networks)])
        calibration = calibrate(predictions.first, predictions.second, predictions.items, predictions.new)
        folds = cross_fit(predictions)
        limit = familiar_within(predictions.of(~predictions.new))
        metrics: dict[str, Any] = {
            "operating_points": calibration.threshold_notes,
            "test": report(folds),
        }
        if predictions.new.any():
            metrics["sources_left_out"] = report_new_sources(cross_fit_new_sources(predictions), limit)
        if runs.narrow is not None:
            narrow = serving_network(runs.narrow, dataset, Path(made))
            metrics["new_sources"] = _validate_externally(runs, runs.narrow, narrow, limit)
        if volumes is not None:
            metrics["volumes"] = _evaluate_volumes_by_fold(runs, networks, folds, volumes)
    return Evidence(calibration, limit, metrics)


def _predict_new_sources(runs: Runs, networks: Sequence[Network]) -> list[Predictions]:
    """Evaluate every trial that left out sources on these."""
    fewer = [trial for trial in runs.trials if set(trial.config["sources"]) < set(runs.config["sources"])]
    if not fewer:
        return []
    searched = searched_for_copies(runs.dataset)
    network_of = dict(zip(map(fold_of, runs.trials), networks, strict=True))
    return [
        predictions_of(network_of[fold_of(trial)], runs.dataset.root, samples, fold_of(trial), new=True)
        for trial in fewer
        for samples, _ in [unseen_samples(runs.dataset, searched, trial.config["sources"])]
    ]


def _validate_externally(runs: Runs, scorer: Scorer, network: Network, limit: float) -> dict[str, Any]:
    """Evaluate the run on fewer sources on the others, calibrated on the test fold of its own sources."""
    own = predictions_of(network, runs.dataset.root, held_out(scorer, runs.dataset), 0)
    calibration = calibrate(own.first, own.second, own.items)
    return validate_externally(scorer, network, calibration, runs.dataset, limit)


def _evaluate_volumes_by_fold(
    runs: Runs, networks: Sequence[Network], folds: Sequence[tuple[Predictions, Calibration]], volumes: Path
) -> list[dict[str, Any]]:
    return [
        row | {"trial": fold_of(trial)}
        for trial, network, (_, calibration) in zip(runs.trials, networks, folds, strict=True)
        for row in evaluate_volumes(network, calibration, volumes, _volumes_of(trial))
    ]


def _write_networks(runs: Runs, folder: Path) -> Network:
    """Write the released network as Keras and as ONNX, and what it remembers; return the ONNX network."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(runs.shipped.trained, folder)
    frames = load_frames_of(runs.dataset.root, _trained_on(runs), FRAME).pixels
    with atomic_write(folder / ONNX) as part:
        export_onnx(runs.shipped.trained, frames, part)
    trained_on = replace(runs.dataset, items=tuple(sample.item for sample in _trained_on(runs)))
    remember_features(runs.shipped.trained, trained_on).save(folder / REPLAY)
    return Network(folder / ONNX)


def _accuracy_on_seen(network: Network, runs: Runs, calibration: Calibration) -> dict[str, Any]:
    """Return the accuracy of the released network on the test folds of the trials.

    It was trained on all of these pictures, so this only shows that its file is intact.
    """
    samples = [sample for trial in runs.trials for sample in held_out(trial, runs.dataset)]
    predictions = predictions_of(network, runs.dataset.root, samples, -1)
    typed = predictions.of(np.isin(predictions.labels, FINDINGS))
    called = np.array(FINDINGS)[calibration.fusion.probabilities(typed.first, typed.second).argmax(axis=1)]
    return {"slices": len(called), "accuracy_on_pictures_seen": round(float((called == typed.labels).mean()), 4)}


def _card(
    folder: Path, runs: Runs, evidence: Evidence, metrics: dict[str, Any], card_notes: CardNotes, summary: str
) -> Card:
    train, calibration = _trained_on(runs), evidence.calibration
    return Card(
        name=folder.name,
        created=datetime.now(UTC).date().isoformat(),
        architecture=ARCHITECTURE.format(encoder_of(runs.shipped.trained)[1].title),
        input_size=int(runs.shipped.trained.input_shape[1]),
        preprocessing=preprocess.VERSION,
        classes=list(FINDINGS),
        fusion=calibration.fusion,
        operating_points=calibration.points,
        window_points=calibration.window_points,
        conformal=calibration.conformal,
        familiar_within=evidence.familiar_within,
        files={name: sha256_of(folder / name) for name in (KERAS, ONNX, GATE, SEEN, REPLAY)},
        training={
            "summary": summary,
            "config": {"train_folds": _folds(train), "validation_folds": []} | runs.config,
            "images": len(train),
            **card_notes.model_dump(),
        },
        metrics=metrics,
    )


def _seen(runs: Runs, volumes: Path | None) -> list[Dataset]:
    """Return all data that the network was trained or tested on."""
    if volumes is None or runs.config["volumes"]:
        return [runs.dataset]
    return [runs.dataset, read_dataset(volumes)]


def _trained_on(runs: Runs) -> list[Sample]:
    return named(runs.shipped.parts["train"], runs.dataset)


def describe(card: Card) -> str:
    """Return the figures of a card as text, one per line."""
    test = card.metrics["test"]
    new = card.metrics.get("new_sources", {"figures": {}})["figures"]
    named_figures = test["figures"] | test["masks"]["figures"]
    rows = [f"{name:28} {format_figure(values)}" for name, values in named_figures.items()]
    at_point = ", ".join(f"{name} {format_figure(values)}" for name, values in test["glioma_operating_point"].items())
    return "\n".join(
        [
            *rows,
            f"glioma operating point {card.operating_points.glioma}: {at_point}",
            f"tumour operating point {card.operating_points.tumour}",
            f"operating points of a window {card.window_points or card.operating_points}",
            f"prediction sets: {test['prediction_sets']}",
            *card.metrics["operating_points"].values(),
            *(f"new sources, {name}: {format_figure(row)}" for name, row in new.items()),
        ]
    )


def _volumes_of(scorer: Scorer) -> set[str]:
    """Return the volumes that a run was trained on, by their paths in their folder."""
    below = f"{scorer.config['volumes']}/"
    paths = (name.partition("#")[0] for name in scorer.parts["train"] if "#" in name)
    return {path.removeprefix(below) for path in paths}


def _summary(trials: Sequence[Path], ships: Path, shipped: Scorer, train: Sequence[Sample]) -> str:
    config = shipped.config
    split = "; ".join([_training_folds(train), *shipped.parts["notes"]])
    return (
        f"Recipe {config['recipe']['name']}, starting from {_start_of(ships)}, trained on "
        f"{', '.join(config['sources'])}: {split}. It was evaluated by {len(trials)} cross-validation runs of the same "
        f"recipe, each starting from {_start_of(trials[0])} and without one fold. {_epochs(ships, trials)} The "
        "released network and those of the cross-validation are quantized to 8 bits."
    )


def _start_of(run: Path) -> str:
    return str(_result_of(run)["started_from"])


def _epochs(ships: Path, trials: Sequence[Path]) -> str:
    """Say for how long the runs were trained: elsewhere, time may have been short (`triage.training.elsewhere`)."""
    shipped, *others = (_result_of(run)["classifier"]["epochs"] for run in (ships, *trials))
    return f"It was trained for {shipped} epochs, the others for {min(others)} to {max(others)}."


def _result_of(run: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((run / RESULT_FILE).read_text())
    return result


def _training_folds(samples: Sequence[Sample]) -> str:
    return f"folds {', '.join(map(str, _folds(samples)))}" if _folds(samples) else "folds by patient"


def _folds(samples: Sequence[Sample]) -> list[int]:
    folds = {sample.item.fold or "" for sample in samples}
    return sorted(int(fold) for fold in folds if fold.isdigit())
