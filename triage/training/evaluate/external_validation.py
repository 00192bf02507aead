"""External validation: tumour against no tumour on sources that a network was not trained on.

A shortcut from the source to the label does not help there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.inference.calibration import Calibration
from triage.inference.network import Network
from triage.inference.two_look import NOTUMOR
from triage.learning.measures import auroc
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.data.splits import Sample
from triage.training.evaluate.metrics import (
    BOOTSTRAPS,
    Figure,
    figures_to_json,
    interval,
    mean_of,
    resampled,
    sensitivity_at,
)
from triage.training.evaluate.predictions import Predictions, predictions_of
from triage.training.evaluate.scorer import Scorer, resampling_groups
from triage.training.layouts import FINDINGS, GUARD, Dataset, Item

SPECIFICITY = 0.90


def validate_externally(
    scorer: Scorer,
    network: Network,
    calibration: Calibration,
    dataset: Dataset,
    familiar_within: float,
    draws: int = BOOTSTRAPS,
) -> dict[str, Any]:
    """Evaluate a run on the sources that it was not trained on.

    Parameters
    ----------
    scorer
        A run on some of the data set's sources.
    network
        The serving form of its network.
    calibration
        Fitted on the test fold of the run's own sources.
    dataset
        All sources.
    familiar_within
        Threshold of the out-of-distribution distance.
    draws
        Number of bootstrap draws.

    Returns
    -------
    dict
        ``trained_on`` and ``judged_on``: sources; ``slices``, ``tumours``, ``copies_left_out``: counts; ``figures``:
        ``auroc``, ``sensitivity_at_90_specificity``, and ``sensitivity`` and ``specificity`` at the tumour operating
        point, with intervals by cluster; ``by_source``: the same by source; ``unfamiliar``: share of the slices beyond
        the threshold.
    """
    known = set(scorer.config["sources"])
    samples, copies = unseen_samples(dataset, searched_for_copies(dataset), known)
    predictions = predictions_of(network, dataset.root, samples, 1)
    sources = sorted({item.source for item in predictions.items})
    return {
        "trained_on": sorted(known),
        "judged_on": sources,
        "slices": len(predictions.items),
        "tumours": int((predictions.labels != FINDINGS[NOTUMOR]).sum()),
        "copies_left_out": copies,
        "figures": figures_to_json(_figures(predictions, calibration, draws)),
        "by_source": {
            source: figures_to_json(
                _figures(
                    predictions.of(np.array([item.source == source for item in predictions.items])), calibration, draws
                )
            )
            for source in sources
        },
        "unfamiliar": round(float((predictions.distance > familiar_within).mean()), 4),
    }


def searched_for_copies(dataset: Dataset) -> Dataset:
    """Return the data set with the clusters of our own search for copies, which also finds contrast variants."""
    return with_clusters(replace(dataset, items=tuple(replace(item, cluster=None) for item in dataset.items)))


def unseen_samples(dataset: Dataset, searched: Dataset, known: Collection[str]) -> tuple[list[Sample], int]:
    """Return one picture of each cluster of the other sources, and the number of clusters left out as copies.

    Parameters
    ----------
    dataset
        All sources, with the clusters of their manifest.
    searched
        The same, by `searched_for_copies`. A picture is left out if the clusters of either link it to a picture of a
        known source.
    known
        The sources that the network was trained on.
    """
    linked = _linked(dataset.items, known) | _linked(searched.items, known)
    new = [item for item in dataset.items if item.source not in known and item.fold != GUARD]
    kept, _ = one_per_cluster(item for item in new if item.name not in linked)
    without_copies = len({item.cluster for item in new})
    return [Sample(item) for item in kept], without_copies - len(kept)


def _linked(items: Sequence[Item], known: Collection[str]) -> set[str]:
    clusters = {item.cluster for item in items if item.source in known}
    return {item.name for item in items if item.cluster in clusters}


def _figures(predictions: Predictions, calibration: Calibration, draws: int) -> dict[str, Figure]:
    scores = 1 - calibration.fusion.probabilities(predictions.first, predictions.second)[:, NOTUMOR]
    tumour = np.asarray(predictions.labels != FINDINGS[NOTUMOR])
    called = scores >= calibration.points.tumour
    groups, _ = resampling_groups(predictions.items)
    picked = resampled(groups, 0, draws)

    def sensitivity(some: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
        return sensitivity_at(some, positive, SPECIFICITY)

    figures = {
        name: Figure(metric(scores, tumour), *interval([metric(scores[index], tumour[index]) for index in picked]))
        for name, metric in (("auroc", auroc), ("sensitivity_at_90_specificity", sensitivity))
    }
    return figures | {
        "sensitivity": mean_of(np.where(tumour, called.astype(np.float64), np.nan), picked),
        "specificity": mean_of(np.where(~tumour, (~called).astype(np.float64), np.nan), picked),
    }
