"""EfficientNet-Lite as one flat functional graph: gray slice -> GAP -> Dense; the stages make it Lite0 or another.

The architecture is that of Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(ICML 2019), in the Lite variant published with the TensorFlow TPU models: no squeeze-and-excite, ReLU6 throughout,
stem and head not scaled. A brain slice is gray, so the three RGB kernels of the stem are summed into one. This is
exactly what the RGB network computes for the same gray image in all three channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

Stages = Sequence[tuple[int, int, int, int, int]]
#: (kernel, stride, expansion, output channels, repeats) of the seven stages.
STAGES: Stages = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
BN_EPSILON = 1e-3
#: The layer from whose output the class-activation map is computed.
LAST_MAP = "head_relu"
LOGITS = "logits"
RESCALE = "rescale"


def build_lite0(
    classes: int = 4, size: int = 224, dropout: float = 0.2, *, normed: bool = True, stages: Stages = STAGES
) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    classes
        Number of outputs.
    size
        Side of the square input in pixels; a multiple of 32.
    dropout
        Rate between the pooled features and the last layer, active in training only.
    normed
        Whether batch normalisation follows the convolutions. Without it, `load_imagenet` folds the norms into the
        convolutions: the same function at less cost, for training that does not update the norms.
    stages
        Those of Lite0, or of a larger network of the family.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size, 1)``, gray 0 to 255; output ``(batch, classes)``, logits (no softmax).
    """
    inputs = keras.Input((size, size, 1), name="slice")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name=RESCALE)(inputs)
    x = _conv(x, "stem", 32, kernel=3, stride=2, normed=normed)
    block = 0
    for kernel, stride, expansion, channels, repeats in stages:
        for repeat in range(repeats):
            x = _mbconv(x, f"block{block}", kernel, stride if repeat == 0 else 1, expansion, channels, normed)
            block += 1
    x = _conv(x, "head", 1280, kernel=1, normed=normed)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name=LOGITS, dtype="float32")(x)
    return keras.Model(inputs, logits, name="lite0")


def load_imagenet(model: keras.Model, state: dict[str, np.ndarray], stages: Stages = STAGES) -> None:
    """Copy ImageNet weights into the convolutions and batch norms; the last layer is not changed.

    Parameters
    ----------
    model
        A network from `build_lite0`.
    state
        Arrays by PyTorch name, as `triage.networks.checkpoint.read_state_dict` returns them.
    stages
        Those that the network was built with.

    Raises
    ------
    KeyError
        If the checkpoint is not of these stages.
    """
    _load_conv(model, state, "stem", "_conv_stem", "_bn0")
    _load_conv(model, state, "head", "_conv_head", "_bn1")
    block = 0
    for _, _, expansion, _, repeats in stages:
        for _ in range(repeats):
            source = f"_blocks.{block}"
            if expansion != 1:
                _load_conv(model, state, f"block{block}_expand", f"{source}._expand_conv", f"{source}._bn0")
            _load_conv(model, state, f"block{block}_depthwise", f"{source}._depthwise_conv", f"{source}._bn1")
            _load_conv(model, state, f"block{block}_project", f"{source}._project_conv", f"{source}._bn2")
            block += 1


@keras.saving.register_keras_serializable("triage")
class NormedConv2D(layers.Conv2D):  # type: ignore[misc]
    """A convolution with the following batch normalisation folded in, for fixed statistics.

    The scale of the norm is applied to the kernel at every call, so that training updates the original kernel: scaled
    kernels are up to seven times smaller, and the learning rate for ImageNet weights would not fit them.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel, and the two vectors of the norm, which are not trained."""
        super().build(input_shape)
        self.scale = self.add_weight(shape=(self.filters,), initializer="ones", trainable=False, name="scale")
        self.bias.trainable = False

    # Conv2D saves only its kernel and bias; the method of Layer saves all variables.
    save_own_variables = layers.Layer.save_own_variables
    load_own_variables = layers.Layer.load_own_variables

    def convolution_op(self, inputs: keras.KerasTensor, kernel: keras.KerasTensor) -> keras.KerasTensor:
        """Convolve with the scaled kernel."""
        return super().convolution_op(inputs, kernel * self.scale)


def take_normed(layer: keras.Layer, kernel: np.ndarray, norm: Sequence[np.ndarray]) -> None:
    """Set the weights of a convolution without norm from those of a convolution and its batch norm.

    Parameters
    ----------
    layer
        `NormedConv2D`, or a depthwise convolution with a bias.
    kernel
        Kernel of the convolution.
    norm
        Gamma, beta, moving mean and moving variance of its norm, ``(channels,)`` each.
    """
    gamma, beta, mean, variance = norm
    scale = gamma / np.sqrt(variance + BN_EPSILON)
    if isinstance(layer, NormedConv2D):
        layer.scale.assign(scale)
    else:
        kernel = kernel * scale[:, None]
    layer.kernel.assign(kernel)
    layer.bias.assign(beta - mean * scale)


def _conv2d(
    x: keras.KerasTensor, name: str, channels: int, kernel: int, stride: int, normed: bool
) -> keras.KerasTensor:
    if not normed:
        return NormedConv2D(channels, kernel, stride, padding="same", name=f"{name}_conv")(x)
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return _norm(x, name)


def _norm(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(epsilon=BN_EPSILON, momentum=0.99, name=f"{name}_bn")(x)


def _conv(
    x: keras.KerasTensor, name: str, channels: int, kernel: int, stride: int = 1, *, normed: bool
) -> keras.KerasTensor:
    return layers.ReLU(6.0, name=f"{name}_relu")(_conv2d(x, name, channels, kernel, stride, normed))


def _mbconv(
    x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, channels: int, normed: bool
) -> keras.KerasTensor:
    shortcut = x
    if expansion != 1:
        x = _conv(x, f"{name}_expand", x.shape[-1] * expansion, kernel=1, normed=normed)
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=not normed, name=f"{name}_depthwise_conv")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_norm(x, f"{name}_depthwise") if normed else x)
    x = _conv2d(x, f"{name}_project", channels, 1, 1, normed)
    if stride == 1 and shortcut.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _load_conv(model: keras.Model, state: dict[str, np.ndarray], name: str, conv: str, norm: str) -> None:
    layer = model.get_layer(f"{name}_conv")
    kernel = state[f"{conv}.weight"].transpose(2, 3, 1, 0)  # torch (out, in, h, w) -> keras (h, w, in, out)
    if isinstance(layer, layers.DepthwiseConv2D):
        kernel = kernel.transpose(0, 1, 3, 2)
    elif name == "stem":
        kernel = kernel.sum(axis=2, keepdims=True)
    statistics = [state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    if layer.use_bias:
        take_normed(layer, kernel, statistics)
    else:
        layer.set_weights([kernel])
        model.get_layer(f"{name}_bn").set_weights(statistics)
