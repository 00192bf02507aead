"""The deployed network, on ONNX Runtime."""

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
from triage.inference.files import read_file
from triage.inference.two_look import Floats, Look, look_twice
from triage.inference.views import Box, crop

# Names in the ONNX file.
INPUT = "slice"
LOGITS = "logits"
MASK = "mask"
CAM = "cam"
DISTANCE = "distance"
FEATURES = "features"
#: Processor features on Linux.
PROCESSOR = Path("/proc/cpuinfo")
#: Features for the sum of 8-bit products in 32 bits (VNNI). Other processors sum in 16 bits, which overflows, unless
#: ONNX Runtime uses a slower way.
WITHOUT_OVERFLOW = {"avx512_vnni", "avx_vnni"}


@dataclass(frozen=True, slots=True)
class ServedLook(Look):
    """Output of the deployed network for one view.

    Attributes
    ----------
    cam
        ``(rows, columns, classes)`` class-activation maps in logit units.
    distance
        Mahalanobis distance of the features from those of the training slices; below 1 for most of these.
    features
        ``(features,)``: means of the feature maps in the middle of the network.
    """

    cam: Floats
    distance: float
    features: Floats


class Network:
    """A two-look network as ONNX. Safe to share between threads.

    Each slice uses one thread: slices in parallel use all cores, while several threads on one slice would mostly wait
    for each other.

    Parameters
    ----------
    source
        The file as `triage.training.release.export.export_onnx` writes it, or its contents.
    """

    def __init__(self, source: Path | bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        if not _sums_without_overflow():
            options.add_session_config_entry("session.x64quantprecision", "1")
        # Weights in other files are refused, as no card covers them: relative to what is no folder, there are none.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
        contents = source if isinstance(source, bytes) else read_file(source)
        self._session = onnxruntime.InferenceSession(contents, options, providers=["CPUExecutionProvider"])
        self.size = int(self._session.get_inputs()[0].shape[1])

    def look_twice(self, frame: NDArray[np.generic]) -> tuple[ServedLook, ServedLook]:
        """Look twice at one prepared slice ``(FRAME, FRAME)``, see `triage.inference.two_look.look_twice`."""
        return look_twice(self._ask, frame[None])[0]

    def look_at_all(self, frames: NDArray[np.generic]) -> list[tuple[ServedLook, ServedLook]]:
        """Look twice at each of several prepared slices, ``(slices, FRAME, FRAME)``, on all cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(self.look_twice, frames))

    def look(self, frame: NDArray[np.generic], box: Box) -> ServedLook:
        """Look once at a box of a prepared slice."""
        view = crop(frame.astype(np.float32), box, self.size)[None]
        names = [LOGITS, MASK, CAM, DISTANCE, FEATURES]
        logits, mask, cam, distance, features = self._session.run(names, {INPUT: view})
        return ServedLook(box, log_softmax(logits[0]), mask[0, ..., 0], cam[0], float(distance[0]), features[0])

    def _ask(self, frames: NDArray[np.generic], boxes: Sequence[Box]) -> list[ServedLook]:
        return [self.look(frame, box) for frame, box in zip(frames, boxes, strict=True)]


def _sums_without_overflow() -> bool:
    return PROCESSOR.exists() and bool(WITHOUT_OVERFLOW & set(PROCESSOR.read_text().split()))
