"""A ViT-S/14 in the form of DINOv2-small as one flat functional graph: gray slice -> tokens.

The architecture is that of Dosovitskiy et al., "An Image is Worth 16x16 Words" (ICLR 2021), with the layer scale and
the table of positions of Oquab et al., "DINOv2" (TMLR 2024), and no register tokens. A brain slice is gray, so the
three RGB kernels of a patch are summed into one, as in `triage.networks.lite0`.

Softmax, norms and the sums between blocks stay in 32 bits when the policy of Keras is a mixed one.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from triage.networks.lite0 import RESCALE

PATCH = 14
CHANNELS = 384
HEADS = 6
BLOCKS = 12
EPSILON = 1e-6
#: Rows of the table of positions: the network was made for 518 px.
GRID = 37
#: Share of the slices for which the last block is left out in training; it grows evenly from 0 at the first block.
DROP_PATH = 0.1
#: Mean and standard deviation of ImageNet's channels, in shares of white.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
#: A gray slice is scaled by the averages of the three; the kernel of the patches takes up what differs.
GRAY_MEAN, GRAY_DEVIATION = float(MEAN.mean()), float(DEVIATION.mean())
#: The layer whose output are the normed tokens after the last block.
NORM = "norm"


def build_vit(size: int) -> keras.Model:
    """Build the encoder with random weights.

    Parameters
    ----------
    size
        Side of the square input in pixels; a multiple of `PATCH`.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; output ``(batch, 1 + patches, CHANNELS)``, the class token and
        those of the patches, row by row.
    """
    inputs = keras.Input((size, size, 1), name="slice")
    x = layers.Rescaling(1 / (255 * GRAY_DEVIATION), offset=-GRAY_MEAN / GRAY_DEVIATION, name=RESCALE)(inputs)
    x = layers.Conv2D(CHANNELS, PATCH, PATCH, name="patch_conv")(x)
    x = Tokens(name="tokens", dtype="float32")(x)
    for block in range(BLOCKS):
        name, drop = f"block{block}", DROP_PATH * block / (BLOCKS - 1)
        y = layers.Dense(3 * CHANNELS, name=f"{name}_attention_in")(_norm(x, f"{name}_attention_norm"))
        y = SelfAttention(HEADS, name=f"{name}_attention")(y)
        x = _add(x, layers.Dense(CHANNELS, name=f"{name}_attention_out")(y), f"{name}_attention", drop)
        y = layers.Dense(4 * CHANNELS, activation=gelu, name=f"{name}_mlp_in")(_norm(x, f"{name}_mlp_norm"))
        x = _add(x, layers.Dense(CHANNELS, name=f"{name}_mlp_out")(y), f"{name}_mlp", drop)
    return keras.Model(inputs, _norm(x, NORM), name="vit_s14")


def after_block(block: int) -> str:
    """Return the name of the layer that ends a block, counted from 0."""
    return f"block{block}_mlp_add"


@keras.saving.register_keras_serializable("triage")  # type: ignore[untyped-decorator]
def gelu(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return x times the chance that a normal variable is below x; that of Keras has no form in ONNX."""
    return 0.5 * x * (1 + ops.erf(x / 2**0.5))


@keras.saving.register_keras_serializable("triage")
class Tokens(layers.Layer):  # type: ignore[misc]
    """The patches in a row behind the class token, each with its position.

    The table of positions keeps the size that it was trained at and is interpolated at every call, so that the weights
    fit an input of any size. The class token has one position only, which is part of it here.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the class token and the table."""
        normal = keras.initializers.RandomNormal(stddev=0.02)
        self.token = self.add_weight(shape=(1, 1, input_shape[-1]), initializer=normal, name="token")
        self.positions = self.add_weight(shape=(GRID, GRID, input_shape[-1]), initializer=normal, name="positions")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, 1 + rows * rows, channels)`` from ``(batch, rows, rows, channels)``."""
        rows, channels = inputs.shape[1], inputs.shape[-1]
        cubic = ops.convert_to_tensor(bicubic(GRID, rows))
        positions = ops.einsum("ij,kl,jlc->ikc", cubic, cubic, self.positions)
        patches = ops.reshape(inputs + positions, (-1, rows * rows, channels))
        token = ops.zeros_like(patches[:, :1]) + self.token
        return ops.concatenate([token, patches], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, 1 + rows * rows, channels)``."""
        batch, rows, columns, channels = input_shape
        return (batch, 1 + rows * columns, channels)  # type: ignore[operator]  # only the batch is unknown


