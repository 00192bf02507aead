"""A network in whole numbers of 8 bits: about half the time on a CPU, a third of the file.

Post-training static quantization (Jacob et al., CVPR 2018): weights by output channel, activations by tensor, their
ranges those that they take on training slices. Only convolutions are worked out in 8 bits, with the activation that
follows; the sums of the residual blocks, the pools, the heads and the first convolution stay in 32.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from triage.inference.network import INPUT

#: Not among them GlobalAveragePool: in 8 bits ONNX Runtime 1.31 gave NaN, and other answers in repeated runs.
QUANTIZED_OPS = ("Conv", "Clip", "Relu")
#: Convolutions with fewer outputs make the mask and the maps, which are shown as they are.
HEAD = 8


class _Views(CalibrationDataReader):  # type: ignore[misc]
    """What the network is shown while the ranges of its activations are taken."""

    def __init__(self, views: Iterable[NDArray[np.float32]]) -> None:
        self._views = iter(views)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, None at the end."""
        view = next(self._views, None)
        return None if view is None else {INPUT: view[None]}


def quantize(source: Path, views: Iterable[NDArray[np.float32]], target: Path) -> None:
    """Write a serving network in 8 bits.

    Parameters
    ----------
    source
        ONNX, as `triage.training.release.export.for_serving` has it.
    views
        ``(size, size)`` each, gray 0 to 255: what it is shown in service, of slices that it was trained on.
    target
        Where to.
    """
    with TemporaryDirectory(prefix="triage-") as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(target),
            _Views(views),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTIZED_OPS),
            nodes_to_exclude=_in_32_bits(onnx.load(prepared).graph),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def _in_32_bits(graph: onnx.GraphProto) -> list[str]:
    """Return the heads, and the convolution of the picture itself: its one channel is slow in 8 bits."""
    shapes = {weights.name: weights.dims for weights in graph.initializer if weights.dims}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    heads = [node.name for node in convolutions if shapes[node.input[1]][0] < HEAD]
    return [convolutions[0].name, *heads]
