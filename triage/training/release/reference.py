"""What the distance of a slice is measured from: mean and whitening of the training slices, read from a served network.

Tested in tests/training/release/test_export.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from triage.errors import ModelError
from triage.inference.network import DISTANCE

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """The weights of a `triage.networks.mahalanobis.MahalanobisDistance`.

    Attributes
    ----------
    mean
        ``(features,)``.
    whitening
        ``(features, features)``.
    """

    mean: Floats
    whitening: Floats


def reference_of(path: Path) -> Reference:
    """Return what the distance of an ONNX network is measured from.

    Parameters
    ----------
    path
        As `triage.training.release.export.export_onnx` writes it.

    Raises
    ------
    ModelError
        If the network has no such distance.
    """
    graph = onnx.load(path).graph
    made_by = {output: node for node in graph.node for output in node.output}
    constants = {weights.name: weights for weights in graph.initializer}
    # distance = sqrt(mean(square((features - mean) @ whitening)))
    node = made_by.get(DISTANCE)
    found: dict[str, Floats] = {}
    while node is not None and len(found) < 2:
        for name in node.input:
            if name in constants and node.op_type in ("MatMul", "Sub"):
                found[node.op_type] = np.asarray(numpy_helper.to_array(constants[name]), np.float32)
        node = next((made_by[name] for name in node.input if name in made_by), None)
    if len(found) < 2:
        raise ModelError(f"{path} has no distance to its training slices. Restore the model folder from the release.")
    return Reference(found["Sub"].reshape(-1), found["MatMul"])
