"""The calibration of a candidate: what the site shows and what its parent knew; with few patients the parent's wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, OperatingPoints
from triage.inference.calibration import Calibration, Conformal
from triage.inference.card import Card
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.evaluate.series import label_of, series_of, windows_of
from triage.training.layouts import FINDINGS, Item
from triage.training.release.calibration import (
    CONFIDENCE,
    GLIOMA_SENSITIVITY,
    NEW_GLIOMA_SPECIFICITY,
    NEW_TUMOUR_SPECIFICITY,
    TUMOUR_SENSITIVITY,
    fit_conformal,
    fit_fusion_near,
    tolerance_limit,
)

#: An operating point of the parent counts as much as one of so many patients of the site.
PARENT_COUNTS = 60
#: All pictures of the training set together count as much in the fusion as so many of the site.
OLD_COUNTS = 1000
#: So many patients of a class on the site have a say in its threshold of the prediction sets.
WITH_A_SAY = 10
#: Share of the site's slices of other classes whose set is to be without a class, whatever the site wants.
LEFT_OUT = 0.60
#: Slices of one patient that count in full.
OF_A_PATIENT = 2
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Known:
    """What the parent knew: both networks on slices of the training set.

    Attributes
    ----------
    first, second
        ``(slices, classes)``: log-probabilities of both looks of the candidate.
    answers
        ``(slices, classes)``: probabilities of the parent.
    """

    first: Floats
    second: Floats
    answers: Floats


def recalibrate(
    parent: Card, first: Floats, second: Floats, items: Sequence[Item], trust: Floats, known: Known | None
) -> Calibration:
    """Return the calibration of a candidate.

    The fusion starts from that of the parent, and follows the labels of the site and the parent's answers on its own
    training set: so a probability means what it meant before. On this scale the thresholds of the parent hold. An
    operating point, and a threshold of the prediction sets, is lowered where enough patients of the site need it, and
    never raised.

    Parameters
    ----------
    parent
        Card of the model that serves.
    first, second
        ``(slices, classes)``: log-probabilities of the candidate on the validation part of the site.
    items
        These slices.
    trust
        ``(slices,)``: weights of their labels.
    known
        The same on the training set; None if nothing of it is at hand.
    """
    labels = np.array([FINDINGS.index(Finding(item.label)) for item in items], np.int64)
    patients = np.array([str(item.patient) for item in items])
    wanted = np.eye(len(FINDINGS))[labels] * (trust * _shares(labels, patients))[:, None]
    looks: list[tuple[Floats, Floats, Floats]] = [(first, second, wanted)]
    if known is not None:
        looks.append((known.first, known.second, known.answers * (OLD_COUNTS / len(known.answers))))
    fusion = fit_fusion_near(parent.fusion, *(np.concatenate(column) for column in zip(*looks, strict=True)))
    probabilities = fusion.probabilities(first, second)
    scores = np.column_stack([probabilities[:, GLIOMA], 1 - probabilities[:, NOTUMOR]])
    single, of_single = _lowered_points(
        parent.operating_points, scores, np.array([str(item.label) for item in items], np.str_), patients
    )
    window, of_windows = _window_points(parent, single, probabilities, items)
    return Calibration(
        fusion,
        single,
        of_single | {f"window_{name}": said for name, said in of_windows.items()},
        _conformal(parent.conformal, probabilities, labels, patients),
        window,
    )


def _window_points(
    parent: Card, single: OperatingPoints, probabilities: Floats, items: Sequence[Item]
) -> tuple[OperatingPoints | None, dict[str, str]]:
    """Return the operating points of windows, never below those of a slice, and how they were chosen."""
    if parent.window_points is None:
        return None, {}
    series = series_of(items, [None] * len(items))
    labels = np.array([label_of([items[at] for at in slices]) for slices in series], np.str_)
    patients = np.array([str(items[slices[0]].patient) for slices in series], np.str_)
    points, said = _lowered_points(parent.window_points, windows_of(probabilities, series), labels, patients)
    return OperatingPoints(max(points.glioma, single.glioma), max(points.tumour, single.tumour)), said


def _lowered_points(
    before: OperatingPoints, scores: Floats, labels: NDArray[np.str_], patients: NDArray[np.str_]
) -> tuple[OperatingPoints, dict[str, str]]:
    """Return the operating points, and how each was chosen, from P(glioma) and P(tumour) of slices or series."""
    of_gliomas = _Evidence(scores[:, 0], labels == FINDINGS[GLIOMA], patients)
    of_tumours = _Evidence(scores[:, 1], labels != FINDINGS[NOTUMOR], patients)
    glioma, of_glioma = _lowered(before.glioma, of_gliomas, GLIOMA_SENSITIVITY, NEW_GLIOMA_SPECIFICITY)
    tumour, of_tumour = _lowered(before.tumour, of_tumours, TUMOUR_SENSITIVITY, NEW_TUMOUR_SPECIFICITY)
    return OperatingPoints(glioma, tumour), {"glioma": of_glioma, "tumour": of_tumour}


@dataclass(frozen=True)
class _Evidence:
    """Scores of the site; whether each slice or series is to reach the point; its patient."""

    scores: Floats
    positive: NDArray[np.bool_]
    patients: NDArray[np.str_]


def _lowered(before: float, site: _Evidence, sensitivity: float, specificity: float) -> tuple[float, str]:
    """Return an operating point, and how it was chosen."""
    patients = len(set(site.patients[site.positive]))
    needed = int(np.ceil(np.log(1 - CONFIDENCE) / np.log(sensitivity)))
    kept = f"The parent's, {before}"
    if patients < needed:
        return before, f"{kept}: {needed} patients of the site could say more, its validation part has {patients}."
    wanted = _towards(before, tolerance_limit(site.scores[site.positive], sensitivity), patients)
    others = np.sort(site.scores[~site.positive])
    if len(others):
        wanted = max(wanted, float(others[min(int(np.ceil(len(others) * specificity)), len(others) - 1)]))
    chosen = float(np.floor(min(before, wanted) * 1000) / 1000)
    if chosen >= before:
        return before, f"{kept}: {patients} patients of the site's validation part need no lower one."
    return chosen, (
        f"Lowered from the parent's {before} for a sensitivity of {sensitivity:.2f} at {CONFIDENCE:.0%} confidence "
        f"among {patients} patients of the site's validation part; the parent's counts as {PARENT_COUNTS} patients."
    )


def _conformal(
    before: Conformal, probabilities: Floats, labels: NDArray[np.int64], patients: NDArray[np.str_]
) -> Conformal:
    """Return the thresholds of the prediction sets: of a class with enough patients, the lower of both.

    Each of the two holds its promise where it was fitted, so the lower one holds it on the site and elsewhere; the
    price is larger sets. A wrong label makes them larger too, so a threshold falls no further than where `LEFT_OUT` of
    the slices of other classes are still without the class: a study whose set holds glioma is not ROUTINE.
    """
    own = fit_conformal(np.asarray(probabilities, np.float64), labels)
    least = {}
    for index, finding in enumerate(FINDINGS):
        own_slices = labels == index
        # One wrong label among fewer patients, or no expected miss among the slices, puts the class into every set.
        heard = len(set(patients[own_slices])) >= WITH_A_SAY and (own_slices.sum() + 1) * (1 - own.coverage) >= 1
        others = probabilities[~own_slices, index]
        lowest = float(np.quantile(others, LEFT_OUT)) if len(others) else 0.0
        wanted = max(own.least[finding], float(np.floor(lowest * 1e4) / 1e4))
        least[finding] = min(before.least[finding], wanted) if heard else before.least[finding]
    return Conformal(coverage=before.coverage, least=least)


def _towards(before: float, own: float, patients: int) -> float:
    """Return the mean of both in log-odds, the parent's counting as `PARENT_COUNTS` patients."""
    both = np.clip([before, own], 1e-4, 1 - 1e-4)
    mean = np.average(np.log(both / (1 - both)), weights=[PARENT_COUNTS, patients])
    return float(1 / (1 + np.exp(-mean)))


def _shares(labels: NDArray[np.int64], patients: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the weight of each slice: those of one patient and class count like `OF_A_PATIENT` at most."""
    keys = list(zip(labels.tolist(), patients.tolist(), strict=True))
    counts = Counter(keys)
    return np.array([min(OF_A_PATIENT / counts[key], 1.0) for key in keys])
