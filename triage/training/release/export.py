"""Export of a trained two-look network to its serving form: ONNX, with maps, mask and out-of-distribution distance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import onnx
from keras import layers
from numpy.typing import NDArray

from triage.inference.network import CAM, DISTANCE, FEATURES, INPUT, LOGITS, MASK, Network
from triage.inference.views import FRAME, WHOLE, crop
from triage.networks.lite0 import RESCALE
from triage.networks.mahalanobis import MahalanobisDistance
from triage.networks.twolook import FOCUS, encoder_of
from triage.training.evaluate.scorer import Scorer, named
from triage.training.fit.loop import predict
from triage.training.layouts import Dataset
from triage.training.release.quantization import quantize
from triage.training.release.reference import Reference
from triage.training.views.frames import load_frames_of

#: Number of slices, with two looks each, on which the ranges of the activations are measured.
RANGE_SLICES = 32


def for_serving(
    model: keras.Model, training_views: NDArray[np.uint8], reference: Reference | None = None
) -> keras.Model:
    """Return the same network with every output that serving needs.

    The maps are the features weighted by the gradient of each logit, position by position (HiResCAM, Draelos & Carin,
    2020). The logits are linear in the pooled features, so applying the dense weights at every position gives these
    maps without a backward pass; their spatial mean plus the bias is the logit.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`.
    training_views
        ``(slices, size, size)`` uint8: first looks at training slices, from which the distance is measured.
    reference
        What the distance is measured from instead.

    Returns
    -------
    keras.Model
        Input ``(batch, size, size)``, gray 0 to 255; outputs ``logits (batch, classes)``,
        ``mask (batch, rows, columns, 1)`` as probability,
        ``cam (batch, rows, columns, classes)``, ``features (batch, features)``, the means of the maps of
        `Encoder.textures`, and ``distance (batch,)`` of those of the last of them, see `MahalanobisDistance`.
    """
    _, encoder = encoder_of(model)
    names = (encoder.last_map, FOCUS, *encoder.textures)
    features, focus, *textures = (model.get_layer(name).output for name in names)
    kernel, _ = model.get_layer(LOGITS).get_weights()
    everywhere, inside = np.split(kernel, 2)
    classes = kernel.shape[1]
    cams = [layers.Conv2D(classes, 1, use_bias=False, name=f"cam_{name}") for name in ("everywhere", "inside")]
    cam = layers.Add(name=CAM)([cams[0](features), cams[1](focus)])
    for layer, weights in zip(cams, (everywhere, inside), strict=True):
        layer.set_weights([weights[None, None]])
    *fine, coarse = [layers.GlobalAveragePooling2D(name=f"textures{at}")(maps) for at, maps in enumerate(textures)]
    pooled = layers.Concatenate(name="textures")([*fine, coarse]) if fine else coarse
    mahalanobis = MahalanobisDistance(name=DISTANCE)
    distance = mahalanobis(coarse)
    if reference is None:
        mahalanobis.fit(predict(keras.Model(model.input, coarse), training_views))
    else:
        mahalanobis.set_weights([reference.mean, reference.whitening])
    mask = layers.Activation("sigmoid", name="mask_probability")(model.get_layer(MASK).output)
    rescale = model.get_layer(RESCALE)
    rest = keras.Model(
        rescale.output,
        {LOGITS: model.get_layer(LOGITS).output, MASK: mask, CAM: cam, DISTANCE: distance, FEATURES: pooled},
    )
    # The input has no channel axis: along an axis of length one, ONNX Runtime rescales pixel by pixel, which took a
    # seventh of the total time.
    pictures = keras.Input(model.input_shape[1:3], name=INPUT)
    x = layers.Rescaling(rescale.scale, rescale.offset)(pictures)
    return keras.Model(pictures, rest(layers.Reshape(model.input_shape[1:])(x)), name="serving")


def export_onnx(
    model: keras.Model, trained_on: NDArray[np.uint8], path: Path, reference: Reference | None = None
) -> None:
    """Write a two-look network in its serving form: ONNX in 8 bits.

    See `for_serving` and `triage.training.release.quantization`.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`.
    trained_on
        ``(slices, FRAME, FRAME)``: prepared training slices.
    path
        ONNX file to write.
    reference
        See `for_serving`.
    """
    size = int(model.input_shape[1])
    with TemporaryDirectory(prefix="triage-") as folder:
        exact = Path(folder) / "exact.onnx"
        views = np.stack([np.rint(_whole(frame, size)).astype(np.uint8) for frame in trained_on])
        export_exact(model, views, exact, reference)
        some = trained_on[np.linspace(0, len(trained_on) - 1, RANGE_SLICES).round().astype(int)]
        quantize(exact, _both_looks(Network(exact), some), path)
    onnx.checker.check_model(onnx.load(path))


def serving_network(scorer: Scorer, dataset: Dataset, folder: Path) -> Network:
    """Write a run's network in its serving form into a folder, and return it."""
    path = folder / f"{scorer.name}.onnx"
    trained_on = named(scorer.parts["train"], dataset)
    export_onnx(scorer.trained, load_frames_of(dataset.root, trained_on, FRAME).pixels, path)
    return Network(path)


def export_exact(
    model: keras.Model, training_views: NDArray[np.uint8], path: Path, reference: Reference | None = None
) -> None:
    """Write the network of `for_serving` as ONNX in 32 bits."""
    serving = for_serving(model, training_views, reference)
    serving(np.zeros((1, *model.input_shape[1:3]), np.float32))  # Keras exports only models that were called
    serving.export(path, format="onnx", verbose=False)


def _whole(frame: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    return crop(frame.astype(np.float32), WHOLE, size)


def _both_looks(network: Network, frames: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    for frame in frames:
        second = network.look_twice(frame.astype(np.float32))[1]
        yield _whole(frame, network.size)
        yield crop(frame.astype(np.float32), second.box, network.size)
