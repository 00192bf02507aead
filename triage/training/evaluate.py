"""Figures that can be believed: on folds that were not trained on, each with an interval by cluster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.calibration import softmax
from triage.training.manifest import FINDINGS, Example
from triage.training.metrics import (
    Figure,
    Metric,
    Probabilities,
    Truth,
    calibration_error,
    metrics_for,
    with_intervals,
)
from triage.training.metrics import confusion_of as confusion

__all__ = [
    "GLIOMA",
    "METRICS",
    "NOTUMOR",
    "Figure",
    "calibration_error",
    "confusion",
    "figures",
    "summarise",
    "truth_of",
]

GLIOMA, NOTUMOR = FINDINGS.index(Finding.GLIOMA), FINDINGS.index(Finding.NOTUMOR)
METRICS: dict[str, Metric] = metrics_for([finding.value for finding in FINDINGS])


def truth_of(examples: Sequence[Example]) -> Truth:
    """Class index of each typed example."""
    return np.array([FINDINGS.index(Finding(example.label)) for example in examples])


def summarise(logits: NDArray[np.float32], examples: Sequence[Example]) -> dict[str, float]:
    """Return the point figures that are watched during training."""
    return {name: metric(softmax(logits), truth_of(examples)) for name, metric in METRICS.items()}


def figures(probabilities: Probabilities, examples: Sequence[Example], seed: int = 0) -> dict[str, Figure]:
    """Every figure of `METRICS` with its interval by cluster.

    Parameters
    ----------
    probabilities
        ``(examples, 4)``.
    examples
        Typed examples in the same order.
    seed
        Of the bootstrap.
    """
    clusters = [example.cluster for example in examples]
    return with_intervals(METRICS, probabilities, truth_of(examples), clusters, seed)
