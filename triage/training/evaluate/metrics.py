"""Metrics of a classifier, and their bootstrap intervals by resampling patients or clusters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from triage.learning.measures import auroc, calibration_error

BOOTSTRAPS = 1000
Probabilities = NDArray[np.float64]
Truth = NDArray[np.int64]
Metric = Callable[[Probabilities, Truth], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def format_figure(row: Mapping[str, float | None]) -> str:
    """Return a figure of the card as text; a figure without a value could not be measured."""
    return "not measurable" if row["value"] is None else str(Figure(**row))  # type: ignore[arg-type]


def metrics_for(classes: Sequence[str]) -> dict[str, Metric]:
    """Return every metric by name.

    Parameters
    ----------
    classes
        Names in the order of the network's outputs.

    Returns
    -------
    dict
        Functions of probabilities ``(examples, classes)`` and class indices ``(examples,)``: accuracy; precision,
        recall, F1, AUROC against the rest and sensitivity at 95 % specificity of each class; expected calibration
        error; Brier score. They return nan if the examples do not define the metric.
    """
    metrics: dict[str, Metric] = {"accuracy": _accuracy}
    for kind, make in PER_CLASS.items():
        metrics |= {f"{kind}_{name}": make(index) for index, name in enumerate(classes)}
    return metrics | {"ece": calibration_error, "brier": _brier}


def with_intervals(
    metrics: Mapping[str, Metric],
    probabilities: Probabilities,
    truth: Truth,
    groups: Sequence[object],
    seed: int = 0,
    draws: int = BOOTSTRAPS,
) -> dict[str, Figure]:
    """Return every metric with its 95 % bootstrap interval; whole groups are resampled, so copies do not narrow it.

    Parameters
    ----------
    metrics
        Functions by name.
    probabilities, truth
        ``(examples, classes)`` and ``(examples,)``.
    groups
        The patient or the cluster of each example.
    seed, draws
        Seed and number of the bootstrap draws.
    """
    samples = list(resampled(groups, seed, draws))
    result = {}
    for name, metric in metrics.items():
        values = [metric(probabilities[sample], truth[sample]) for sample in samples]
        result[name] = Figure(metric(probabilities, truth), *interval(values))
    return result


def resampled(groups: Sequence[object], seed: int, draws: int) -> list[NDArray[np.intp]]:
    """Return `draws` bootstrap samples of positions; whole groups are drawn with replacement."""
    numbers = np.unique(np.array([str(group) for group in groups]), return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    rng = np.random.default_rng(seed)
    return [np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]) for _ in range(draws)]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile; draws that are nan are ignored."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = np.nanpercentile(np.asarray(values, np.float64), [2.5, 97.5])
    return float(low), float(high)


def mean_of(values: NDArray[np.float64], picked: Sequence[NDArray[np.intp]]) -> Figure:
    """Return the mean of the values that are not nan, with its interval over bootstrap samples of `resampled`."""

    def mean(some: NDArray[np.float64]) -> float:
        known = some[~np.isnan(some)]
        return float(known.mean()) if len(known) else float("nan")

    return Figure(mean(values), *interval([mean(values[index]) for index in picked]))


def share_among(held: NDArray[np.bool_], among: NDArray[np.bool_], picked: Sequence[NDArray[np.intp]]) -> Figure:
    """Return the share of those `among` which holds, with its interval over bootstrap samples of `resampled`."""
    return mean_of(np.where(among, held.astype(np.float64), np.nan), picked)


def figures_to_json(figures: Mapping[str, Figure]) -> dict[str, dict[str, float | None]]:
    """Return figures for JSON; None for values that could not be measured."""
    return {
        name: {key: None if np.isnan(value) else round(value, 6) for key, value in asdict(figure).items()}
        for name, figure in figures.items()
    }


def confusion_of(probabilities: Probabilities, truth: Truth) -> NDArray[np.int64]:
    """Return counts ``(classes, classes)``, with the true class by row and the predicted class by column."""
    table = np.zeros((probabilities.shape[1],) * 2, np.int64)
    np.add.at(table, (truth, probabilities.argmax(axis=1)), 1)
    return table


def sensitivity_at(scores: NDArray[np.floating], positive: NDArray[np.bool_], specificity: float = 0.95) -> float:
    """Return the largest sensitivity among thresholds on these scores with at least the given specificity."""
    if positive.all() or not positive.any():
        return float("nan")
    negatives = np.sort(scores[~positive])
    # A score above the threshold is positive, so this many negatives must be at or below it.
    true_negatives = int(np.ceil(specificity * len(negatives)))
    return float((scores[positive] > negatives[true_negatives - 1]).mean())


def _accuracy(probabilities: Probabilities, truth: Truth) -> float:
    return float((probabilities.argmax(axis=1) == truth).mean())


def _brier(probabilities: Probabilities, truth: Truth) -> float:
    return float(((probabilities - np.eye(probabilities.shape[1])[truth]) ** 2).sum(axis=1).mean())


def share_called(true: int, called: int) -> Metric:
    """Return the metric "share of class `true` that is predicted as `called`", a cell of the confusion matrix."""

    def share(probabilities: Probabilities, truth: Truth) -> float:
        return _share(probabilities.argmax(axis=1)[truth == true] == called)

    return share


def _recall(index: int) -> Metric:
    return share_called(index, index)


def _precision(index: int) -> Metric:
    def precision(probabilities: Probabilities, truth: Truth) -> float:
        return _share(truth[probabilities.argmax(axis=1) == index] == index)

    return precision


def _f1(index: int) -> Metric:
    def f1(probabilities: Probabilities, truth: Truth) -> float:
        called, mine = probabilities.argmax(axis=1) == index, truth == index
        total = int(called.sum() + mine.sum())
        return float(2 * (called & mine).sum() / total) if total else float("nan")

    return f1


def _auroc(index: int) -> Metric:
    return lambda probabilities, truth: auroc(probabilities[:, index], truth == index)


def _sensitivity(index: int) -> Metric:
    return lambda probabilities, truth: sensitivity_at(probabilities[:, index], truth == index)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


PER_CLASS: dict[str, Callable[[int], Metric]] = {
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "auroc": _auroc,
    "sensitivity_at_95_specificity": _sensitivity,
}
