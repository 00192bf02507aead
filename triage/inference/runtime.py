"""Score one slice: two looks of the network, fused, calibrated and mapped back to the slice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Placement, Score, Slice, likeliest
from triage.errors import ModelError
from triage.inference.brain_gate import load_gate
from triage.inference.calibration import prediction_set
from triage.inference.card import GATE, ONNX, Card, read_card
from triage.inference.files import read_file
from triage.inference.network import Network, ServedLook
from triage.inference.preprocess import prepare
from triage.inference.two_look import deciding_look
from triage.inference.views import FRAME, Box, lay_back
from triage.scans.quality.gate import not_analysable, unlike_a_head

SEND_MR = "Send the scanner's own MR series of the head, as DICOM from the PACS"
#: Why a slice is refused that looks like a head, but not to the network.
UNFAMILIAR = f"The model sees no brain MRI in it. {SEND_MR}"

NOT_OPENED = (
    "{name} cannot be opened: its network is damaged, was made for another version, or keeps weights in other files. "
    "Release it again with this version."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The probabilities of a slice.

    Attributes
    ----------
    probabilities
        Calibrated, by class, summing to 1.
    unusual
        Whether the slice is far from the training data, so that the probabilities are less certain than they say.
    distance
        How far; below 1 for most slices of the training data.
    brightness, contrast
        Mean and standard deviation of the prepared gray values of the head, 0 to 255.
    """

    probabilities: dict[Finding, float]
    unusual: bool
    distance: float
    brightness: float
    contrast: float


class Runtime:
    """A model folder, ready to score. Safe to share between threads.

    Parameters
    ----------
    folder
        Holds ``card.json``, ``model.onnx`` and ``gate.npz``.
    threads
        Number of slices of a study that are scored in parallel.

    Raises
    ------
    ModelError
        If the folder fails the checks of `read_card` or `load_gate`, or its network cannot be opened.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.folder = folder
        self.card: Card = read_card(folder)
        self.threads = threads
        self._network = _network(folder, self.card)
        self._gate = load_gate(folder / GATE)

    def answer(self, picture: Slice) -> Answer | str:
        """Return the answer for a slice, or why it is not analysable, with the remedy."""
        if reason := not_analysable(picture):
            return reason
        frame, _ = prepare(picture.pixels, FRAME)
        first, second = self._network.look_twice(frame)
        if not self._gate.passes(first.features):
            return unlike_a_head(picture) or UNFAMILIAR
        head = frame[frame > 0]
        return Answer(
            probabilities=self._fused(first, second),
            unusual=first.distance > self.card.familiar_within,
            distance=first.distance,
            brightness=float(head.mean()),
            contrast=float(head.std()),
        )

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
            familiar=self._gate.passes(first.features),
        )

    def _fused(self, first: ServedLook, second: ServedLook) -> dict[Finding, float]:
        answer = self.card.fusion.probabilities(first.log_probabilities, second.log_probabilities)
        return {finding: float(p) for finding, p in zip(self.card.classes, answer, strict=True)}


def _network(folder: Path, card: Card) -> Network:
    """Open the network from the very bytes that the card covers, even if somebody writes to the folder meanwhile."""
    try:
        contents = read_file(folder / ONNX)
        if hashlib.sha256(contents).hexdigest() != card.sha256:
            raise ModelError(f"The folder {folder} was changed while it was opened. Bring it back from a backup.")
        return Network(contents)
    except ModelError:
        raise
    except Exception as error:  # ONNX Runtime has many, without one above them
        raise ModelError(NOT_OPENED.format(name=card.name)) from error


def within(placement: Placement, box: Box) -> Placement:
    """Return the part of the slice that a box of the frame covers."""
    return Placement(
        placement.left + box.left * placement.side,
        placement.top + box.top * placement.side,
        box.side * placement.side,
    )
