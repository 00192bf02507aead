"""Fit the gate that tells brain MRI from everything else, and measure it with each source left out once.

A source that the gate has seen says little about one that it has not: pictures of one scanner or one collection are
alike. So the threshold, and every figure, come from decision values of gates fitted without the picture's source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from sklearn.svm import SVC

from triage.inference.brain_gate import BrainGate

#: Share of the brains that the gate may refuse, with their source left out.
REFUSED_SHARE = 0.005
#: Penalty of the support vector machine, and the factor of its kernel times the number of features. Of 0.5, 1 and
#: 2, the factor 1 let the fewest strangers pass (docs/model-log.md); other penalties were not tried.
PENALTY = 3.0
GAMMA = 1.0
#: Sources of the web whose "no tumour" pictures are partly CT.
PARTLY_CT = frozenset({"sartaj", "br35h", "navoneel"})
#: A picture of these sources with a lower decision value, of a gate fitted without them, counts as no brain MRI.
CT_BELOW = 0.2

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Examples:
    """Pictures to fit a gate on.

    Attributes
    ----------
    features
        ``(pictures, features)``, as the network that serves has them.
    brain
        ``(pictures,)``: whether the label says brain MRI.
    sources
        ``(pictures,)``: names of the sources.
    """

    features: Floats
    brain: NDArray[np.bool_]
    sources: NDArray[np.str_]

    def of(self, chosen: NDArray[np.bool_]) -> Examples:
        """Return the pictures selected by the mask ``(pictures,)``."""
        return Examples(self.features[chosen], self.brain[chosen], self.sources[chosen])


def fit_gate(examples: Examples) -> tuple[BrainGate, dict[str, Any]]:
    """Fit a gate on all pictures, with a threshold from gates that left the source of each picture out.

    Returns
    -------
    gate
        Fitted on all pictures.
    report
        ``refused``: share of the brains of each source that a gate without this source refuses; ``passed``: share of
        the other pictures of each source that it lets pass; ``counted_as_ct``: pictures of `PARTLY_CT` by source.
    """
    known = _without_ct(examples)
    decisions = _left_out(known)
    least = float(np.floor(np.quantile(decisions[known.brain], REFUSED_SHARE) * 1e4) / 1e4)
    gate = replace(_fit(known), least=least)
    moved = examples.brain & ~known.brain
    return gate, {
        "vectors": len(gate.vectors),
        "refused": _shares(known, known.brain, decisions < least),
        "passed": _shares(known, ~known.brain, decisions >= least),
        "counted_as_ct": {
            str(source): int((moved & (known.sources == source)).sum()) for source in np.unique(known.sources[moved])
        },
    }


def _without_ct(examples: Examples) -> Examples:
    """Return the pictures; those of `PARTLY_CT` that look like CT to a gate fitted on the others are no brains."""
    doubtful = np.isin(examples.sources, list(PARTLY_CT))
    if not doubtful.any() or len(set(examples.brain[~doubtful])) < 2:
        return examples
    judged = _decisions(_fit(examples.of(~doubtful)), examples.features)
    return replace(examples, brain=examples.brain & ~(doubtful & (judged < CT_BELOW)))


def _left_out(examples: Examples) -> Floats:
    """Return ``(pictures,)``: the decision value of a gate fitted without the source of the picture."""
    decisions = np.full(len(examples.brain), np.nan, np.float32)
    for source in track(sorted(set(examples.sources)), "Fitting the gate without each source", transient=True):
        own = examples.sources == source
        decisions[own] = _decisions(_fit(examples.of(~own)), examples.features[own])
    return decisions


def _fit(examples: Examples) -> BrainGate:
    mean, scale = examples.features.mean(axis=0), examples.features.std(axis=0) + 1e-6
    gamma = GAMMA / examples.features.shape[1]
    machine = SVC(C=PENALTY, gamma=gamma)
    machine.fit((examples.features - mean) / scale, examples.brain, sample_weight=_weights(examples))
    return BrainGate(
        mean,
        scale,
        machine.support_vectors_.astype(np.float32),
        machine.dual_coef_[0].astype(np.float32),
        float(machine.intercept_[0]),
        gamma,
        0.0,
    )


def _weights(examples: Examples) -> NDArray[np.float64]:
    """Return the weight of each picture: both sides weigh the same, and a source as the root of its size."""
    weights = np.zeros(len(examples.brain))
    for side in (examples.brain, ~examples.brain):
        for source in set(examples.sources[side]):
            own = side & (examples.sources == source)
            weights[own] = 1 / np.sqrt(own.sum())
        weights[side] /= weights[side].sum()
    return weights * len(weights) / 2


def _decisions(gate: BrainGate, features: Floats) -> Floats:
    return np.array([gate.decision(row) for row in features], np.float32)


def _shares(examples: Examples, among: NDArray[np.bool_], hits: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Return, by source, how many of the pictures are hits, and how many there are."""
    return {
        str(source): [int((hits & among & (examples.sources == source)).sum()), int(own.sum())]
        for source in np.unique(examples.sources[among])
        for own in [among & (examples.sources == source)]
    }
