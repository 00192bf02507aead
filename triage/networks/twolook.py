"""The two-look network: EfficientNet-Lite0 with a light decoder; the head pools over the lesion that the decoder finds.

The first look is at the whole slice, the second at the crop around the lesion found by the first, at the scale of the
lesion. Both use the same weights. The crop reveals much less of the slice's plane and source, so the second look
generalises better to unknown scanners.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from triage.networks.checkpoint import imagenet_lite0
from triage.networks.lite0 import LAST_MAP, LOGITS, build_lite0, load_imagenet, take_normed

#: Side of the input over that of the mask.
STRIDE = 4
MASK = "mask"
#: The layer with the features weighted by the lesion; the maps are computed from it.
FOCUS = "lesion_focus"
#: Last layer of the encoder at a quarter, an eighth and a sixteenth of the input's side.
SKIPS = ("block2_add", "block4_add", "block10_add")
WIDTH = 64
#: Layers up to this one keep their ImageNet weights: edges and textures are the same in every organ, and training them
#: would take most of the time of a step.
FROZEN_UP_TO = "block2_add"


def build_two_look(size: int = 160, classes: int = 4, dropout: float = 0.2, *, normed: bool = False) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    size
        Side of the square input in pixels; a multiple of 32.
    classes
        Number of classes.
    dropout
        Rate on the pooled features, active in training only.
    normed
        Whether the encoder has batch normalisation; training from random weights needs it.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; outputs ``logits (batch, classes)`` and
        ``mask (batch, size / 4, size / 4, 1)``, both before softmax and sigmoid.
    """
    encoder = build_lite0(classes, size, normed=normed)
    features = encoder.get_layer(LAST_MAP).output
    x = _conv(features, "decoder32", 1)
    for name, stride in zip(reversed(SKIPS), (16, 8, 4), strict=True):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"decoder{stride}_grow")(x)
        skip = layers.Conv2D(WIDTH, 1, name=f"decoder{stride}_skip")(encoder.get_layer(name).output)
        x = layers.Add(name=f"decoder{stride}_join")([x, skip])
        x = _conv(layers.ReLU(name=f"decoder{stride}_join_relu")(x), f"decoder{stride}", 3)
    mask = layers.Conv2D(1, 1, bias_initializer=keras.initializers.Constant(-3.0), name=MASK, dtype="float32")(x)
    focus = layers.Multiply(name=FOCUS)([features, LesionWeights(features.shape[1], name="lesion_weights")(mask)])
    pooled = layers.Concatenate(name="looked_at")(
        [layers.GlobalAveragePooling2D(name="pool")(features), layers.GlobalAveragePooling2D(name="lesion_pool")(focus)]
    )
    pooled = layers.Dropout(dropout, name="dropout")(pooled)
    logits = layers.Dense(classes, name=LOGITS, dtype="float32")(pooled)
    return keras.Model(encoder.input, {LOGITS: logits, MASK: mask}, name="two_look")


def start_from_imagenet(model: keras.Model, learns: str = "late") -> None:
    """Load the packaged ImageNet weights into the encoder, and freeze its statistics and the layers that do not learn.

    Parameters
    ----------
    model
        From `build_two_look`.
    learns
        ``late``: the layers after `FROZEN_UP_TO`, without depthwise kernels; ``all``.
    """
    load_imagenet(model, imagenet_lite0())
    freeze(model, learns)


def start_from_two_look(model: keras.Model, trained: keras.Model, learns: str = "late") -> None:
    """Copy the weights of a trained two-look network of any input size, with or without batch norms.

    Freezes the layers as `start_from_imagenet` does.

    Raises
    ------
    ValueError
        If `trained` is another network.
    """
    norms = {layer.name: layer for layer in trained.layers if isinstance(layer, layers.BatchNormalization)}
    for layer in model.layers:
        weights = trained.get_layer(layer.name).get_weights()
        norm = norms.get(layer.name.removesuffix("_conv") + "_bn")
        if norm:
            take_normed(layer, weights[0], norm.get_weights())
        else:
            layer.set_weights(weights)
    freeze(model, learns)


def freeze(model: keras.Model, learns: str) -> None:
    """Freeze the layers that do not learn; `learns` as for `start_from_imagenet`."""
    early = learns == "late"
    for layer in model.layers:
        # Depthwise kernels are frozen too: they are a twentieth of the weights and took a quarter of a step's time.
        if early or (learns == "late" and isinstance(layer, layers.DepthwiseConv2D)):
            layer.trainable = False
        early = early and layer.name != FROZEN_UP_TO


def mean_of(*networks: keras.Model) -> keras.Model:
    """Return a network of the first one's input size with the mean of the weights of all.

    The mean of the weights before and after a late training phase (Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022) keeps most of what the phase gains on known sources, and loses less on unknown sources. The mean
    of runs with the same starting weights (Wortsman et al., "Model soups", ICML 2022) approximates their ensemble at
    the cost of one network.

    Raises
    ------
    ValueError
        If one of them is not a two-look network.
    """
    size, classes = networks[0].input_shape[1], networks[0].output[LOGITS].shape[-1]
    copies = [build_two_look(size, classes) for _ in networks]
    for copy, network in zip(copies, networks, strict=True):
        start_from_two_look(copy, network)
    for same in zip(*(copy.layers for copy in copies), strict=True):
        weights = zip(*(layer.get_weights() for layer in same), strict=True)
        same[0].set_weights([np.mean(arrays, axis=0) for arrays in weights])
    return copies[0]


@keras.saving.register_keras_serializable("triage")
class LesionWeights(layers.Layer):  # type: ignore[misc]
    """Weights of the feature positions, proportional to the mask; their mean is 1.

    The mask decides which features count but is not trained by the class: the gradient stops here.
    """

    def __init__(self, side: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.side = side

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, side, side, 1)`` from mask logits ``(batch, rows, rows, 1)``, rows a multiple of side."""
        rows = inputs.shape[1] // self.side
        # Without the strides, Keras 3.15 pools over wrong axes on JAX.
        found = ops.average_pool(ops.sigmoid(ops.stop_gradient(inputs)), rows, strides=rows) + 1e-3
        return found / ops.mean(found, axis=(1, 2), keepdims=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, side, side, 1)``."""
        return (input_shape[0], self.side, self.side, 1)

    def get_config(self) -> dict[str, object]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "side": self.side}


def _conv(x: keras.KerasTensor, name: str, kernel: int) -> keras.KerasTensor:
    x = layers.Conv2D(WIDTH, kernel, padding="same", name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
