"""Score one slice: two looks of the network, fused, calibrated and mapped back to the slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, OperatingPoints, Placement, Score, likeliest
from triage.inference.calibration import prediction_set
from triage.inference.card import ONNX, Card, read_card
from triage.inference.network import Network, ServedLook
from triage.inference.preprocess import prepare
from triage.inference.two_look import deciding_look
from triage.inference.views import FRAME, Box, lay_back


class Runtime:
    """A model folder, ready to score. Safe to share between threads.

    Parameters
    ----------
    folder
        Holds ``card.json`` and ``model.onnx``.
    threads
        Number of slices of a study that are scored in parallel.

    Raises
    ------
    ModelError
        If the folder fails the checks of `read_card`.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.folder = folder
        self.card: Card = read_card(folder)
        self.threads = threads
        self._network = Network(folder / ONNX)

    @property
    def points(self) -> OperatingPoints:
        """Operating points of the model."""
        return self.card.operating_points

    def probabilities(self, pixels: NDArray[np.generic]) -> dict[Finding, float] | None:
        """Return calibrated probabilities by class; None for a slice unlike the training data.

        Parameters
        ----------
        pixels
            ``(height, width)`` gray values of any depth.
        """
        frame, _ = prepare(pixels, FRAME)
        first, second = self._network.look_twice(frame)
        return self._fused(first, second) if self._familiar(first) else None

    def score(self, pixels: NDArray[np.generic]) -> Score:
        """Score one slice, with its heat map and mask.

        Parameters
        ----------
        pixels
            ``(height, width)`` gray values of any depth.
        """
        frame, placement = prepare(pixels, FRAME)
        first, second = self._network.look_twice(frame)
        probabilities = self._fused(first, second)
        decided = deciding_look(first, second, self.card.classes.index(likeliest(probabilities)))
        return Score(
            probabilities=probabilities,
            cam=decided.cam,
            look=within(placement, decided.box),
            mask=lay_back(second.mask, second.box),
            placement=placement,
            prediction_set=prediction_set(probabilities, self.card.conformal.least),
            familiar=self._familiar(first),
        )

    def _fused(self, first: ServedLook, second: ServedLook) -> dict[Finding, float]:
        answer = self.card.fusion.probabilities(first.log_probabilities, second.log_probabilities)
        return {finding: float(p) for finding, p in zip(self.card.classes, answer, strict=True)}

    def _familiar(self, first: ServedLook) -> bool:
        return first.distance <= self.card.familiar_within


def within(placement: Placement, box: Box) -> Placement:
    """Return the part of the slice that a box of the frame covers."""
    return Placement(
        placement.left + box.left * placement.side,
        placement.top + box.top * placement.side,
        box.side * placement.side,
    )
