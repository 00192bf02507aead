"""What the network says of slices and of their study. Tested in tests/test_domain.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from triage.domain.findings import Finding, likeliest
from triage.domain.studies import Placement


class Band(StrEnum):
    """How soon a study is to be read; declared in order of urgency."""

    STAT = "STAT"
    URGENT = "URGENT"
    ROUTINE = "ROUTINE"

    @property
    def order(self) -> int:
        """0 for the most urgent band."""
        return list(Band).index(self)


@dataclass(frozen=True, slots=True)
class Score:
    """Output of the network for one slice.

    Attributes
    ----------
    probabilities
        Calibrated, by class, summing to 1.
    cam
        ``(rows, columns, 4)`` class-activation maps, in logit units, of the view that decided the probabilities.
    look
        Position of that view on the slice, and so of the maps.
    mask
        ``(rows, columns)`` probability of tumour.
    placement
        Position of the mask on the slice.
    prediction_set
        The classes that cannot be ruled out: it contains the true class in 95 of 100 cases (conformal prediction).
    familiar
        Whether the gate takes the slice for brain MRI; if not, the other values mean nothing.
    """

    probabilities: dict[Finding, float]
    cam: NDArray[np.float32]
    look: Placement
    mask: NDArray[np.float32]
    placement: Placement
    prediction_set: tuple[Finding, ...]
    familiar: bool


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds chosen on held-out patients, for slices or for windows; the model card states their sensitivities.

    Attributes
    ----------
    glioma
        P(glioma) from which a study is STAT.
    tumour
        1 - P(no tumour) from which a study is URGENT.
    """

    glioma: float
    tumour: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """A study's band and the reason for it."""

    band: Band
    reason: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the scored slices of a study looked like to the network, to see drift by; never shown for a single study.

    Attributes
    ----------
    scored, unusual
        Number of scored slices, and of those that are far from the training data.
    distance
        Median distance of their features from those of the training data; below 1 for most of these.
    brightness, contrast
        Median over the slices of mean and standard deviation of the prepared gray values of the head, 0 to 255.
    """

    scored: int
    unusual: int
    distance: float
    brightness: float
    contrast: float


@dataclass(frozen=True, slots=True)
class SliceScores:
    """Output of the network for the slices of a study.

    Attributes
    ----------
    series, slice
        The slice to show first: the most suspicious one.
    instance
        Index of the file of that slice in the list of decoded files.
    table
        By series and slice, in the order of decoding: the probabilities in the order of `Finding`, or None for a
        slice that cannot be judged or was skipped. Empty for a series that is set aside.
    steps
        By series: one slice in this many was scored; more than 1 if they are thin. Empty if all were scored.
    inputs
        None in results filed before they were recorded.
    """

    series: int
    slice: int
    instance: int
    table: tuple[tuple[tuple[float, ...] | None, ...], ...]
    steps: tuple[int, ...] = ()
    inputs: Inputs | None = None


@dataclass(frozen=True, slots=True)
class AIResult:
    """The result of one model for one study.

    Attributes
    ----------
    contents
        Digest of the study's files that were scored; it changes when further files arrive.
    slices
        None in results filed before slices were recorded.
    prediction_set
        The classes that cannot be ruled out at 95 % coverage, the most probable one among them; empty for models
        without prediction sets.
    filed_at
        When it was filed; None before.
    card
        Digest of the card of the model; empty in results filed before it was recorded.
    """

    model: str
    model_sha256: str
    probabilities: dict[Finding, float]
    ranking: Ranking
    contents: str = ""
    slices: SliceScores | None = None
    prediction_set: tuple[Finding, ...] = ()
    filed_at: datetime | None = None
    card: str = ""

    @property
    def predicted(self) -> Finding:
        """The most probable class."""
        return likeliest(self.probabilities)

    @property
    def malignancy(self) -> float:
        """Calibrated P(glioma)."""
        return self.probabilities[Finding.GLIOMA]

    @property
    def in_doubt(self) -> tuple[Finding, ...]:
        """The classes between which the result does not decide at 95 % coverage; none if all but one are ruled out."""
        return self.prediction_set if len(self.prediction_set) > 1 else ()
