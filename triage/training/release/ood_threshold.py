"""The threshold of the distance from the training data, from which on a slice is unusual.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triage.training.evaluate.predictions import Predictions

#: Smallest share of the held-out pictures of each source within the threshold.
ACCEPTED_SHARE = 0.99
#: Sources with fewer pictures are ignored: their share would depend on single pictures.
MIN_PICTURES = 100


def familiar_within(predictions: Predictions) -> float:
    """Return the threshold of the distance that accepts `ACCEPTED_SHARE` of every source with enough pictures."""
    limits = [
        np.quantile(distances, ACCEPTED_SHARE, method="higher")
        for distances in (predictions.distance[_of(predictions, source)] for source in _sources(predictions))
        if len(distances) >= MIN_PICTURES
    ]
    return float(
        np.ceil(max(limits or [np.quantile(predictions.distance, ACCEPTED_SHARE, method="higher")]) * 1000) / 1000
    )


def _sources(predictions: Predictions) -> list[str]:
    return sorted({item.source for item in predictions.items})


def _of(predictions: Predictions, source: str) -> NDArray[np.bool_]:
    return np.array([item.source == source for item in predictions.items])
