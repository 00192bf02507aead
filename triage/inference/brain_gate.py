"""Tell brain MRI from everything else, by the features that the network has of a slice.

The features are those of the middle of the network, which represent textures and shapes; its last features keep only
what separates the classes and do not tell a heart from a head. The decision function is that of a support vector
machine with a Gaussian kernel (Cortes & Vapnik, Machine Learning 1995), fitted in
`triage.training.release.fit_gate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.inference.arrays import Arrays, read_arrays

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BrainGate:
    """The gate of a model.

    Attributes
    ----------
    mean, scale
        ``(features,)``: what is subtracted from the features, and what they are then divided by.
    vectors, weights
        ``(vectors, features)`` and ``(vectors,)``: support vectors and their weights.
    bias, gamma
        Bias of the decision function, and the factor in the exponent of the kernel.
    least
        The lowest decision value at which a slice passes.
    """

    mean: Floats
    scale: Floats
    vectors: Floats
    weights: Floats
    bias: float
    gamma: float
    least: float

    def decision(self, features: Floats) -> float:
        """Return the decision value of the features ``(features,)`` of a slice: the higher, the more like a brain.

        A gate of an earlier release knows the coarsest ones only, which are the last.
        """
        apart = self.vectors - (features[-len(self.mean) :] - self.mean) / self.scale
        near = np.exp(-self.gamma * np.einsum("vf,vf->v", apart, apart))
        return float(near @ self.weights) + self.bias

    def passes(self, features: Floats) -> bool:
        """Return whether a slice with the features ``(features,)`` is brain MRI."""
        return self.decision(features) >= self.least

    def save(self, path: Path) -> None:
        """Write the gate as ``.npz``."""
        np.savez_compressed(path, **{name: getattr(self, name) for name in self.__slots__})


def load_gate(path: Path) -> BrainGate:
    """Read a gate.

    Raises
    ------
    ModelError
        If the file is missing or no gate.
    """
    return read_arrays(path, _gate, f"{path} is missing or no gate. Restore the model folder from the release.")


def _gate(arrays: Arrays) -> BrainGate:
    mean, scale, vectors, weights = (
        arrays[name].astype(np.float32) for name in ("mean", "scale", "vectors", "weights")
    )
    bias, gamma, least = (float(arrays[name]) for name in ("bias", "gamma", "least"))
    return BrainGate(mean, scale, vectors, weights, bias, gamma, least)
