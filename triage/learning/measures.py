"""Two measures of a classifier that training and the judgement of a candidate share.

Tested in tests/training/evaluate/test_metrics.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, as the Mann-Whitney statistic; ties count half."""
    with_it = int(positive.sum())
    without = len(positive) - with_it
    if not with_it or not without:
        return float("nan")
    ranks = rankdata(scores)[positive].sum()
    return float((ranks - with_it * (with_it + 1) / 2) / (with_it * without))


def calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.int64], bins: int = 15) -> float:
    """Expected calibration error of the predicted class (Naeini et al., AAAI 2015), equal-width bins."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(correct[index == b].mean() - confidence[index == b].mean()) * (index == b).mean() for b in np.unique(index)
    ]
    return float(sum(gaps))
