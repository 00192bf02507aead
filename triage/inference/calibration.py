"""Calibrated probabilities from two looks, and the classes that cannot be ruled out."""

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

    It weighs the looks by class and calibrates them in one step: temperature scaling (Guo et al., ICML 2017) and matrix
    scaling of a single look are special cases.

    Attributes
    ----------
    first, second
        Weights of each look, one row per class.
    bias
        By class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: tuple[tuple[float, ...], ...]
    second: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def probabilities(self, first: Floats, second: Floats) -> NDArray[np.float64]:
        """Return ``(slices, classes)`` from the log-probabilities ``(slices, classes)`` of each look."""
        return softmax(first @ np.array(self.first).T + second @ np.array(self.second).T + np.array(self.bias))


class Conformal(BaseModel):
    """Thresholds of the prediction sets, see `prediction_set`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverage: float
    least: dict[Finding, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything of a deployed model but its weights, fitted on patients that it was not trained on.

    Attributes
    ----------
    threshold_notes
        By operating point: how it was chosen and its sensitivity and specificity, as text.
    window_points
        See `triage.inference.card.Card`.
    """

    fusion: Fusion
    points: OperatingPoints
    threshold_notes: dict[str, str]
    conformal: Conformal
    window_points: OperatingPoints | None = None


def equal_fusion(classes: int) -> Fusion:
    """Return the fusion of an uncalibrated network: the mean of the log-probabilities of both looks."""
    half = tuple(map(tuple, (np.eye(classes) / 2).tolist()))
    return Fusion(first=half, second=half, bias=(0.0,) * classes)


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities along the last axis; `temperature` from held-out patients (Guo et al., ICML 2017)."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponent = np.exp(scaled)
    probabilities: NDArray[np.float64] = exponent / exponent.sum(axis=-1, keepdims=True)
    return probabilities


def log_softmax(logits: Floats) -> NDArray[np.float32]:
    """Return log-probabilities along the last axis; unlike logits, they can be averaged between looks."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    logarithms: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms


def prediction_set(probabilities: Mapping[Finding, float], least: Mapping[Finding, float]) -> tuple[Finding, ...]:
    """Return the classes that cannot be ruled out: the most probable one, all that reach their threshold, all likelier.

    A class is held if it reaches its own threshold, so that a likelier one could be left out beside it. It is added:
    no reader would rule it out first, and a larger set keeps the coverage of each class.

    Parameters
    ----------
    probabilities
        Calibrated, by class.
    least
        Thresholds: the probability that 95 % of the held-out slices of a class reach (class-conditional conformal
        prediction: Vovk, 2012; Sadinle et al., JASA 2019).
    """
    held = [probabilities[finding] for finding in Finding if probabilities[finding] >= least[finding]]
    lowest = min(held, default=max(probabilities.values()))
    return tuple(finding for finding in Finding if probabilities[finding] >= lowest)
