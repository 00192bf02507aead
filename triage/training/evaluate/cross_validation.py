"""What the networks of a cross-validation say of patients that they never saw, and what that is worth.

Every figure is cross-fitted: the fusion, the operating points and the prediction sets by which a fold is judged are
learnt on the other folds, so no number is of patients that anything was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.calibration import Calibration, prediction_set
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.evaluate.metrics import (
    BOOTSTRAPS,
    Figure,
    auroc,
    confusion_of,
    interval,
    mean_of,
    metrics_for,
    plain,
    resampled,
    with_intervals,
)
from triage.training.evaluate.predictions import Predictions, concatenate
from triage.training.evaluate.scorer import grouped
from triage.training.layouts import FINDINGS, UNTYPED, Item


def report(folds: Sequence[tuple[Predictions, Calibration]], draws: int = BOOTSTRAPS) -> dict[str, Any]:
    """Return every figure of a cross-validation, with intervals by patient or cluster, ready for the card.

    Parameters
    ----------
    folds
        The predictions of each fold, with the calibration that the other folds gave.
    draws
        Of the bootstrap.
    """
    judged = concatenate([one for one, _ in folds])
    answered = [calibration.fusion.probabilities(one.first, one.second) for one, calibration in folds]
    probabilities = np.concatenate(answered)
    typed = np.isin(judged.labels, FINDINGS)
    stat = np.concatenate(
        [rows[:, GLIOMA] >= calibration.points.glioma for rows, (_, calibration) in zip(answered, folds, strict=True)]
    )
    sets = np.concatenate([_sets(one, calibration) for one, calibration in folds])
    known, truth = judged.of(typed), np.array([FINDINGS.index(Finding(label)) for label in judged.labels[typed]])
    groups, unit = grouped(known.items)
    sources = sorted({item.source for item in known.items})
    return {
        "on": f"{len(truth):,} slices of {len(folds)} folds of patients, each judged by a network that never saw its "
        f"fold, with everything else learnt on the other folds too; one image per cluster, 95 % bootstrap intervals "
        f"by {unit}.",
        "folds": [int(fold) for fold in np.unique(judged.folds)],
        "figures": plain(with_intervals(metrics_for(FINDINGS), probabilities[typed], truth, groups, draws=draws)),
        "by_source": {
            source: _of_source(probabilities[typed], truth, known.items, source, draws) for source in sources
        },
        "glioma_operating_point": _called(stat[typed], truth == GLIOMA, groups, draws),
        "tumour_against_none": _tumour(probabilities, judged, draws),
        "unknown_type": _unknown_type(probabilities[judged.labels == UNTYPED], stat[judged.labels == UNTYPED]),
        "prediction_sets": _coverage(sets[typed], truth),
        "masks": _masks(judged, probabilities, draws),
        "confusion": confusion_of(probabilities[typed], truth).tolist(),
    }


def _sets(answers: Predictions, calibration: Calibration) -> NDArray[np.bool_]:
    rows = calibration.fusion.probabilities(answers.first, answers.second)
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
    groups, _ = grouped([item for item, taken in zip(items, chosen, strict=True) if taken])
    wanted = {
        name: metric
        for name, metric in metrics_for(FINDINGS).items()
        if name in ("accuracy", "ece", f"auroc_{Finding.GLIOMA}") or name.startswith("recall")
    }
    figures = with_intervals(wanted, probabilities[chosen], truth[chosen], groups, draws=draws)
    return {"slices": int(chosen.sum()), "figures": plain(figures)}


def _called(
    called: NDArray[np.bool_], positive: NDArray[np.bool_], groups: Sequence[str], draws: int
) -> dict[str, Any]:
    picked = resampled(groups, 0, draws)
    return plain(
        {
            "sensitivity": _share(called, positive, picked),
            "specificity": _share(~called, ~positive, picked),
        }
    )


def _share(held: NDArray[np.bool_], among: NDArray[np.bool_], picked: Sequence[NDArray[np.intp]]) -> Figure:
    return mean_of(np.where(among, held.astype(np.float64), np.nan), picked)


def _tumour(probabilities: NDArray[np.float64], judged: Predictions, draws: int) -> dict[str, Any]:
    """AUROC of tumour against none, the tumours without a type included."""
    groups, _ = grouped(judged.items)
    picked = resampled(groups, 0, draws)
    scores, positive = 1 - probabilities[:, NOTUMOR], judged.labels != FINDINGS[NOTUMOR]
    values = [auroc(scores[index], positive[index]) for index in picked]
    return {"slices": len(positive), **plain({"auroc": Figure(auroc(scores, positive), *interval(values))})}


def _unknown_type(probabilities: NDArray[np.float64], stat: NDArray[np.bool_]) -> dict[str, Any]:
    """What tumours without a type are called: nothing to be right about, but a shortcut to one type shows here."""
    answers = probabilities.argmax(axis=1)
    called = {finding.value: int((answers == index).sum()) for index, finding in enumerate(FINDINGS)}
    return {"slices": len(answers), "called": called, "at_glioma_operating_point": int(stat.sum())}


def _coverage(sets: NDArray[np.bool_], truth: NDArray[np.int64]) -> dict[str, Any]:
    held = sets[np.arange(len(truth)), truth]
    return {
        "coverage": {
            finding.value: round(float(held[truth == index].mean()), 4) for index, finding in enumerate(FINDINGS)
        },
        "classes_in_a_set": round(float(sets.sum(axis=1).mean()), 3),
        "one_class_only": round(float((sets.sum(axis=1) == 1).mean()), 4),
    }


def _masks(judged: Predictions, probabilities: NDArray[np.float64], draws: int) -> dict[str, Any]:
    """Dice where somebody drew the tumour, 0 where it is called no tumour: then no mask is drawn; and the maps."""
    answer = probabilities.argmax(axis=1)
    called = answer != NOTUMOR
    dice = np.where(np.isnan(judged.dice), np.nan, np.where(called, judged.dice, 0.0))
    pointed = np.where(called, judged.pointed[np.arange(len(answer)), answer], np.nan)
    groups, unit = grouped(judged.items)
    picked = resampled(groups, 0, draws)
    by_class = {
        f"dice_{finding.value}": mean_of(np.where(judged.labels == finding, dice, np.nan), picked)
        for finding in FINDINGS[:NOTUMOR]
    }
    figures = {"dice": mean_of(dice, picked), **by_class, "map_peak_inside_outline": mean_of(pointed, picked)}
    return {"slices": int((~np.isnan(dice)).sum()), "intervals": unit, "figures": plain(figures)}
