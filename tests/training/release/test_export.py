"""The export of a trained network: in 32 bits, and in 8 bits as it serves."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from drawn import head

from triage.domain import Finding
from triage.inference.calibration import log_softmax
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop
from triage.networks.twolook import build_two_look, start_from_imagenet
from triage.training.release.export import export_exact, export_onnx

SIZE = 64
LOOKS = (WHOLE, MIDDLE, Box(0.3, 0.2, 0.4))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    model = build_two_look(SIZE)
    start_from_imagenet(model)
    return model


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Prepared heads, ``(slices, FRAME, FRAME)``."""
    drawn = [head(label, seed) for seed in range(6) for label in ("glioma", "notumor")]
    return np.stack([prepare(pixels, FRAME)[0].round().astype(np.uint8) for pixels in drawn])


@pytest.fixture(scope="module")
def views(frames: np.ndarray) -> np.ndarray:
    return np.stack([crop(frame.astype(np.float32), WHOLE, SIZE) for frame in frames])


@pytest.fixture(scope="module")
def exact(model: keras.Model, views: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "exact.onnx"
    export_exact(model, views.round().astype(np.uint8), path)
    return path


@pytest.fixture(scope="module")
def serving(model: keras.Model, frames: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "serving.onnx"
    export_onnx(model, frames, path)
    return path


def test_the_32_bit_network_equals_the_keras_network(model: keras.Model, exact: Path, frames: np.ndarray) -> None:
    network = Network(exact)
    assert network.size == SIZE
    for frame in frames:
        for box in LOOKS:
            look = network.look(frame.astype(np.float32), box)
            said = model(crop(frame.astype(np.float32), box, SIZE)[None, ..., None])
            np.testing.assert_allclose(look.log_probabilities, log_softmax(np.asarray(said["logits"]))[0], atol=2e-3)
            np.testing.assert_allclose(look.mask, tf.sigmoid(said["mask"])[0, ..., 0], atol=1e-3)


@pytest.mark.parametrize("finding", list(Finding))
def test_the_map_is_the_product_of_features_and_gradient(
    model: keras.Model, exact: Path, frames: np.ndarray, finding: Finding
) -> None:
    """HiResCAM, from its definition, by TensorFlow's own gradient."""
    index = list(Finding).index(finding)
    look = Network(exact).look(frames[0].astype(np.float32), WHOLE)
    twin = keras.Model(model.input, [model.get_layer("head_relu").output, model.output["logits"]])
    with tf.GradientTape() as tape:
        features, logits = twin(crop(frames[0].astype(np.float32), WHOLE, SIZE)[None, ..., None])
        said = logits[:, index]
    gradient = tape.gradient(said, features)
    expected = (features * gradient).numpy().sum(axis=-1) * features.shape[1] * features.shape[2]
    np.testing.assert_allclose(look.cam[..., index], expected[0], atol=2e-2)


def test_the_8_bit_network_is_close_to_the_32_bit_one(exact: Path, serving: Path, frames: np.ndarray) -> None:
    kinds = [node.op_type for node in onnx.load(serving).graph.node]
    assert kinds.count("DequantizeLinear") > 100
    assert serving.stat().st_size < exact.stat().st_size / 2
    one, other = Network(exact), Network(serving)
    logits, masks = [], []
    for frame in frames.astype(np.float32):
        before, after = one.look_twice(frame)[0], other.look_twice(frame)[0]
        logits.append(np.abs(before.log_probabilities - after.log_probabilities).mean())
        masks.append(np.abs(before.mask - after.mask).mean())
        assert before.distance == pytest.approx(after.distance, abs=0.3)  # a dozen slices do not span the features
    # Heads that were never trained amplify what differs.
    assert np.mean(logits) < 0.4
    assert np.mean(masks) < 0.06


def test_the_mean_of_the_8_bit_map_plus_the_bias_is_the_logit(
    model: keras.Model, serving: Path, frames: np.ndarray
) -> None:
    """Spatial mean of the map plus bias is the logit."""
    bias = model.get_layer("logits").get_weights()[1]
    for frame in frames.astype(np.float32):
        for box in LOOKS:
            look = Network(serving).look(frame, box)
            np.testing.assert_allclose(
                look.log_probabilities, log_softmax(look.cam.mean(axis=(0, 1)) + bias), atol=2e-3
            )


def test_the_8_bit_network_is_deterministic(serving: Path, frames: np.ndarray) -> None:
    """ONNX Runtime's average pool in 8 bits, which is not used, gave others in repeated runs."""
    network = Network(serving)
    before = network.look_at_all(frames)
    for _ in range(3):
        for one, other in zip(before, network.look_at_all(frames), strict=True):
            for look, again in zip(one, other, strict=True):
                np.testing.assert_array_equal(look.log_probabilities, again.log_probabilities)
                np.testing.assert_array_equal(look.cam, again.cam)
                np.testing.assert_array_equal(look.mask, again.mask)
