"""The small convolutional networks of published write-ups: convolutions with max pooling, then dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from triage.networks.lite0 import LOGITS


def build_cnn(
    classes: int,
    size: int,
    filters: Sequence[int] = (16, 32, 64),
    dense: Sequence[int] = (512,),
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    classes
        Number of outputs.
    size
        Side of the square input in pixels.
    filters
        Channels of each 3 x 3 convolution; each is followed by 2 x 2 max pooling.
    dense
        Units of each hidden dense layer.
    dropout
        Rate before the dense layers, active in training only.
    batch_norm
        Whether each hidden dense layer is followed by batch normalisation.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; output ``(batch, classes)``, logits.
    """
    inputs = keras.Input((size, size, 1), name="slice")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for index, channels in enumerate(filters):
        x = layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"conv{index}")(x)
        x = layers.MaxPooling2D(name=f"pool{index}")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    for index, units in enumerate(dense):
        x = layers.Dense(units, activation="relu", name=f"dense{index}")(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"dense{index}_bn")(x)
    return keras.Model(inputs, layers.Dense(classes, name=LOGITS, dtype="float32")(x), name="cnn")
