from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.ndimage import zoom

from triage.networks.vit import CHANNELS, ClassGrid, PatchGrid, SelfAttention, Tokens, bicubic, build_vit


def test_the_network_is_one_flat_graph_of_the_published_size() -> None:
    model = build_vit(112)
    assert not [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert model.output_shape == (None, 1 + 8 * 8, CHANNELS)
    # DINOv2-small has 22.06 million; the kernels of two colours and the class token's position are less here.
    assert model.count_params() == 22_056_576 - 2 * 14 * 14 * 384 - 2 * 384


def test_attention_is_that_of_its_definition() -> None:
    query, key, value = np.random.default_rng(0).normal(size=(3, 2, 5, 12)).astype(np.float32)
    expected = np.empty((2, 5, 12))
    for head in range(3):
        own = slice(4 * head, 4 * head + 4)
        scores = np.exp(query[..., own] @ key[..., own].transpose(0, 2, 1) / 2)
        expected[..., own] = scores / scores.sum(axis=-1, keepdims=True) @ value[..., own]
    answer = SelfAttention(3)(np.concatenate([query, key, value], axis=-1))
    np.testing.assert_allclose(np.asarray(answer), expected, atol=1e-5)


def test_positions_keep_their_values_at_their_own_size_and_are_smooth_at_others() -> None:
    np.testing.assert_allclose(bicubic(37, 37), np.eye(37), atol=1e-6)
    for wanted in (4, 16, 50):
        matrix = bicubic(37, wanted)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
        wave = np.sin(np.arange(37) / 6)
        np.testing.assert_allclose(matrix @ wave, zoom(wave, wanted / 37, mode="nearest", grid_mode=True), atol=0.02)


def test_tokens_and_grids_keep_the_order_of_the_patches() -> None:
    patches = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).astype(np.float32)
    layer = Tokens()
    layer.build(patches.shape)
    layer.set_weights([np.full((1, 1, 8), 7.0), np.zeros((37, 37, 8))])
    tokens = layer(patches)
    np.testing.assert_allclose(np.asarray(PatchGrid()(tokens)), patches, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(ClassGrid()(tokens)), np.full((2, 4, 4, 8), 7.0))


def test_the_weights_fit_every_size_and_survive_saving(tmp_path: Path) -> None:
    model, other = build_vit(56), build_vit(112)
    other.set_weights(model.get_weights())
    model.save(tmp_path / "model.keras")
    slices = np.random.default_rng(0).uniform(0, 255, (2, 56, 56, 1)).astype(np.float32)
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(np.asarray(again(slices)), np.asarray(model(slices)), atol=1e-5)


def test_whole_branches_are_dropped_in_training() -> None:
    drop = build_vit(56).get_layer("block11_mlp_drop_path")
    kept = np.asarray(drop(np.ones((400, 3, 5), np.float32), training=True))
    assert all(np.ptp(branch) == 0 for branch in kept)
    assert 0.03 < (kept[:, 0, 0] == 0).mean() < 0.2
    assert kept.max() == pytest.approx(1 / 0.9)
