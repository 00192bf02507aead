"""The network as it serves, on ONNX Runtime: two looks at each slice, the first a closer one where it is in doubt."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.calibration import log_softmax
from triage.inference.views import MIDDLE, WHOLE, Box, crop, second_look, with_middle

#: Names in the ONNX file.
INPUT, LOGITS, MASK, CAM, DISTANCE = "slice", "logits", "mask", "cam", "distance"
#: Where Linux says what the processor can, and what it calls adding up products of 8 bits in 32 (VNNI). Others add them
#: up in 16, which overflows, unless ONNX Runtime is told to take the slower way; the answers are then the same.
PROCESSOR, WITHOUT_OVERFLOW = Path("/proc/cpuinfo"), {"avx512_vnni", "avx_vnni"}
#: From this probability of no tumour on, at the first look, there is no second one: of 3,269 tumours of the data set
#: two are passed over so, and half of the slices without one. Chosen on trials, see docs/model-log.md.
SURE = 0.9
#: Where no class reaches this probability at the first look, the middle of the slice is looked at closer before a
#: lesion is settled on: true of a fifth of the data set. Chosen on trials too.
DOUBT = 0.85
NOTUMOR = list(Finding).index(Finding.NOTUMOR)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """What the network says of what it was shown.

    Attributes
    ----------
    box
        What it was shown of the frame.
    log_probabilities
        ``(classes,)``.
    mask
        ``(rows, columns)`` probability of tumour.
    cam
        ``(rows, columns, classes)`` class-activation maps in logit units.
    distance
        Of the features to those of the training slices; below 1 for most of them.
    """

    box: Box
    log_probabilities: Floats
    mask: Floats
    cam: Floats
    distance: float


class Network:
    """The ONNX form of a two-look network. Safe to share between threads.

    Each slice takes one thread: several slices side by side keep all cores at work, several threads on one slice wait
    for each other most of the time.

    Parameters
    ----------
    path
        As `triage.training.release.export.export_onnx` writes it.
    """

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        if not _adds_without_overflow():
            options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.size = int(self._session.get_inputs()[0].shape[1])

    def look_twice(self, frame: Floats) -> tuple[Look, Look]:
        """Look at a whole prepared slice, then at the likeliest lesion.

        Parameters
        ----------
        frame
            ``(FRAME, FRAME)`` gray, 0 to 255, as `triage.inference.preprocess.prepare` makes it.

        Returns
        -------
        Look, Look
            The same one twice where the first is `SURE` that there is no tumour. Where the first is in `DOUBT`, its
            log-probabilities and its mask are the mean with those of a look at the `MIDDLE`.
        """
        first = self.look(frame, WHOLE)
        if first.log_probabilities[NOTUMOR] >= np.log(SURE):
            return first, first
        if np.exp(first.log_probabilities.max()) < DOUBT:
            closer = self.look(frame, MIDDLE)
            both = log_softmax((first.log_probabilities + closer.log_probabilities) / 2)
            first = replace(first, log_probabilities=both, mask=with_middle(first.mask, closer.mask))
        return first, self.look(frame, second_look(first.mask))

    def look_at_all(self, frames: NDArray[np.uint8]) -> list[tuple[Look, Look]]:
        """Look twice at each of several prepared slices, ``(slices, FRAME, FRAME)``."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda frame: self.look_twice(frame.astype(np.float32)), frames))

    def look(self, frame: Floats, box: Box) -> Look:
        """Look once at what a box shows of a prepared slice."""
        view = crop(frame, box, self.size)[None]
        logits, mask, cam, distance = self._session.run([LOGITS, MASK, CAM, DISTANCE], {INPUT: view})
        return Look(box, log_softmax(logits[0]), mask[0, ..., 0], cam[0], float(distance[0]))


def _adds_without_overflow() -> bool:
    return PROCESSOR.exists() and bool(WITHOUT_OVERFLOW & set(PROCESSOR.read_text().split()))
