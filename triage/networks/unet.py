"""A light U-Net: gray slice -> tumour mask (Ronneberger et al., MICCAI 2015, with a quarter of the channels)."""

from __future__ import annotations

import keras
from keras import layers

MASK = "mask"


def build_unet(size: int, width: int = 16, depth: int = 4) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    size
        Side of the square input in pixels; a multiple of ``2 ** depth``.
    width
        Channels at full resolution; they double at every level.
    depth
        Number of times that the resolution is halved.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; output ``(batch, size, size, 1)``, logits.

    Raises
    ------
    ValueError
        If the size is not a multiple of ``2 ** depth``.
    """
    if size % 2**depth:
        raise ValueError(f"A U-Net of depth {depth} needs a size that is a multiple of {2**depth}, not {size}.")
    inputs = keras.Input((size, size, 1), name="slice")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(inputs)
    skips = []
    for level in range(depth):
        x = _block(x, f"down{level}", width * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"down{level}_pool")(x)
    x = _block(x, "bottom", width * 2**depth)
    for level in reversed(range(depth)):
        x = layers.UpSampling2D(interpolation="bilinear", name=f"up{level}_grow")(x)
        x = layers.Concatenate(name=f"up{level}_join")([x, skips[level]])
        x = _block(x, f"up{level}", width * 2**level)
    return keras.Model(inputs, layers.Conv2D(1, 1, name=MASK, dtype="float32")(x), name="unet")


def _block(x: keras.KerasTensor, name: str, channels: int) -> keras.KerasTensor:
    for part in "ab":
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_{part}_conv")(x)
        x = layers.BatchNormalization(name=f"{name}_{part}_bn")(x)
        x = layers.ReLU(name=f"{name}_{part}_relu")(x)
    return x
