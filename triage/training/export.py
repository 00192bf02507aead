"""A trained network as a model folder: Keras, ONNX with the class-activation map, and the card."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers

from triage.networks.lite0 import LAST_MAP, LOGITS


def with_class_activation_map(model: keras.Model) -> keras.Model:
    """Return the same network with a second output, the class-activation maps (Zhou et al., CVPR 2016).

    For global average pooling followed by one dense layer, the dense weights applied to every position of the last map
    as a 1x1 convolution give maps whose spatial mean plus the bias is the logit. Grad-CAM's weights are the same dense
    weights divided by the number of positions, so these maps are Grad-CAM up to scale, without a backward pass.

    Returns
    -------
    keras.Model
        Outputs ``logits (batch, classes)`` and ``cam (batch, rows, columns, classes)``.
    """
    last_map = model.get_layer(LAST_MAP).output
    kernel, _ = model.get_layer(LOGITS).get_weights()
    cam = layers.Conv2D(kernel.shape[1], 1, use_bias=False, name="cam")
    twin = keras.Model(model.input, {"logits": model.output, "cam": cam(last_map)})
    cam.set_weights([kernel[None, None]])
    return twin


def export_onnx(model: keras.Model, path: Path) -> None:
    """Write the network as ONNX with the inputs and outputs named ``slice``, ``logits`` and ``cam``."""
    twin = with_class_activation_map(model)
    twin(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras exports only what has been called
    twin.export(path, format="onnx", verbose=False)
    onnx.checker.check_model(onnx.load(path))
