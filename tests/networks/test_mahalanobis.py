from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from triage.networks.mahalanobis import MahalanobisDistance


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """Vectors that vary in a few directions, as the features of one kind of picture do."""
    rng = np.random.default_rng(0)
    return (rng.random((400, 8)) @ rng.random((8, 40)) + rng.normal(0, 0.05, (400, 40))).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(features: np.ndarray) -> MahalanobisDistance:
    layer = MahalanobisDistance()
    layer.build((None, features.shape[1]))
    layer.fit(features[:300])
    return layer


def test_the_distance_is_mahalanobis_with_shrinkage(fitted: MahalanobisDistance, features: np.ndarray) -> None:
    known = features[:300].astype(np.float64)
    scaled = (features[300:] - known.mean(axis=0)) / known.std(axis=0)
    inverse = np.linalg.inv(np.corrcoef(known.T) * 300 / 299 + np.eye(40))
    expected = np.sqrt(np.einsum("ij,jk,ik->i", scaled, inverse, scaled) / 40)
    np.testing.assert_allclose(np.asarray(fitted(features[300:])), expected, rtol=1e-3)
    assert expected.mean() < 1


def test_another_kind_is_far_away(fitted: MahalanobisDistance, features: np.ndarray) -> None:
    other = (np.random.default_rng(1).random((50, 40)) * 8).astype(np.float32)
    assert np.asarray(fitted(other)).min() > np.asarray(fitted(features[300:])).max()


def test_it_is_saved_with_a_model(fitted: MahalanobisDistance, features: np.ndarray, tmp_path: Path) -> None:
    inputs = keras.Input((features.shape[1],))
    keras.Model(inputs, fitted(inputs)).save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(again(features[:5])), np.asarray(fitted(features[:5])), rtol=1e-5)
