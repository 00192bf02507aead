"""The network as it serves, on ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from triage.inference.calibration import log_softmax
from triage.inference.two_look import Floats, Look, look_twice
from triage.inference.views import Box, crop

#: Names in the ONNX file.
INPUT, LOGITS, MASK, CAM, DISTANCE = "slice", "logits", "mask", "cam", "distance"
#: Where Linux lists what the processor can do.
PROCESSOR = Path("/proc/cpuinfo")
#: What it calls adding up products of 8 bits in 32 (VNNI). Processors without it add them up in 16, which overflows,
#: unless ONNX Runtime is told to take the slower way; the answers are then the same.
WITHOUT_OVERFLOW = {"avx512_vnni", "avx_vnni"}


@dataclass(frozen=True, slots=True)
class ServedLook(Look):
    """What the network that serves answers about one view.

    Attributes
    ----------
    cam
        ``(rows, columns, classes)`` class-activation maps in logit units.
    distance
        Of the features to those of the training slices; below 1 for most of them.
    """

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

    def look_twice(self, frame: NDArray[np.generic]) -> tuple[ServedLook, ServedLook]:
        """Look twice at one prepared slice ``(FRAME, FRAME)``, see `triage.inference.two_look.look_twice`."""
        return look_twice(self._ask, frame[None])[0]

    def look_at_all(self, frames: NDArray[np.generic]) -> list[tuple[ServedLook, ServedLook]]:
        """Look twice at each of several prepared slices, ``(slices, FRAME, FRAME)``, on all cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self.look_twice, frames))

    def look(self, frame: NDArray[np.generic], box: Box) -> ServedLook:
        """Look once at what a box shows of a prepared slice."""
        view = crop(frame.astype(np.float32), box, self.size)[None]
        logits, mask, cam, distance = self._session.run([LOGITS, MASK, CAM, DISTANCE], {INPUT: view})
        return ServedLook(box, log_softmax(logits[0]), mask[0, ..., 0], cam[0], float(distance[0]))

    def _ask(self, frames: NDArray[np.generic], boxes: Sequence[Box]) -> list[ServedLook]:
        return [self.look(frame, box) for frame, box in zip(frames, boxes, strict=True)]


def _adds_without_overflow() -> bool:
    return PROCESSOR.exists() and bool(WITHOUT_OVERFLOW & set(PROCESSOR.read_text().split()))
