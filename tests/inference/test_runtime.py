"""The network that serves is the network that was trained, and its map is Grad-CAM."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from triage.domain import Finding
from triage.errors import ModelError
from triage.inference.calibration import softmax
from triage.inference.card import CARD, KERAS, ONNX
from triage.inference.explain import Method, class_map, explain, load_keras
from triage.inference.preprocess import prepare
from triage.inference.runtime import Runtime
from triage.phantoms import Phantom
from triage.scans.raster import decode
from triage.settings import Settings

FOLDER = Settings().model


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(FOLDER)


@pytest.fixture(scope="module")
def pixels(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def test_the_map_explains_the_logit_exactly(runtime: Runtime, pixels: np.ndarray) -> None:
    """Spatial mean of the map plus bias is the logit."""
    model = load_keras(FOLDER / KERAS)
    bias = model.get_layer("logits").get_weights()[1]
    score = runtime.score(pixels)
    frame, _ = prepare(pixels, runtime.card.input_size)
    logits = model.predict(frame[None, ..., None], verbose=0)[0]
    np.testing.assert_allclose(score.cam.mean(axis=(0, 1)) + bias, logits, atol=2e-3)
    probabilities = softmax(logits, runtime.card.temperature)
    np.testing.assert_allclose(list(score.probabilities.values()), probabilities, atol=1e-3)


@pytest.mark.parametrize("finding", list(Finding))
def test_the_map_is_grad_cam_up_to_scale(runtime: Runtime, pixels: np.ndarray, finding: Finding) -> None:
    """Held against tf-keras-vis, before it enlarges the map."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    frame, _ = prepare(pixels, runtime.card.input_size)
    index = list(Finding).index(finding)
    theirs = Gradcam(load_keras(FOLDER / KERAS), clone=False)(
        CategoricalScore(index),
        frame[None, ..., None],
        penultimate_layer="head_relu",
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    )
    ours = np.maximum(runtime.score(pixels).cam[..., index], 0)
    theirs = np.maximum(np.asarray(theirs)[0], 0)
    assert ours.shape == theirs.shape
    if ours.max() == 0:
        assert theirs.max() == 0
    else:
        np.testing.assert_allclose(ours / ours.max(), theirs / theirs.max(), atol=1e-3)


@pytest.mark.parametrize("method", [Method.GRAD_CAM, Method.GRAD_CAM_PLUS_PLUS, Method.SCORE_CAM])
def test_other_maps_come_on_demand(pixels: np.ndarray, method: Method) -> None:
    values, placement = explain(FOLDER, pixels, Finding.GLIOMA, method)
    assert values.shape == (224, 224)
    assert 0 <= values.min() <= values.max() <= 1
    assert placement.side > 100


def test_any_flat_keras_model_can_be_explained() -> None:
    import keras

    inputs = keras.Input((32, 32, 1))
    features = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))
    frame = np.random.default_rng(0).random((32, 32), np.float32)
    for method in (Method.GRAD_CAM, Method.GRAD_CAM_PLUS_PLUS, Method.SCORE_CAM):
        assert class_map(keras.Model(inputs, outputs), frame, 1, method).shape == (32, 32)


def test_threads_share_one_runtime(runtime: Runtime, slices: list[Phantom]) -> None:
    pictures = [decode(phantom.png).pixels for phantom in slices] * 3

    def glioma(picture: np.ndarray) -> float:
        return runtime.score(picture).probabilities[Finding.GLIOMA]

    alone = [glioma(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(glioma, pictures))
    np.testing.assert_allclose(alone, together, atol=1e-6)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "model"))


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="TRIAGE_MODEL"):
        Runtime(tmp_path)


def test_an_altered_network_is_refused(copy: Path) -> None:
    with (copy / ONNX).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="altered"):
        Runtime(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"preprocessing": 0}, "another preprocessing"), ({"temperature": "hot"}, "not a model card")],
)
def test_a_card_that_does_not_fit_is_refused(copy: Path, change: dict[str, object], words: str) -> None:
    card = json.loads((copy / CARD).read_text())
    (copy / CARD).write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match=words):
        Runtime(copy)
