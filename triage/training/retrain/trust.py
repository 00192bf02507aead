"""How much the label of a slice counts: by how many readers agree, and by how much the networks contradict it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.training.fit.recipe import Retraining
from triage.training.layouts import FINDINGS
from triage.training.retrain.site import SiteSlice

Floats = NDArray[np.floating]
#: From this probability of another class on, a network contradicts a label.
SURE = 0.9
#: The same for the network that has been trained on the label for half of the epochs.
STILL_SURE = 0.8


def trust_of(slices: Sequence[SiteSlice], answers: Floats, recipe: Retraining) -> NDArray[np.float32]:
    """Return the weight of each label at the start, ``(slices,)``, 0 to 1.

    Parameters
    ----------
    slices
        The slices.
    answers
        ``(slices, classes)``: probabilities of the model that serves.
    recipe
        The weights.
    """
    single = ~agreed_by_two(slices)
    weights = np.where(single, recipe.one_reader, 1.0)
    return np.where(single & contradicted(slices, answers, SURE), weights * recipe.surprising, weights).astype(
        np.float32
    )


def doubt(
    trust: NDArray[np.float32], slices: Sequence[SiteSlice], answers: Floats, recipe: Retraining
) -> NDArray[np.float32]:
    """Return the weights after half of the epochs: less for what the network still contradicts.

    Networks fit what fits together before they memorise single labels (Arpit et al., ICML 2017), so a label with a high
    loss at that time is likely to be wrong. Two readers who agree are believed nevertheless.
    """
    doubted = ~agreed_by_two(slices) & contradicted(slices, answers, STILL_SURE)
    return np.where(doubted, trust * np.float32(recipe.doubted), trust)


def agreed_by_two(slices: Sequence[SiteSlice]) -> NDArray[np.bool_]:
    """Return for each slice whether two readers agree on its label."""
    return np.array([one.readers >= 2 for one in slices], np.bool_)


def contradicted(slices: Sequence[SiteSlice], answers: Floats, sure: float) -> NDArray[np.bool_]:
    """Return for each slice whether another class than its label is at least so probable."""
    labels = np.array([FINDINGS.index(Finding(one.item.label)) for one in slices], np.int64)
    likeliest = answers.argmax(axis=1)
    return np.asarray((likeliest != labels) & (answers.max(axis=1) >= sure))
