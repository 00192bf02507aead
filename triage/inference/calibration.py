"""Logits to probabilities that mean what they say, and probabilities to operating points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities along the last axis; `temperature` as fitted on held-out patients (Guo et al., ICML 2017)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponent = np.exp(scaled)
    probabilities: NDArray[np.float64] = exponent / exponent.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Logarithms of the probabilities along the last axis: logits that can be averaged between looks."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    answer: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return answer
