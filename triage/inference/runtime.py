"""The network that serves: ONNX Runtime, logits and class-activation maps in one pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from triage.domain import Finding, OperatingPoints, Score
from triage.inference.calibration import softmax
from triage.inference.card import ONNX, Card, read_card
from triage.inference.preprocess import prepare


class Runtime:
    """A model folder, ready to score. Safe to share between threads.

    Parameters
    ----------
    folder
        Holds ``card.json`` and ``model.onnx``.
    threads
        Of one scoring run.

    Raises
    ------
    ModelError
        If the folder fails the checks of `read_card`.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.folder = folder
        self.card: Card = read_card(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(folder / ONNX), options, providers=["CPUExecutionProvider"])

    @property
    def points(self) -> OperatingPoints:
        """Operating points of the model."""
        return self.card.operating_points

    def score(self, pixels: NDArray[np.generic]) -> Score:
        """Score one slice.

        Parameters
        ----------
        pixels
            ``(height, width)`` gray values of any depth.
        """
        frame, placement = prepare(pixels, self.card.input_size)
        logits, cam = self._session.run(["logits", "cam"], {"slice": frame[None, ..., None]})
        probabilities = softmax(logits[0], self.card.temperature)
        return Score(
            probabilities={Finding(name): float(p) for name, p in zip(self.card.classes, probabilities, strict=True)},
            cam=cam[0],
            placement=placement,
        )
