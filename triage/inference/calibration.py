"""What two looks say together: probabilities that mean what they say, and the classes that cannot be ruled out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.domain import Finding, OperatingPoints

Floats = NDArray[np.floating]


class Fusion(BaseModel):
    """Multinomial logistic regression on the log-probabilities of both looks, fitted on patients never trained on.

    It weighs the looks, class by class, and calibrates in one: a temperature (Guo et al., ICML 2017) and matrix scaling
    of a single look are special cases.

    Attributes
    ----------
    first, second
        Weights of either look, a row for each class of the answer.
    bias
        By class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: tuple[tuple[float, ...], ...]
    second: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def probabilities(self, first: Floats, second: Floats) -> NDArray[np.float64]:
        """Return ``(slices, classes)`` from the log-probabilities ``(slices, classes)`` of either look."""
        return softmax(first @ np.array(self.first).T + second @ np.array(self.second).T + np.array(self.bias))


class Conformal(BaseModel):
    """Thresholds of the prediction sets, see `prediction_set`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverage: float
    least: dict[Finding, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that serves beside the weights, learnt on patients that they were not trained on.

    Attributes
    ----------
    threshold_notes
        By operating point: how it was chosen and what it costs, in words.
    """

    fusion: Fusion
    points: OperatingPoints
    threshold_notes: dict[str, str]
    conformal: Conformal


def equal_fusion(classes: int) -> Fusion:
    """Return the fusion of a network that is not calibrated: the mean of both looks' log-probabilities."""
    half = tuple(map(tuple, (np.eye(classes) / 2).tolist()))
    return Fusion(first=half, second=half, bias=(0.0,) * classes)


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities along the last axis; `temperature` as fitted on held-out patients (Guo et al., ICML 2017)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponent = np.exp(scaled)
    probabilities: NDArray[np.float64] = exponent / exponent.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: Floats) -> NDArray[np.float32]:
    """Logarithms of the probabilities along the last axis: logits that can be averaged between looks."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    answer: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return answer


def prediction_set(probabilities: Mapping[Finding, float], least: Mapping[Finding, float]) -> tuple[Finding, ...]:
    """Return the classes that cannot be ruled out: the likeliest, and all that reach their threshold.

    Parameters
    ----------
    probabilities
        Calibrated, by class.
    least
        Of each class, the probability that 95 of 100 held-out slices of that class reach (class-conditional conformal
        prediction: Vovk, 2012; Sadinle et al., JASA 2019).
    """
    likely = max(probabilities, key=probabilities.__getitem__)
    return tuple(finding for finding in Finding if finding is likely or probabilities[finding] >= least[finding])
