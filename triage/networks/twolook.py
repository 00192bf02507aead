"""The two-look network: an encoder with a light decoder; the head pools over the lesion that the decoder finds.

The first look is at the whole slice, the second at the crop around the lesion found by the first, at the scale of the
lesion. Both use the same weights. The crop reveals much less of the slice's plane and source, so the second look
generalises better to unknown scanners.
"""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import layers, ops

from triage.networks.encoders import ENCODERS, Encoder
from triage.networks.lite0 import LOGITS, take_normed

#: Side of the input over that of the mask.
STRIDE = 4
MASK = "mask"
#: The layer with the features weighted by the lesion; the maps are computed from it.
FOCUS = "lesion_focus"
#: The layer with the features before the last layer: means over the whole view, then over the lesion.
POOLED = "looked_at"
DROPOUT = "dropout"


def build_two_look(
    size: int = 160, classes: int = 4, dropout: float = 0.2, *, normed: bool = False, encoder: str = "lite0"
) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    size
        Side of the square input in pixels; a multiple of `Encoder.multiple`.
    classes
        Number of classes.
    dropout
        Rate on the pooled features, active in training only.
    normed
        Whether a convolutional encoder has batch normalisation; training from random weights needs it.
    encoder
        One of `ENCODERS`.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; outputs ``logits (batch, classes)`` and
        ``mask (batch, size / 4, size / 4, 1)``, both before softmax and sigmoid.

    Raises
    ------
    ValueError
        If the encoder does not take this size.
    """
    chosen = ENCODERS[encoder]
    if size % chosen.multiple:
        raise ValueError(f"The encoder {encoder} needs a size that is a multiple of {chosen.multiple}, not {size}.")
    seen = chosen.build(size, normed)
    rare = keras.initializers.Constant(-3.0)
    mask = layers.Conv2D(1, 1, bias_initializer=rare, name=MASK, dtype="float32")(seen.quarter)
    lesion = LesionWeights(seen.features.shape[1], name="lesion_weights")(mask)
    focus = layers.Multiply(name=FOCUS)([seen.features, lesion])
    everywhere, inside = layers.GlobalAveragePooling2D(name="pool"), layers.GlobalAveragePooling2D(name="lesion_pool")
    pooled = layers.Concatenate(name=POOLED)([everywhere(seen.features), inside(focus)])
    pooled = layers.Dropout(dropout, name=DROPOUT)(pooled)
    logits = layers.Dense(classes, name=LOGITS, dtype="float32")(pooled)
    return keras.Model(seen.slice, {LOGITS: logits, MASK: mask}, name=chosen.network)


def encoder_of(model: keras.Model) -> tuple[str, Encoder]:
    """Return name and description of the encoder of a two-look network.

    Raises
    ------
    ValueError
        If it is another network.
    """
    for name, encoder in ENCODERS.items():
        if encoder.network == model.name:
            return name, encoder
    raise ValueError(f"{model.name} is not a two-look network.")


def start_from_packaged(model: keras.Model, learns: str = "late") -> None:
    """Load the packaged weights into the encoder, and freeze its statistics and the layers that do not learn.

    Parameters
    ----------
    model
        From `build_two_look`.
    learns
        ``late``: the layers after `Encoder.frozen_up_to`, without depthwise kernels; ``last``: those after
        the last of `Encoder.textures`, without depthwise kernels; ``all``.
    """
    encoder_of(model)[1].load(model)
    freeze(model, learns)


def start_from_two_look(model: keras.Model, trained: keras.Model, learns: str = "late") -> None:
    """Copy the weights of a trained two-look network of any input size, with or without batch norms.

    Freezes the layers as `start_from_packaged` does.

    Raises
    ------
    ValueError
        If `trained` is another network.
    """
    if encoder_of(model)[0] != encoder_of(trained)[0]:
        raise ValueError(f"{trained.name} has another encoder than {model.name}.")
    norms = {layer.name: layer for layer in trained.layers if isinstance(layer, layers.BatchNormalization)}
    for layer in model.layers:
        weights = trained.get_layer(layer.name).get_weights()
        norm = norms.get(layer.name.removesuffix("_conv") + "_bn")
        if norm:
            take_normed(layer, weights[0], norm.get_weights())
        else:
            layer.set_weights(weights)
    freeze(model, learns)


def mean_of(*networks: keras.Model) -> keras.Model:
    """Return a network of the first one's input size with the mean of the weights of all.

    The mean of the weights before and after a late training phase (Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022) keeps most of what the phase gains on known sources, and loses less on unknown sources. The mean
    of runs with the same starting weights (Wortsman et al., "Model soups", ICML 2022) approximates their ensemble at
    the cost of one network.

    Raises
    ------
    ValueError
        If one of them is not a two-look network, or has another encoder than the first.
    """
    encoder, _ = encoder_of(networks[0])
    size, classes = networks[0].input_shape[1], networks[0].output[LOGITS].shape[-1]
    copies = [build_two_look(size, classes, encoder=encoder) for _ in networks]
    for copy, network in zip(copies, networks, strict=True):
        start_from_two_look(copy, network)
    for same in zip(*(copy.layers for copy in copies), strict=True):
        weights = zip(*(layer.get_weights() for layer in same), strict=True)
        same[0].set_weights([np.mean(arrays, axis=0) for arrays in weights])
    return copies[0]


def freeze(model: keras.Model, learns: str) -> None:
    """Freeze the layers that do not learn; `learns` as for `start_from_packaged`."""
    if learns == "all":
        return
    encoder = encoder_of(model)[1]
    last = model.get_layer(encoder.textures[-1] if learns == "last" else encoder.frozen_up_to)
    early = keras.Model(model.input, last.output).layers
    for layer in model.layers:
        # Depthwise kernels are frozen too: they are a twentieth of the weights and took a quarter of a step's time.
        if layer in early or isinstance(layer, layers.DepthwiseConv2D):
            layer.trainable = False


@keras.saving.register_keras_serializable("triage")
class LesionWeights(layers.Layer):  # type: ignore[misc]
    """Weights of the feature positions, proportional to the mask; their mean is 1.

    The mask decides which features count but is not trained by the class: the gradient stops here.
    """

    def __init__(self, side: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.side = side

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, side, side, 1)`` from mask logits ``(batch, rows, rows, 1)``."""
        found = ops.sigmoid(ops.stop_gradient(inputs))
        common = math.gcd(inputs.shape[1], self.side)
        # Positions whose borders lie inside a pixel of the mask get their shares of it.
        for axis in (1, 2) if self.side > common else ():
            found = ops.repeat(found, self.side // common, axis=axis)
        area = inputs.shape[1] // common
        found = ops.average_pool(found, area, area) + 1e-3  # the JAX of Keras 3.15 fails if the strides are not given
        return found / ops.mean(found, axis=(1, 2), keepdims=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, side, side, 1)``."""
        return (input_shape[0], self.side, self.side, 1)

    def get_config(self) -> dict[str, object]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "side": self.side}
