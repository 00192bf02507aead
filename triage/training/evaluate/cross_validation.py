"""Figures of a cross-validation, on patients that the networks were not trained on.

Every figure is cross-fitted: fusion, operating points and prediction sets for a fold are fitted on the other folds, so
no figure is measured on patients that anything was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.calibration import Calibration, prediction_set
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.learning.measures import auroc
from triage.training.evaluate.metrics import (
    BOOTSTRAPS,
    Figure,
    confusion_of,
    figures_to_json,
    interval,
    mean_of,
    metrics_for,
    resampled,
    share_among,
    with_intervals,
)
from triage.training.evaluate.predictions import Predictions, concatenate
from triage.training.evaluate.scorer import resampling_groups
from triage.training.layouts import FINDINGS, UNTYPED, Item


def report(folds: Sequence[tuple[Predictions, Calibration]], draws: int = BOOTSTRAPS) -> dict[str, Any]:
    """Return all figures of a cross-validation for the model card, with intervals by patient or cluster.

    Parameters
    ----------
    folds
        The predictions of each fold, with the calibration fitted on the other folds.
    draws
        Number of bootstrap draws.
    """
    predictions = concatenate([one for one, _ in folds])
    by_fold = [calibration.fusion.probabilities(one.first, one.second) for one, calibration in folds]
    probabilities = np.concatenate(by_fold)
    typed = np.isin(predictions.labels, FINDINGS)
    stat = np.concatenate(
        [rows[:, GLIOMA] >= calibration.points.glioma for rows, (_, calibration) in zip(by_fold, folds, strict=True)]
    )
    sets = np.concatenate([_sets(one, calibration) for one, calibration in folds])
    known, truth = (
        predictions.of(typed),
        np.array([FINDINGS.index(Finding(label)) for label in predictions.labels[typed]]),
    )
    groups, unit = resampling_groups(known.items)
    sources = sorted({item.source for item in known.items})
    return {
        "on": f"{len(truth):,} slices of {len(folds)} folds of patients, each evaluated by a network that was not "
        "trained on its fold, with fusion, operating points and prediction sets fitted on the other folds; one image "
        f"per cluster, 95 % bootstrap intervals by {unit}.",
        "folds": [int(fold) for fold in np.unique(predictions.folds)],
        "figures": figures_to_json(
            with_intervals(metrics_for(FINDINGS), probabilities[typed], truth, groups, draws=draws)
        ),
        "by_source": {
            source: _of_source(probabilities[typed], truth, known.items, source, draws) for source in sources
        },
        "glioma_operating_point": _called(stat[typed], truth == GLIOMA, groups, draws),
        "tumour_against_none": _tumour(probabilities, predictions, draws),
        "unknown_type": _unknown_type(
            probabilities[predictions.labels == UNTYPED], stat[predictions.labels == UNTYPED]
        ),
        "prediction_sets": _coverage(sets[typed], truth),
        "masks": _masks(predictions, probabilities, draws),
        "confusion": confusion_of(probabilities[typed], truth).tolist(),
    }


def _sets(predictions: Predictions, calibration: Calibration) -> NDArray[np.bool_]:
    rows = calibration.fusion.probabilities(predictions.first, predictions.second)
    return np.array(
        [
            [
                finding in prediction_set(dict(zip(FINDINGS, row, strict=True)), calibration.conformal.least)
                for finding in FINDINGS
            ]
            for row in rows
        ]
    )


def _of_source(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], items: Sequence[Item], source: str, draws: int
) -> dict[str, Any]:
    chosen = np.array([item.source == source for item in items])
    groups, _ = resampling_groups([item for item, taken in zip(items, chosen, strict=True) if taken])
    wanted = {
        name: metric
        for name, metric in metrics_for(FINDINGS).items()
        if name in ("accuracy", "ece", f"auroc_{Finding.GLIOMA}") or name.startswith("recall")
    }
    figures = with_intervals(wanted, probabilities[chosen], truth[chosen], groups, draws=draws)
    return {"slices": int(chosen.sum()), "figures": figures_to_json(figures)}


def _called(
    called: NDArray[np.bool_], positive: NDArray[np.bool_], groups: Sequence[str], draws: int
) -> dict[str, Any]:
    picked = resampled(groups, 0, draws)
    return figures_to_json(
        {
            "sensitivity": share_among(called, positive, picked),
            "specificity": share_among(~called, ~positive, picked),
        }
    )


def _tumour(probabilities: NDArray[np.float64], predictions: Predictions, draws: int) -> dict[str, Any]:
    """Return the AUROC of tumour against no tumour, including tumours without a recorded type."""
    groups, _ = resampling_groups(predictions.items)
    picked = resampled(groups, 0, draws)
    scores, positive = 1 - probabilities[:, NOTUMOR], predictions.labels != FINDINGS[NOTUMOR]
    values = [auroc(scores[index], positive[index]) for index in picked]
    return {"slices": len(positive), **figures_to_json({"auroc": Figure(auroc(scores, positive), *interval(values))})}


def _unknown_type(probabilities: NDArray[np.float64], stat: NDArray[np.bool_]) -> dict[str, Any]:
    """Count the predicted classes of tumours without a recorded type.

    Their truth is not known, but a network with a shortcut to one type shows here.
    """
    predicted = probabilities.argmax(axis=1)
    called = {finding.value: int((predicted == index).sum()) for index, finding in enumerate(FINDINGS)}
    return {"slices": len(predicted), "called": called, "at_glioma_operating_point": int(stat.sum())}


def _coverage(sets: NDArray[np.bool_], truth: NDArray[np.int64]) -> dict[str, Any]:
    covered = sets[np.arange(len(truth)), truth]
    return {
        "coverage": {
            finding.value: round(float(covered[truth == index].mean()), 4)
            for index, finding in enumerate(FINDINGS)
            if (truth == index).any()
        },
        "classes_in_a_set": round(float(sets.sum(axis=1).mean()), 3),
        "one_class_only": round(float((sets.sum(axis=1) == 1).mean()), 4),
        "likelier_held": True,  # older cards lack it: their sets could leave out a likelier class
    }


def _masks(predictions: Predictions, probabilities: NDArray[np.float64], draws: int) -> dict[str, Any]:
    """Return the Dice of masks and the accuracy of map peaks on slices with an outline.

    A slice that is called no tumour has no mask and no map: its Dice is 0, and its peak is not counted.
    """
    predicted = probabilities.argmax(axis=1)
    called = predicted != NOTUMOR
    dice = np.where(np.isnan(predictions.dice), np.nan, np.where(called, predictions.dice, 0.0))
    pointed = np.where(called, predictions.pointed[np.arange(len(predicted)), predicted], np.nan)
    groups, unit = resampling_groups(predictions.items)
    picked = resampled(groups, 0, draws)
    by_class = {
        f"dice_{finding.value}": mean_of(np.where(predictions.labels == finding, dice, np.nan), picked)
        for finding in FINDINGS[:NOTUMOR]
    }
    figures = {"dice": mean_of(dice, picked), **by_class, "map_peak_inside_outline": mean_of(pointed, picked)}
    return {"slices": int((~np.isnan(dice)).sum()), "intervals": unit, "figures": figures_to_json(figures)}
