from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from triage.networks.encoders import ENCODERS
from triage.networks.lite0 import LOGITS, build_lite0
from triage.networks.twolook import (
    MASK,
    LesionWeights,
    build_two_look,
    mean_of,
    start_from_packaged,
    start_from_two_look,
)
from triage.training.fit.recipe import load_recipe
from triage.training.fit.stages import build


def test_two_outputs_survive_saving(tmp_path: Path) -> None:
    model = build_two_look(64)
    start_from_packaged(model)
    slices = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    answers = model.predict_on_batch(slices)
    assert answers[LOGITS].shape == (2, 4)
    assert answers[MASK].shape == (2, 16, 16, 1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False).predict_on_batch(slices)
    assert np.allclose(answers[LOGITS], again[LOGITS], atol=1e-5)
    assert np.allclose(answers[MASK], again[MASK], atol=1e-5)


def test_early_layers_are_frozen() -> None:
    model = build_two_look(64)
    start_from_packaged(model)
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    assert {"stem_conv", "block2_project_conv", "block14_depthwise_conv"} <= frozen
    assert not {"block5_expand_conv", "decoder4_conv", MASK, LOGITS} & frozen


def test_the_last_layers_alone_leave_what_the_gate_reads_as_it_is() -> None:
    model = build_two_look(64)
    start_from_packaged(model, "last")
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    textures = [model.get_layer(name).output for name in ENCODERS["lite0"].textures]
    gate_reads = keras.Model(model.input, textures).layers
    assert {layer.name for layer in gate_reads} | {"block14_depthwise_conv"} <= frozen
    assert not {"block11_expand_conv", "head_conv", "decoder4_conv", MASK, LOGITS} & frozen


def test_all_layers_learn_if_wanted_but_not_the_statistics_of_the_norms() -> None:
    model = build_two_look(64)
    start_from_packaged(model, "all")
    assert all(layer.trainable for layer in model.layers)
    stem = model.get_layer("stem_conv")
    assert [weight.name for weight in stem.trainable_weights] == ["kernel"]


def test_weights_are_loaded_from_a_network_with_norms() -> None:
    older, rng = build_two_look(64, normed=True), np.random.default_rng(0)
    for layer in older.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    slices = rng.uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    model = build_two_look(64)
    start_from_two_look(model, older)
    expected, answers = older.predict_on_batch(slices), model.predict_on_batch(slices)
    assert np.ptp(expected[MASK]) > 0.1
    assert np.allclose(answers[LOGITS], expected[LOGITS], atol=1e-4)
    assert np.allclose(answers[MASK], expected[MASK], atol=1e-4)


def test_weights_are_loaded_from_a_network_of_another_size() -> None:
    trained, model = build_two_look(64), build_two_look(96)
    start_from_packaged(trained)
    start_from_two_look(model, trained)
    for given, taken in zip(trained.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(given, taken)


@pytest.mark.parametrize("normed", [False, True])
def test_the_mean_lies_between_starting_and_final_weights(normed: bool) -> None:
    start, trained = build_two_look(64, normed=normed), build_two_look(96)
    start_from_two_look(trained, start)
    trained.get_layer(LOGITS).bias.assign([1, 2, 3, 4])
    kernel = trained.get_layer("block5_expand_conv").kernel
    kernel.assign(kernel + 0.5)
    middle = mean_of(start, trained)
    assert middle.input_shape == start.input_shape
    np.testing.assert_allclose(middle.get_layer(LOGITS).bias, [0.5, 1, 1.5, 2])
    unmoved = start.get_layer("block5_expand_conv").kernel
    np.testing.assert_allclose(middle.get_layer("block5_expand_conv").kernel, unmoved + 0.25, atol=1e-6)
    if not normed:
        np.testing.assert_array_equal(middle.get_layer(MASK).kernel, start.get_layer(MASK).kernel)
    with pytest.raises(ValueError, match="not a two-look network"):
        mean_of(start, build_lite0())


def test_the_mean_of_three_has_a_third_of_each() -> None:
    networks = [build_two_look(64) for _ in range(3)]
    for value, network in enumerate(networks):
        network.get_layer(LOGITS).bias.assign([value, 0, 3 * value, 1])
    np.testing.assert_allclose(mean_of(*networks).get_layer(LOGITS).bias, [1, 0, 3, 1])


def test_norms_are_trained_from_random_weights() -> None:
    scratch, started_from = build(load_recipe("two-look").train.model_copy(update={"size": 64}), 4, "none")
    assert started_from == "none"
    assert scratch.get_layer("block5_expand_bn").trainable


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="not a two-look network"):
        start_from_two_look(build_two_look(64), build_lite0())


def test_features_are_weighted_by_the_mask() -> None:
    mask = np.full((1, 8, 8, 1), -9.0, np.float32)
    mask[0, :4, :4] = 9.0
    weights = np.asarray(LesionWeights(2)(mask))
    assert weights.shape == (1, 2, 2, 1)
    assert abs(weights.mean() - 1) < 1e-5
    assert weights[0, 0, 0, 0] > 3.9


def test_weights_are_means_over_areas_where_the_sides_do_not_divide() -> None:
    mask = np.random.default_rng(0).normal(0, 2, (1, 14, 14, 1)).astype(np.float32)
    weights = np.asarray(LesionWeights(4)(mask))[0, ..., 0]
    # Each position is 3.5 pixels wide: the first has three whole ones and half of the fourth.
    shares = np.zeros((4, 14))
    for position in range(4):
        for pixel in range(14):
            shares[position, pixel] = max(0, min(pixel + 1, 3.5 * position + 3.5) - max(pixel, 3.5 * position)) / 3.5
    found = shares @ (1 / (1 + np.exp(-mask[0, ..., 0]))) @ shares.T + 1e-3
    np.testing.assert_allclose(weights, found / found.mean(), rtol=1e-5)
