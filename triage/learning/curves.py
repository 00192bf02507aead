"""ROC curve and reliability of P(glioma) on the site's own signed studies, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.insights import RESAMPLES, Estimate, Share, never_certain, share
from triage.records.answers import Answer

#: Bins of the reliability diagram.
BINS = 10


@dataclass(frozen=True, slots=True)
class Roc:
    """A ROC curve of glioma against everything else.

    Attributes
    ----------
    false_alarms, sensitivity
        The corners of the curve, from (0, 0) to (1, 1).
    auroc
        Area under it, with its 95 % bootstrap interval over patients; see `never_certain` where all are told apart.
    gliomas, others
        Number of studies.
    """

    false_alarms: tuple[float, ...]
    sensitivity: tuple[float, ...]
    auroc: Estimate
    gliomas: int
    others: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Studies with about the same P(glioma): its mean, and how many of them were signed as glioma."""

    stated: float
    found: Share


def roc(answers: Sequence[Answer]) -> Roc | None:
    """Return the ROC curve; None without studies of both kinds."""
    scores, truths = _arrays(answers)
    if truths.all() or not truths.any():
        return None
    order = np.argsort(-scores, kind="stable")
    scores, sorted_truths = scores[order], truths[order]
    last = np.append(np.diff(scores) != 0, True)  # a corner after the last study of a score
    hits, alarms = np.cumsum(sorted_truths)[last], np.cumsum(~sorted_truths)[last]
    gliomas, others = int(truths.sum()), int((~truths).sum())
    return Roc(
        false_alarms=(0.0, *(alarms / others).tolist()),
        sensitivity=(0.0, *(hits / gliomas).tolist()),
        auroc=_auroc_with_interval(answers),
        gliomas=gliomas,
        others=others,
    )


def reliability(answers: Sequence[Answer]) -> tuple[Bin, ...]:
    """Return how often studies with about the same P(glioma) were gliomas, in equal bins; empty bins are left out."""
    scores, truths = _arrays(answers)
    at = np.minimum((scores * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(float(scores[at == one].mean()), share(int(truths[at == one].sum()), int((at == one).sum())))
        for one in range(BINS)
        if (at == one).any()
    )


def _auroc_with_interval(answers: Sequence[Answer]) -> Estimate:
    scores, truths = _arrays(answers)
    rng = np.random.default_rng(0)
    of_patient: dict[str, list[int]] = {}
    for number, one in enumerate(answers):
        of_patient.setdefault(one.patient, []).append(number)
    groups = [np.array(some) for some in of_patient.values()]
    drawn = []
    for _ in range(RESAMPLES):
        some = np.concatenate([groups[one] for one in rng.integers(len(groups), size=len(groups))])
        if 0 < truths[some].sum() < len(some):
            drawn.append(_auroc(scores[some], truths[some]))
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
    found = Estimate(_auroc(scores, truths), float(low), float(high))
    return never_certain(found, int(min(truths.sum(), (~truths).sum())))


def _auroc(scores: NDArray[np.float64], truths: NDArray[np.bool_]) -> float:
    """Return the share of pairs of a glioma and another study in which the glioma has the higher score."""
    _, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    gliomas, others = int(truths.sum()), int((~truths).sum())
    return float((middle[ranks][truths].sum() - gliomas * (gliomas + 1) / 2) / (gliomas * others))


def _arrays(answers: Sequence[Answer]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    scores = np.array([one.probabilities[Finding.GLIOMA] for one in answers], np.float64)
    return scores, np.array([one.called is Finding.GLIOMA for one in answers], np.bool_)
