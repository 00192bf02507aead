"""The network that serves is the one that was trained, in 8 bits; its answers, its map and the other maps."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from triage.domain import Finding, likeliest
from triage.errors import ModelError
from triage.inference import two_look
from triage.inference.calibration import log_softmax
from triage.inference.card import CARD, KERAS, ONNX
from triage.inference.explain import Method, class_map, explain, load_keras
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.runtime import Runtime
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode
from triage.settings import Settings

FOLDER = Settings().model


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(FOLDER)


@pytest.fixture(scope="module")
def pixels(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def test_what_serves_is_what_was_trained(runtime: Runtime, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks of the Keras network, weighed as the card says, give nearly the probabilities that 8 bits give."""
    monkeypatch.setattr(two_look, "DOUBT", 0.0)  # no mean of looks
    model = load_keras(FOLDER / KERAS)
    score = runtime.score(pixels)
    looks = Network(FOLDER / ONNX).look_twice(prepare(pixels, FRAME)[0])
    said = []
    for look in looks:
        shown = crop(prepare(pixels, FRAME)[0], look.box, runtime.card.input_size)
        said.append(log_softmax(model.predict(shown[None, ..., None], verbose=0)))
        np.testing.assert_allclose(look.log_probabilities, said[-1][0], atol=1)
    answer = runtime.card.fusion.probabilities(*said)[0]
    np.testing.assert_allclose(list(score.probabilities.values()), answer, atol=0.1)


def test_the_map_explains_the_logit_exactly(pixels: np.ndarray) -> None:
    """Spatial mean of the map plus bias is the logit."""
    bias = load_keras(FOLDER / KERAS).get_layer("logits").get_weights()[1]
    for box in (WHOLE, MIDDLE, Box(0.3, 0.2, 0.4)):
        look = Network(FOLDER / ONNX).look(prepare(pixels, FRAME)[0], box)
        np.testing.assert_allclose(look.log_probabilities, log_softmax(look.cam.mean(axis=(0, 1)) + bias), atol=5e-3)


def test_mask_and_map_lie_where_the_network_looked(runtime: Runtime, pixels: np.ndarray) -> None:
    score = runtime.score(pixels)
    assert score.mask.shape == (FRAME, FRAME)
    assert 0 <= score.mask.min() <= score.mask.max() <= 1
    whole, look = score.placement, score.look
    assert look.side <= whole.side * 1.01 or look.left < whole.left
    assert score.cam.shape[2] == len(Finding)


def test_what_cannot_be_ruled_out_holds_the_answer(runtime: Runtime, slices: list[Phantom]) -> None:
    for phantom in slices:
        score = runtime.score(decode(phantom.png).pixels)
        assert likeliest(score.probabilities) in score.prediction_set


def test_a_phantom_is_familiar_and_noise_is_not(runtime: Runtime, pixels: np.ndarray) -> None:
    assert runtime.score(pixels).familiar
    noise = np.random.default_rng(0).integers(0, 255, (256, 256)).astype(np.uint8)
    assert not runtime.score(noise).familiar
    assert runtime.probabilities(noise) is None


def test_what_ranks_a_slice_is_what_its_score_says(runtime: Runtime, slices: list[Phantom]) -> None:
    for phantom in slices:
        picture = decode(phantom.png).pixels
        assert runtime.probabilities(picture) == runtime.score(picture).probabilities


@pytest.mark.parametrize("method", [Method.GRAD_CAM, Method.GRAD_CAM_PLUS_PLUS, Method.SCORE_CAM])
def test_other_maps_come_on_demand(runtime: Runtime, pixels: np.ndarray, method: Method) -> None:
    values = explain(FOLDER, pixels, runtime.score(pixels).look, Finding.GLIOMA, method)
    assert values.shape == (runtime.card.input_size, runtime.card.input_size)
    assert 0 <= values.min() <= values.max() <= 1


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
    [({"preprocessing": 0}, "another preprocessing"), ({"fusion": "hot"}, "not a model card")],
)
def test_a_card_that_does_not_fit_is_refused(copy: Path, change: dict[str, object], words: str) -> None:
    card = json.loads((copy / CARD).read_text())
    (copy / CARD).write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match=words):
        Runtime(copy)
