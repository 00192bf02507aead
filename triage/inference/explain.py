"""Class-activation maps that need gradients or many passes: on demand, by the Keras model.

The default map comes with the score (`triage.inference.runtime`). TensorFlow is imported inside the functions, so that
a process without these maps never loads it. Tested in tests/inference/test_runtime.py.
"""

from __future__ import annotations

import warnings
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Placement
from triage.inference.card import KERAS, read_card
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME, Box, crop

if TYPE_CHECKING:
    import keras


#: ScoreCAM runs the network once per feature map; those with the largest variance are used. More take longer than a
#: reader waits and change little: on phantoms the map of 32 correlates with that of 64 by 1.00.
SCORE_CAM_MAPS = 32


class Method(StrEnum):
    """Methods for a class-activation map."""

    CAM = "HiResCAM, part of the score"
    GRAD_CAM = "Grad-CAM"
    GRAD_CAM_PLUS_PLUS = "Grad-CAM++"
    SCORE_CAM = "ScoreCAM"


def explain(
    folder: Path, pixels: NDArray[np.generic], look: Placement, finding: Finding, method: Method
) -> NDArray[np.float32]:
    """Return the map of one class by one method, for the look that decided the result.

    Parameters
    ----------
    folder
        A model folder.
    pixels
        ``(height, width)`` gray values.
    look
        The part of the slice in that look, as in the score; the map covers it.
    finding
        The class to explain.
    method
        Grad-CAM (Selvaraju et al., ICCV 2017), Grad-CAM++ (Chattopadhay et al., WACV 2018) or ScoreCAM (Wang et al.,
        CVPR Workshops 2020), all by tf-keras-vis.

    Returns
    -------
    ndarray
        ``(size, size)`` float32, 0 to 1.
    """
    card = read_card(folder)
    frame, whole = prepare(pixels, FRAME)
    box = Box((look.left - whole.left) / whole.side, (look.top - whole.top) / whole.side, look.side / whole.side)
    model = load_keras(folder / KERAS)
    return class_map(model, crop(frame, box, card.input_size), card.classes.index(finding), method)


def class_map(model: keras.Model, frame: NDArray[np.float32], index: int, method: Method) -> NDArray[np.float32]:
    """Return the map of one output of any flat Keras model: ``(rows, columns)`` of the frame, 0 to 1.

    Parameters
    ----------
    model
        A flat functional model with logits as its output; nested backbones have no map.
    frame
        ``(size, size)`` float32 as the model takes it.
    index
        Index of the output.
    method
        Any but `Method.CAM`.
    """
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.scores import CategoricalScore

    makers: dict[Method, Any] = {
        Method.GRAD_CAM: Gradcam,
        Method.GRAD_CAM_PLUS_PLUS: GradcamPlusPlus,
        Method.SCORE_CAM: Scorecam,
    }
    batch = frame[None, ..., None]
    # The output is logits, so no model modifier is needed. With clone=False, one would alter the shared model.
    layer = last_map(model)
    options: dict[str, Any] = {"penultimate_layer": layer.name, "seek_penultimate_conv_layer": False}
    if method is Method.SCORE_CAM:
        options["max_N"] = min(SCORE_CAM_MAPS, layer.output.shape[-1])
    with warnings.catch_warnings():
        # tf-keras-vis passes a list of one input to a model with one input; Keras accepts it with a warning.
        warnings.filterwarnings("ignore", message=r"(?s).*structure of `inputs` doesn't match")
        maps = makers[method](model, clone=False)(CategoricalScore(index), batch, **options)
    return np.asarray(maps[0], dtype=np.float32)


def last_map(model: keras.Model) -> keras.Layer:
    """Return the layer for the map: the named one of our networks, otherwise the last one with rows and columns.

    By default, tf-keras-vis uses the last convolution, before its batch normalisation and ReLU.
    """
    from triage.networks.encoders import ENCODERS

    maps = {encoder.last_map for encoder in ENCODERS.values()}
    named = [layer for layer in model.layers if layer.name in maps]
    return named[0] if named else next(layer for layer in reversed(model.layers) if len(layer.output.shape) == 4)


@lru_cache(maxsize=2)
def load_keras(path: Path) -> keras.Model:
    """Load the Keras model once, from slice to logits, without its other outputs."""
    import keras

    from triage.networks import twolook
    from triage.networks.lite0 import LOGITS

    model = keras.saving.load_model(path, compile=False, custom_objects={"LesionWeights": twolook.LesionWeights})
    return keras.Model(model.input, model.get_layer(LOGITS).output)