@keras.saving.register_keras_serializable("triage")
class SelfAttention(layers.Layer):  # type: ignore[misc]
    """Attention of the tokens to each other, from queries, keys and values side by side."""

    def __init__(self, heads: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, tokens, channels)`` from ``(batch, tokens, 3 * channels)``."""
        tokens, channels = inputs.shape[1], inputs.shape[-1] // 3
        depth = channels // self.heads
        parts = ops.transpose(ops.reshape(inputs, (-1, tokens, 3, self.heads, depth)), (2, 0, 3, 1, 4))
        query, key, value = parts[0], parts[1], parts[2]
        scores = ops.matmul(query * depth**-0.5, ops.transpose(key, (0, 1, 3, 2)))
        weights = ops.cast(ops.softmax(ops.cast(scores, "float32")), value.dtype)
        return ops.reshape(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)), (-1, tokens, channels))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, tokens, channels)``."""
        return (*input_shape[:-1], input_shape[-1] // 3)  # type: ignore[operator]  # only the batch is unknown

    def get_config(self) -> dict[str, object]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("triage")
class LayerScale(layers.Layer):  # type: ignore[misc]
    """A trained factor for each channel (Touvron et al., ICCV 2021)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the factors, small at first so that a block of random weights changes little."""
        small = keras.initializers.Constant(1e-5)
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer=small, name="scale")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return the scaled tokens."""
        return inputs * self.scale


@keras.saving.register_keras_serializable("triage")
class PatchGrid(layers.Layer):  # type: ignore[misc]
    """The tokens of the patches as rows and columns."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, rows, rows, channels)`` from ``(batch, 1 + rows * rows, channels)``."""
        return ops.reshape(inputs[:, 1:], (-1, *self.compute_output_shape(inputs.shape)[1:]))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, rows, rows, channels)``."""
        batch, tokens, channels = input_shape
        rows = round((tokens - 1) ** 0.5)  # type: ignore[operator]  # only the batch is unknown
        return (batch, rows, rows, channels)


@keras.saving.register_keras_serializable("triage")
class ClassGrid(PatchGrid):
    """The class token at every row and column."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Return ``(batch, rows, rows, channels)`` from ``(batch, 1 + rows * rows, channels)``."""
        rows = self.compute_output_shape(inputs.shape)[1]
        return ops.tile(inputs[:, :1, None], (1, rows, rows, 1))


def bicubic(given: int, wanted: int) -> NDArray[np.float32]:
    """Return the matrix ``(wanted, given)`` that resamples a row bicubically as PyTorch does (Keys, a = -0.75)."""
    centres = (np.arange(wanted) + 0.5) * given / wanted - 0.5
    near = np.floor(centres).astype(int)
    matrix = np.zeros((wanted, given), np.float32)
    for offset in range(-1, 3):
        distance = np.abs(centres - near - offset)
        inner = (1.25 * distance - 2.25) * distance**2 + 1
        outer = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
        np.add.at(
            matrix,
            (np.arange(wanted), np.clip(near + offset, 0, given - 1)),
            np.where(distance <= 1, inner, outer),
        )
    return matrix


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.LayerNormalization(epsilon=EPSILON, name=name, dtype="float32")(x)


def _add(x: keras.KerasTensor, branch: keras.KerasTensor, name: str, drop: float) -> keras.KerasTensor:
    branch = LayerScale(name=f"{name}_scale", dtype="float32")(branch)
    branch = layers.Dropout(drop, noise_shape=(None, 1, 1), name=f"{name}_drop_path", dtype="float32")(branch)
    return layers.Add(name=f"{name}_add", dtype="float32")([x, branch])
