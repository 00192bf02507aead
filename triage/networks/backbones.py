"""ImageNet backbones as flat functional graphs: gray slice -> backbone -> GAP -> Dense.

The backbones of keras.applications are built on our own input tensor, because Grad-CAM needs every layer in one graph.
The gray slice is repeated in three channels and scaled as the authors of the backbone did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers

from triage.errors import TriageError
from triage.networks.checkpoint import imagenet_lite0
from triage.networks.lite0 import LOGITS, build_lite0, load_imagenet

LITE0 = "efficientnet-lite0"
#: Values of ``--weights`` other than the name of a file.
NONE = "none"
PACKAGED = "packaged"
ONLINE = "imagenet"


class WeightsError(TriageError):
    """The requested weights are not available, or belong to another network."""


@dataclass(frozen=True)
class _Application:
    """A network of keras.applications and its input scaling, for channels of 0 to 255: ``x * scale + offset``."""

    name: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    @property
    def build(self) -> Callable[..., Any]:
        make: Callable[..., Any] = getattr(keras.applications, self.name)
        return make


_BGR = ((1.0, 1.0, 1.0), (-103.939, -116.779, -123.68))
_DEVIATION = (0.229, 0.224, 0.225)
_TORCH = (
    tuple(1 / (255 * deviation) for deviation in _DEVIATION),
    tuple(-mean / deviation for mean, deviation in zip((0.485, 0.456, 0.406), _DEVIATION, strict=True)),
)
_APPLICATIONS = {
    "resnet50": _Application("ResNet50", *_BGR),
    "resnet101": _Application("ResNet101", *_BGR),
    "vgg16": _Application("VGG16", *_BGR),
    "densenet121": _Application("DenseNet121", *_TORCH),
    # EfficientNetB0 contains its own input scaling.
    "efficientnetb0": _Application("EfficientNetB0", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
}
BACKBONES = (*_APPLICATIONS, LITE0)


def build_backbone(
    backbone: str, classes: int, size: int, dropout: float = 0.2, frozen: int = 0, weights: str | None = None
) -> tuple[keras.Model, str]:
    """Build a network and load its starting weights.

    Parameters
    ----------
    backbone
        One of `BACKBONES`.
    classes
        Number of outputs.
    size
        Side of the square input in pixels; a multiple of 32.
    dropout
        Rate before the last layer.
    frozen
        Number of layers, counted from the input, whose loaded weights are not trained; -1 for all but the last.
        If weights are loaded, batch normalisation never updates its statistics.
    weights
        ``none``, ``packaged`` (EfficientNet-Lite0 only), ``imagenet`` (downloaded by keras.applications), or a file
        that `keras.Model.load_weights` reads for this network without its top. The default is ``packaged`` for
        EfficientNet-Lite0, else ``none``, so that nothing is downloaded without a request.

    Returns
    -------
    model
        Input ``(batch, size, size, 1)``, gray 0 to 255; output ``(batch, classes)``, logits.
    started_from
        The starting weights, as text for the record of the run.

    Raises
    ------
    WeightsError
        If the weights are not available, or belong to another network.
    """
    if backbone not in BACKBONES:
        raise WeightsError(f"{backbone!r} is not a backbone. Choose one of {', '.join(BACKBONES)}.")
    if backbone == LITE0:
        model, started_from = _lite0(classes, size, dropout, weights or PACKAGED)
    else:
        model, started_from = _application(backbone, classes, size, dropout, weights or NONE)
    if started_from != NONE:
        _freeze(model, frozen)
    return model, started_from


def _lite0(classes: int, size: int, dropout: float, weights: str) -> tuple[keras.Model, str]:
    model = build_lite0(classes, size, dropout)
    if weights == NONE:
        return model, NONE
    if weights == PACKAGED:
        load_imagenet(model, imagenet_lite0())
        return model, "packaged ImageNet weights of EfficientNet-Lite0"
    if weights == ONLINE:
        raise WeightsError("keras.applications has no EfficientNet-Lite0. Use --weights packaged, a file, or none.")
    # The network in the file may have other classes, so its last layer is not used.
    source = open_saved(Path(weights))
    _copy_weights(source, model, Path(weights))
    return model, f"file {Path(weights).name}"


def _application(backbone: str, classes: int, size: int, dropout: float, weights: str) -> tuple[keras.Model, str]:
    if weights == PACKAGED:
        raise WeightsError(
            f"No weights are packaged for {backbone}. Use --weights imagenet (online), a file, none, or "
            f"--backbone {LITE0}."
        )
    application = _APPLICATIONS[backbone]
    inputs = keras.Input((size, size, 1), name="slice")
    rgb = layers.Concatenate(name="gray_to_rgb")([inputs] * 3)
    scaled = layers.Rescaling(list(application.scale), list(application.offset), name="as_published")(rgb)
    body = application.build(include_top=False, weights=None, input_tensor=scaled)
    x = layers.GlobalAveragePooling2D(name="pool")(body.output)
    x = layers.Dropout(dropout, name="dropout")(x)
    model = keras.Model(inputs, layers.Dense(classes, name=LOGITS, dtype="float32")(x), name=backbone)
    if weights == NONE:
        return model, NONE
    source = _published(backbone, size, weights)
    _copy_weights(source, model, Path(weights))
    return model, "ImageNet weights of keras.applications" if weights == ONLINE else f"file {Path(weights).name}"


def _published(backbone: str, size: int, weights: str) -> keras.Model:
    """Return the backbone of keras.applications with the requested weights."""
    path = Path(weights)
    if weights != ONLINE and not path.is_file():
        raise WeightsError(f"{weights} does not exist. Name a weights file, or use none, packaged or imagenet.")
    if path.suffix == ".keras":
        return open_saved(path)
    try:
        return _APPLICATIONS[backbone].build(include_top=False, weights=weights, input_shape=(size, size, 3))
    except Exception as error:  # Keras raises a bare Exception for a failed download
        if weights == ONLINE:
            reason = "could not be downloaded. Connect to the internet, or name a weights file or none."
        else:
            reason = f"are not in {path.name}. Name a file with the weights of this network without its top, or none."
        raise WeightsError(f"The weights of {backbone} {reason}") from error


def open_saved(path: Path) -> keras.Model:
    """Return the network in a ``.keras`` file.

    Raises
    ------
    WeightsError
        If the file cannot be read.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as a network. Name a .keras file, or none.") from error


def _copy_weights(source: keras.Model, model: keras.Model, path: Path) -> None:
    """Copy the weights layer by layer, in order: some names differ, because Keras numbers layers consecutively."""
    given, wanted = (
        [layer for layer in network.layers if layer.weights and layer.name != LOGITS] for network in (source, model)
    )
    try:
        for old, new in zip(given, wanted, strict=True):
            new.set_weights(old.get_weights())
    except ValueError as error:
        raise WeightsError(
            f"{path.name} holds another network than {model.name}. Name a file with the weights of {model.name}."
        ) from error


def _freeze(model: keras.Model, frozen: int) -> None:
    below = model.layers[:-1] if frozen < 0 else model.layers[:frozen]
    for layer in model.layers:
        # The statistics of ImageNet are kept: small batches of one organ give worse ones.
        if layer in below or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
