"""Quantization of a network to 8 bits: about half the time on a CPU, and a third of the file size.

Post-training static quantization (Jacob et al., CVPR 2018): weights by output channel, activations by tensor, with the
ranges measured on training slices. Only convolutions and the activations after them are computed in 8 bits; residual
sums, pools, heads and the first convolution stay in 32 bits.

Tested in tests/training/release/test_export.py.
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

#: Without GlobalAveragePool: in 8 bits, that of ONNX Runtime 1.31 returned NaN and varied between runs.
QUANTIZED_OPS = ("Conv", "Clip", "Relu")
#: Convolutions with fewer outputs compute the mask and the maps, which are shown without further processing.
MIN_QUANTIZED_CHANNELS = 8


class _Views(CalibrationDataReader):  # type: ignore[misc]
    """Inputs on which the ranges of the activations are measured."""

    def __init__(self, views: Iterable[NDArray[np.float32]]) -> None:
        self._views = iter(views)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input, or None at the end."""
        view = next(self._views, None)
        return None if view is None else {INPUT: view[None]}


def quantize(source: Path, views: Iterable[NDArray[np.float32]], target: Path) -> None:
    """Write a serving network in 8 bits.

    Parameters
    ----------
    source
        ONNX file in 32 bits, from `triage.training.release.export.export_exact`.
    views
        ``(size, size)`` each, gray 0 to 255: both looks at training slices.
    target
        ONNX file to write.
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
    """Return the heads, and the first convolution: with one input channel it is slow in 8 bits."""
    shapes = {weights.name: weights.dims for weights in graph.initializer if weights.dims}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    heads = [node.name for node in convolutions if shapes[node.input[1]][0] < MIN_QUANTIZED_CHANNELS]
    return [convolutions[0].name, *heads]
