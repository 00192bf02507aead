"""Figures that can be believed: on folds that were not trained on, each with an interval by cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from triage.domain import Finding
from triage.inference.calibration import softmax
from triage.training.manifest import FINDINGS, Example

GLIOMA, NOTUMOR = FINDINGS.index(Finding.GLIOMA), FINDINGS.index(Finding.NOTUMOR)
BOOTSTRAPS = 1000

Probabilities = NDArray[np.float64]
Truth = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def truth_of(examples: Sequence[Example]) -> Truth:
    """Class index of each typed example."""
    return np.array([FINDINGS.index(Finding(example.label)) for example in examples])


def summarise(logits: NDArray[np.float32], examples: Sequence[Example]) -> dict[str, float]:
    """Return the point figures that are watched during training."""
    return {name: float(metric(softmax(logits), truth_of(examples))) for name, metric in METRICS.items()}


def figures(probabilities: Probabilities, examples: Sequence[Example], seed: int = 0) -> dict[str, Figure]:
    """Every figure with its interval, resampling whole clusters, so that copies never count as evidence.

    Parameters
    ----------
    probabilities
        ``(examples, 4)``.
    examples
        Typed examples in the same order.
    seed
        Of the bootstrap.

    Returns
    -------
    dict
        `Figure` by name: accuracy, recall of each class, AUROC of each class against the rest (of "no tumour": tumour
        against none), expected calibration error, Brier score.
    """
    truth = truth_of(examples)
    clusters = np.array([example.cluster for example in examples])
    members = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    rng = np.random.default_rng(seed)
    draws = [
        np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]) for _ in range(BOOTSTRAPS)
    ]
    result = {}
    for name, metric in METRICS.items():
        values = [metric(probabilities[draw], truth[draw]) for draw in draws]
        low, high = np.nanpercentile(values, [2.5, 97.5])
        result[name] = Figure(float(metric(probabilities, truth)), float(low), float(high))
    return result


def confusion(probabilities: Probabilities, truth: Truth) -> NDArray[np.int64]:
    """``(4, 4)`` counts, true class by row, predicted class by column."""
    table = np.zeros((len(FINDINGS), len(FINDINGS)), np.int64)
    np.add.at(table, (truth, probabilities.argmax(axis=1)), 1)
    return table


def calibration_error(probabilities: Probabilities, truth: Truth, bins: int = 15) -> float:
    """Expected calibration error of the predicted class (Naeini et al., AAAI 2015), equal-width bins."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(correct[index == b].mean() - confidence[index == b].mean()) * (index == b).mean() for b in np.unique(index)
    ]
    return float(sum(gaps))


def _accuracy(probabilities: Probabilities, truth: Truth) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


def _brier(probabilities: Probabilities, truth: Truth) -> float:
    return float(((probabilities - np.eye(len(FINDINGS))[truth]) ** 2).sum(axis=1).mean())


def _recall(index: int) -> Callable[[Probabilities, Truth], float]:
    def recall(probabilities: Probabilities, truth: Truth) -> float:
        mine = truth == index
        return float((probabilities[mine].argmax(axis=1) == index).mean()) if mine.any() else float("nan")

    return recall


def _auroc(index: int) -> Callable[[Probabilities, Truth], float]:
    def auroc(probabilities: Probabilities, truth: Truth) -> float:
        mine = truth == index
        if mine.all() or not mine.any():
            return float("nan")
        return float(roc_auc_score(mine, probabilities[:, index]))

    return auroc


METRICS: dict[str, Callable[[Probabilities, Truth], float]] = {
    "accuracy": _accuracy,
    **{f"recall_{finding}": _recall(index) for index, finding in enumerate(FINDINGS)},
    **{f"auroc_{finding}": _auroc(index) for index, finding in enumerate(FINDINGS)},
    "ece": calibration_error,
    "brier": _brier,
}
