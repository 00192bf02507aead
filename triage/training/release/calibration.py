"""Calibration on held-out patients: fusion of the two looks, operating points, prediction sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import binom

from triage.domain import Finding, OperatingPoints
from triage.inference.calibration import Calibration, Conformal, Fusion, equal_fusion, log_softmax
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.evaluate.predictions import Predictions
from triage.training.evaluate.scorer import resampling_groups
from triage.training.evaluate.series import label_of, series_of, windows_of
from triage.training.layouts import FINDINGS, Item

GLIOMA_SENSITIVITY = 0.95
TUMOUR_SENSITIVITY = 0.98
#: Of sources that the network was not trained on: shares of the gliomas that reach the glioma and the tumour operating
#: point.
NEW_GLIOMA_SENSITIVITY = 0.85
NEW_TUMOUR_SENSITIVITY = 0.95
#: What that may cost: shares of the other pictures of these sources that stay below the glioma and the tumour operating
#: point. Without a limit, a network that cannot tell both apart would put every head of a new scanner first.
NEW_GLIOMA_SPECIFICITY = 0.90
NEW_TUMOUR_SPECIFICITY = 0.60
#: Confidence that the sensitivity also holds for new patients of the same population. Without this margin, half of all
#: operating points would miss it.
CONFIDENCE = 0.95
#: What a point has to reach: on known sources, on gliomas of new ones, and what that may cost there.
OF_GLIOMA = GLIOMA_SENSITIVITY, NEW_GLIOMA_SENSITIVITY, NEW_GLIOMA_SPECIFICITY
OF_TUMOUR = TUMOUR_SENSITIVITY, NEW_TUMOUR_SENSITIVITY, NEW_TUMOUR_SPECIFICITY
COVERAGE = 0.95
#: Strength of the regularisation of the fusion towards the mean of the looks. Fitted on four folds and evaluated on the
#: fifth, 10, 30 and 100 gave a negative log-likelihood of 0.221, 0.218 and 0.218 (docs/model-log.md); weights near the
#: mean were best on unknown sources.
RIDGE = 30.0
Floats = NDArray[np.floating]


def calibrate(
    first: Floats, second: Floats, items: Sequence[Item], new: NDArray[np.bool_] | None = None
) -> Calibration:
    """Fit fusion, operating points and prediction sets on held-out pictures.

    Parameters
    ----------
    first, second
        ``(pictures, classes)``: log-probabilities of the first and the second look.
    items
        Items of the pictures. Tumours without a recorded type count only for the tumour operating point.
    new
        ``(pictures,)``: whether the network was not trained on any picture of the source either; by default it was on
        others of all. Fusion and prediction sets are fitted without these pictures: a bias that helps them costs all
        others more (docs/model-log.md, two-look-v7). In the operating points they have required sensitivities of their
        own, within a limit of what these cost.
    """
    labels = np.array([item.label for item in items])
    typed = np.isin(labels, FINDINGS)
    truth = np.array([FINDINGS.index(Finding(label)) for label in labels[typed]])
    is_new = np.zeros(len(labels), np.bool_) if new is None else new
    known = ~is_new[typed]
    fusion = fit_fusion(first[typed][known], second[typed][known], truth[known])
    probabilities = fusion.probabilities(first, second)
    points, notes = choose_points(probabilities, items, is_new)
    window_points, window_notes = choose_window_points(probabilities, items, points, is_new)
    return Calibration(
        fusion, points, notes | window_notes, fit_conformal(probabilities[typed][known], truth[known]), window_points
    )


def cross_fit(predictions: Predictions) -> list[tuple[Predictions, Calibration]]:
    """Return the predictions of each fold with the calibration fitted on the other folds.

    Predictions on new sources help to fit, but not those on patients (or clusters) of the fold itself, whom a network
    of another fold may have been asked about because it left their source out.
    """
    groups = np.array(resampling_groups(predictions.items)[0])

    def fitted(fold: int) -> tuple[Predictions, Calibration]:
        own = (predictions.folds == fold) & ~predictions.new
        same = predictions.new & np.isin(groups, groups[own])
        return predictions.of(own), _calibrate(predictions.of((predictions.folds != fold) & ~same))

    return [fitted(fold) for fold in np.unique(predictions.folds[~predictions.new])]


def cross_fit_new_sources(predictions: Predictions) -> list[tuple[Predictions, Calibration]]:
    """Return the predictions of each fold on new sources with the calibration fitted on other folds and sources."""
    sources = np.array([item.source for item in predictions.items])

    def fitted(fold: int) -> tuple[Predictions, Calibration]:
        own = (predictions.folds == fold) & predictions.new
        others = (predictions.folds != fold) & ~np.isin(sources, sources[own])
        return predictions.of(own), _calibrate(predictions.of(others))

    return [fitted(fold) for fold in np.unique(predictions.folds[predictions.new])]


def _calibrate(predictions: Predictions) -> Calibration:
    return calibrate(predictions.first, predictions.second, predictions.items, predictions.new)


def fit_fusion(first: Floats, second: Floats, truth: NDArray[np.int64]) -> Fusion:
    """Return the fusion with the lowest negative log-likelihood, regularised towards the mean by `RIDGE`.

    Parameters
    ----------
    first, second
        ``(pictures, classes)``: log-probabilities of the first and the second look.
    truth
        ``(pictures,)``: class indices.
    """
    classes = first.shape[1]
    return fit_fusion_near(equal_fusion(classes), first, second, np.eye(classes)[truth])


def fit_fusion_near(start: Fusion, first: Floats, second: Floats, wanted: Floats) -> Fusion:
    """Return the fusion with the lowest cross-entropy, regularised towards another fusion by `RIDGE`.

    Parameters
    ----------
    start
        What it is without pictures.
    first, second
        ``(pictures, classes)``: log-probabilities of the first and the second look.
    wanted
        ``(pictures, classes)``: the probabilities that it should give, times the weight of the picture.
    """
    classes = first.shape[1]
    looks = np.concatenate([first, second, np.ones((len(first), 1))], axis=1).astype(np.float64)
    near = np.concatenate([np.array(start.first).T, np.array(start.second).T, np.array([start.bias])])
    weight = wanted.sum(axis=1, keepdims=True)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        fusion = flat.reshape(near.shape)
        answers = log_softmax(looks @ fusion).astype(np.float64)
        deviation = fusion - near
        value = -(answers * wanted).sum() + RIDGE * (deviation**2).sum()
        return float(value), (looks.T @ (weight * np.exp(answers) - wanted) + 2 * RIDGE * deviation).ravel()

    fusion = minimize(loss, near.ravel(), jac=True, method="L-BFGS-B").x.reshape(near.shape).round(4)
    rows = [tuple(map(tuple, fusion[start : start + classes].T.tolist())) for start in (0, classes)]
    return Fusion(first=rows[0], second=rows[1], bias=tuple(fusion[-1].tolist()))


def choose_points(
    probabilities: NDArray[np.float64], items: Sequence[Item], new: NDArray[np.bool_] | None = None
) -> tuple[OperatingPoints, dict[str, str]]:
    """Return the operating points for the required sensitivities, and a note on the choice of each.

    Parameters
    ----------
    probabilities
        ``(pictures, classes)``.
    items
        Items of the pictures.
    new
        ``(pictures,)``: see `calibrate`. The lower of two points is chosen: that for the known sources, and that for
        the gliomas of the new ones, which goes no lower than its cost allows.
    """
    labels = np.array([item.label for item in items])
    is_new = np.zeros(len(labels), np.bool_) if new is None else new
    scores = np.column_stack([probabilities[:, GLIOMA], 1 - probabilities[:, NOTUMOR]])
    glioma, tumour = _choices(scores, labels, is_new)
    # A study that is more probably a tumour than not is never ROUTINE, so this point is at most 0.5.
    points = OperatingPoints(glioma.point(*OF_GLIOMA), min(tumour.point(*OF_TUMOUR), 0.5))
    return points, {
        "glioma": glioma.note("slices", points.glioma, *OF_GLIOMA),
        "tumour": tumour.note("slices", points.tumour, *OF_TUMOUR),
    }


def choose_window_points(
    probabilities: NDArray[np.float64], items: Sequence[Item], single: OperatingPoints, new: NDArray[np.bool_]
) -> tuple[OperatingPoints | None, dict[str, str]]:
    """Return the operating points of windows for the same requirements, never lower than those of a slice.

    Parameters
    ----------
    probabilities
        ``(pictures, classes)``.
    items
        Items of the pictures.
    single
        The operating points of a slice.
    new
        ``(pictures,)``: see `calibrate`.

    Returns
    -------
    OperatingPoints or None
        None without a series with a glioma and one without a tumour among the known sources.
    dict
        A note on the choice of each.
    """
    series = series_of(items, list(new))
    labels = np.array([label_of([items[at] for at in one]) for one in series], np.str_)
    is_new = np.array([new[one[0]] for one in series], np.bool_)
    if {FINDINGS[GLIOMA], FINDINGS[NOTUMOR]} - set(labels[~is_new].tolist()):
        return None, {}
    glioma, tumour = _choices(windows_of(probabilities, series), labels, is_new)
    points = OperatingPoints(
        max(glioma.point(*OF_GLIOMA), single.glioma), min(max(tumour.point(*OF_TUMOUR), single.tumour), 0.5)
    )
    return points, {
        "window_glioma": glioma.note("series", points.glioma, *OF_GLIOMA),
        "window_tumour": tumour.note("series", points.tumour, *OF_TUMOUR),
    }


def _choices(scores: NDArray[np.float64], labels: NDArray[np.str_], new: NDArray[np.bool_]) -> tuple[_Choice, _Choice]:
    """Return what both points are chosen on, from P(glioma) and P(tumour)."""
    typed = np.isin(labels, FINDINGS)
    is_glioma, is_tumour = labels == FINDINGS[GLIOMA], labels != FINDINGS[NOTUMOR]
    return (
        _Choice(scores[:, 0], is_glioma, ~new & typed, new & typed, is_glioma & new),
        _Choice(scores[:, 1], is_tumour, ~new, new, is_glioma & new),
    )


def tolerance_limit(scores: Floats, sensitivity: float) -> float:
    """Return the largest score that so many of the positives reach, also among new patients, at `CONFIDENCE`.

    It is an order statistic of the positives (Wilks, 1941): if the sensitivity were lower, this many positives would
    have more misses, with probability `CONFIDENCE`.
    """
    ordered = np.sort(scores)
    return float(ordered[max(int(binom.ppf(1 - CONFIDENCE, len(ordered), 1 - sensitivity)) - 1, 0)])


def fit_conformal(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> Conformal:
    """Return, by class, the probability that `COVERAGE` of its pictures reach; 0 if there are too few pictures."""
    least = {}
    for index, finding in enumerate(FINDINGS):
        reached = np.sort(probabilities[truth == index, index])
        misses = int(np.floor((len(reached) + 1) * (1 - COVERAGE)))
        least[finding] = float(np.floor(reached[misses - 1] * 1e4) / 1e4) if misses else 0.0
    return Conformal(coverage=COVERAGE, least=least)


@dataclass(frozen=True)
class _Choice:
    """What an operating point is chosen on; all arrays are ``(pictures,)``.

    Attributes
    ----------
    scores
        A picture with at least the score of the point is called positive.
    positive
        Whether it should be.
    known, new
        Whether the picture counts as one of a known or of a new source.
    new_gliomas
        Whether it is a glioma of a new source.
    """

    scores: NDArray[np.float64]
    positive: NDArray[np.bool_]
    known: NDArray[np.bool_]
    new: NDArray[np.bool_]
    new_gliomas: NDArray[np.bool_]

    def point(self, sensitivity: float, new_sensitivity: float, new_specificity: float) -> float:
        point = tolerance_limit(self.scores[self.known & self.positive], sensitivity)
        if self.new_gliomas.any():
            gliomas = np.sort(self.scores[self.new_gliomas])
            others = np.sort(self.scores[self.new & ~self.positive])
            least = others[min(int(np.ceil(len(others) * new_specificity)), len(others) - 1)] if len(others) else 0.0
            point = min(point, max(gliomas[int(len(gliomas) * (1 - new_sensitivity))], least))
        return float(np.floor(point * 1000) / 1000)

    def note(self, of: str, point: float, sensitivity: float, new_sensitivity: float, new_specificity: float) -> str:
        text = (
            f"Chosen on held-out patients for a sensitivity of {sensitivity:.2f} or more at {CONFIDENCE:.0%} "
            f"confidence. The confidence assumes independent {of}, but those of one patient are correlated. On these "
            f"patients: {self._reached(self.known, point)}."
        )
        if self.new_gliomas.any():
            text += (
                f" On sources that the networks were not trained on, {new_sensitivity:.2f} of the gliomas are to reach "
                f"it, as long as {new_specificity:.2f} of the others stay below; there: "
                f"{self._reached(self.new, point)}."
            )
        return text

    def _reached(self, among: NDArray[np.bool_], point: float) -> str:
        positive, negative = self.scores[among & self.positive], self.scores[among & ~self.positive]
        return (
            f"sensitivity {(positive >= point).mean():.3f}, specificity {(negative < point).mean():.3f} "
            f"({len(positive)} with, {len(negative)} without)"
        )
