"""Calibration on held-out patients: fusion of the two looks, operating points, prediction sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import binom

from triage.domain import Finding, OperatingPoints
from triage.inference.calibration import Calibration, Conformal, Fusion, log_softmax
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.evaluate.predictions import Predictions
from triage.training.layouts import FINDINGS, Item

GLIOMA_SENSITIVITY = 0.95
TUMOUR_SENSITIVITY = 0.98
#: Confidence that the sensitivity also holds for new patients of the same population. Without this margin, half of all
#: operating points would miss it.
CONFIDENCE = 0.95
COVERAGE = 0.95
#: Strength of the regularisation of the fusion towards the mean of the looks. Fitted on four folds and evaluated on the
#: fifth, 10, 30 and 100 gave a negative log-likelihood of 0.221, 0.218 and 0.218 (docs/model-log.md); weights near the
#: mean were best on unknown sources.
RIDGE = 30.0
Floats = NDArray[np.floating]


def calibrate(first: Floats, second: Floats, items: Sequence[Item]) -> Calibration:
    """Fit fusion, operating points and prediction sets on held-out pictures.

    Parameters
    ----------
    first, second
        ``(pictures, classes)``: log-probabilities of the first and the second look.
    items
        Items of the pictures. Tumours without a recorded type count only for the tumour operating point.
    """
    labels = np.array([item.label for item in items])
    typed = np.isin(labels, FINDINGS)
    truth = np.array([FINDINGS.index(Finding(label)) for label in labels[typed]])
    fusion = fit_fusion(first[typed], second[typed], truth)
    probabilities = fusion.probabilities(first, second)
    points, notes = choose_points(probabilities, items)
    return Calibration(fusion, points, notes, fit_conformal(probabilities[typed], truth))


def cross_fit(predictions: Predictions) -> list[tuple[Predictions, Calibration]]:
    """Return the predictions of each fold with the calibration fitted on the other folds."""
    return [
        (predictions.of(predictions.folds == fold), _calibrate(predictions.of(predictions.folds != fold)))
        for fold in np.unique(predictions.folds)
    ]


def _calibrate(predictions: Predictions) -> Calibration:
    return calibrate(predictions.first, predictions.second, predictions.items)


def fit_fusion(first: Floats, second: Floats, truth: NDArray[np.int64]) -> Fusion:
    """Return the weights with the lowest negative log-likelihood, regularised towards the mean by `RIDGE`."""
    classes = first.shape[1]
    looks = np.concatenate([first, second, np.ones((len(first), 1))], axis=1).astype(np.float64)
    mean = np.concatenate([np.eye(classes) / 2, np.eye(classes) / 2, np.zeros((1, classes))])
    wanted = np.eye(classes)[truth]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(mean.shape)
        answers = log_softmax(looks @ weights).astype(np.float64)
        deviation = weights - mean
        value = -(answers * wanted).sum() + RIDGE * (deviation**2).sum()
        return float(value), (looks.T @ (np.exp(answers) - wanted) + 2 * RIDGE * deviation).ravel()

    weights = minimize(loss, mean.ravel(), jac=True, method="L-BFGS-B").x.reshape(mean.shape).round(4)
    rows = [tuple(map(tuple, weights[start : start + classes].T.tolist())) for start in (0, classes)]
    return Fusion(first=rows[0], second=rows[1], bias=tuple(weights[-1].tolist()))


def choose_points(probabilities: NDArray[np.float64], items: Sequence[Item]) -> tuple[OperatingPoints, dict[str, str]]:
    """Return the operating points for the required sensitivities, and a note on the choice of each."""
    labels = np.array([item.label for item in items])
    is_typed = np.isin(labels, FINDINGS)
    glioma = labels[is_typed] == FINDINGS[GLIOMA]
    tumour = labels != FINDINGS[NOTUMOR]
    glioma_point, glioma_words = _threshold(probabilities[is_typed, GLIOMA], glioma, GLIOMA_SENSITIVITY)
    # A study that is more probably a tumour than not is never ROUTINE, so this point is at most 0.5.
    tumour_point, tumour_words = _threshold(1 - probabilities[:, NOTUMOR], tumour, TUMOUR_SENSITIVITY, at_most=0.5)
    return OperatingPoints(glioma_point, tumour_point), {"glioma": glioma_words, "tumour": tumour_words}


def fit_conformal(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> Conformal:
    """Return, by class, the probability that `COVERAGE` of its pictures reach; 0 if there are too few pictures."""
    least = {}
    for index, finding in enumerate(FINDINGS):
        reached = np.sort(probabilities[truth == index, index])
        misses = int(np.floor((len(reached) + 1) * (1 - COVERAGE)))
        least[finding] = float(np.floor(reached[misses - 1] * 1e4) / 1e4) if misses else 0.0
    return Conformal(coverage=COVERAGE, least=least)


def _threshold(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], sensitivity: float, at_most: float = 1.0
) -> tuple[float, str]:
    # The largest order statistic of the positives that is a tolerance limit (Wilks, 1941), rounded down: if the
    # sensitivity were lower, this many positives would have more misses, with probability `CONFIDENCE`.
    ordered = np.sort(scores[positive])
    misses = max(int(binom.ppf(1 - CONFIDENCE, len(ordered), 1 - sensitivity)) - 1, 0)
    point = min(float(np.floor(ordered[misses] * 1000) / 1000), at_most)
    reached = float((scores[positive] >= point).mean())
    specificity = float((scores[~positive] < point).mean())
    return point, (
        f"Chosen on held-out patients for a sensitivity of {sensitivity:.2f} or more at {CONFIDENCE:.0%} confidence. "
        "The confidence assumes independent slices, but those of one patient are correlated. On these patients: "
        f"sensitivity {reached:.3f}, specificity {specificity:.3f} ({int(positive.sum())} with, "
        f"{int((~positive).sum())} without)."
    )
