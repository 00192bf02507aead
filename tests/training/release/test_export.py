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
from triage.errors import ModelError
from triage.inference import preprocess
from triage.inference.calibration import equal_fusion, log_softmax
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.two_look import DOUBT, NOTUMOR, SURE, log_probabilities
from triage.inference.views import FRAME, MIDDLE, WHOLE, Box, crop, lay_back
from triage.networks.twolook import build_two_look, start_from_packaged
from triage.training.data.splits import CLASSES
from triage.training.evaluate.scorer import open_model
from triage.training.fit.checkpoints import save_model, write_json
from triage.training.fit.lineage import PARTS_FILE
from triage.training.fit.run import CONFIG_FILE
from triage.training.release.export import export_exact, export_onnx
from triage.training.release.reference import reference_of

SIZE = 64
LOOKS = (WHOLE, MIDDLE, Box(0.3, 0.2, 0.4))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    model = build_two_look(SIZE)
    start_from_packaged(model)
    return model


@pytest.fixture(scope="module")
def decided(model: keras.Model, views: np.ndarray) -> keras.Model:
    """A network whose first look is sure of no tumour, plainly sees a glioma, or is in doubt, by slice in turn.

    Its last layer is the solution of least norm that gives these logits on the first looks.
    """
    network = keras.models.clone_model(model)
    network.set_weights(model.get_weights())
    pooled = keras.Model(network.input, network.get_layer("looked_at").output)(views[..., None]).numpy()
    wanted = np.log([[0.01, 0.01, 0.01, 0.97], [0.95, 0.02, 0.01, 0.02], [0.4, 0.35, 0.1, 0.15]])
    logits = np.tile(wanted, (len(views) // 3, 1))
    network.get_layer("logits").set_weights([np.linalg.pinv(pooled) @ logits, np.zeros(4)])
    return network


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
            outputs = model(crop(frame.astype(np.float32), box, SIZE)[None, ..., None])
            np.testing.assert_allclose(look.log_probabilities, log_softmax(np.asarray(outputs["logits"]))[0], atol=2e-3)
            np.testing.assert_allclose(look.mask, tf.sigmoid(outputs["mask"])[0, ..., 0], atol=1e-3)


def test_the_distance_can_stay_that_of_another_network(
    model: keras.Model, exact: Path, serving: Path, views: np.ndarray, frames: np.ndarray, tmp_path: Path
) -> None:
    reference = reference_of(exact)
    quantized = reference_of(serving)
    np.testing.assert_allclose(quantized.mean, reference.mean, atol=1e-5)
    assert quantized.whitening.shape == reference.whitening.shape
    other = tmp_path / "other.onnx"
    export_exact(model, views[:2].round().astype(np.uint8), other, reference)
    for frame in frames[:3]:
        before, after = (Network(path).look(frame.astype(np.float32), WHOLE) for path in (exact, other))
        assert after.distance == pytest.approx(before.distance, rel=1e-4)
    graph = onnx.load(exact)
    del graph.graph.node[:]
    onnx.save(graph, tmp_path / "empty.onnx")
    with pytest.raises(ModelError, match="no distance to its training slices"):
        reference_of(tmp_path / "empty.onnx")


def test_a_run_and_its_32_bit_export_follow_the_same_policy(
    decided: keras.Model, views: np.ndarray, frames: np.ndarray, tmp_path: Path
) -> None:
    """What `evaluate` measures of a run folder is what serves, whether the first look is sure, plain or in doubt."""
    run = tmp_path / "run"
    run.mkdir()
    save_model(decided, run)
    config = {"preprocessing": preprocess.VERSION, "classes": CLASSES["finding"], "size": FRAME}
    write_json(run / CONFIG_FILE, config)
    write_json(run / PARTS_FILE, {"test": []})
    scorer = open_model(run)
    export_exact(decided, views.round().astype(np.uint8), tmp_path / "exact.onnx")
    served = Network(tmp_path / "exact.onnx").look_at_all(frames)

    first, second = log_probabilities(served)
    fused = equal_fusion(len(Finding)).probabilities(first, second)
    np.testing.assert_allclose(scorer.probabilities(frames), fused, atol=2e-3)
    masks = np.stack([lay_back(look.mask, look.box) for _, look in served])
    np.testing.assert_allclose(scorer.masks(frames), masks, atol=2e-3)
    # The slices are of all three kinds: no second look, a second look, and a look at the middle before it.
    whole = [Network(tmp_path / "exact.onnx").look(frame, WHOLE) for frame in frames]
    sure, plain, doubtful = (np.arange(len(frames)) % 3 == kind for kind in range(3))
    chances = np.exp([look.log_probabilities for look in whole])
    assert (chances[sure, NOTUMOR] > SURE).all()
    assert (chances[plain].max(axis=1) > DOUBT).all()
    assert (chances[doubtful].max(axis=1) < DOUBT).all()
    assert [look.box == WHOLE for _, look in served] == sure.tolist()
    changed = [not np.allclose(one.mask, pair[0].mask) for one, pair in zip(whole, served, strict=True)]
    assert changed == doubtful.tolist()


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
        logit = logits[:, index]
    gradient = tape.gradient(logit, features)
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
