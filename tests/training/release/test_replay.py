from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from drawn import FOLDERS, head, manifest_set

from triage.errors import ModelError
from triage.inference.preprocess import prepare
from triage.inference.two_look import log_probabilities, look_twice
from triage.inference.views import FRAME
from triage.networks.twolook import build_two_look
from triage.training.fit.two_look_training import view_predictor
from triage.training.layouts import read_dataset
from triage.training.release.importance import importance_of
from triage.training.release.replay import REPLAY, Replay, balanced_sample, features_of, load_replay, remember_features


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(3)
    return build_two_look(64)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.stack([np.rint(prepare(head(label, 3), FRAME)[0]).astype(np.uint8) for label in FOLDERS])


def test_remembered_features_give_the_answers_again(network: keras.Model, frames: np.ndarray) -> None:
    kept = Replay(features_of(network, frames), np.arange(4), np.array(FOLDERS), {})
    first, second = log_probabilities(look_twice(view_predictor(network), frames))
    _, again = kept.looks_of(network)
    np.testing.assert_allclose(again, second, atol=0.01)
    assert first.shape == kept.looks_of(network)[0].shape


def test_a_training_set_is_kept_without_a_picture(network: keras.Model, tmp_path: Path) -> None:
    data = read_dataset(manifest_set(tmp_path / "data", each=5, others=2))
    kept = remember_features(network, data, 10)
    kept.save(tmp_path / REPLAY)
    again = load_replay(tmp_path, {REPLAY})
    assert again.features.dtype == np.float16
    assert again.features.shape == (10, 2, 2560)
    for name in ("features", "classes", "sources"):
        np.testing.assert_array_equal(getattr(again, name), getattr(kept, name))
    assert set(again.importance) == {variable.path for variable in _learning(network)}
    assert set(np.unique(again.classes)) == {0, 1, 2, 3}
    assert (tmp_path / REPLAY).stat().st_size < 100_000


def _learning(network: keras.Model) -> list[keras.Variable]:
    from triage.networks.twolook import start_from_two_look

    model = build_two_look(64)
    start_from_two_look(model, network, "last")
    return model.trainable_variables


def test_importance_is_that_of_the_answers(network: keras.Model, frames: np.ndarray) -> None:
    before = network.get_weights()
    found = importance_of(network, frames[:1])
    assert all((each >= 0).all() for each in found.values())
    assert found["logits/kernel"].shape == (4,)
    assert found["logits/kernel"].max() > 0
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sample_has_every_class_and_source_in_turn() -> None:
    classes, sources = [0] * 50 + [1] * 4, ["a"] * 45 + ["b"] * 9
    chosen = balanced_sample(classes, sources, 12)
    assert [classes[at] for at in chosen].count(1) == 4
    assert [sources[at] for at in chosen if classes[at] == 0].count("b") == 4
    assert len(balanced_sample(classes, sources, 100)) == 54


def test_two_sets_are_joined_and_a_model_may_have_none(tmp_path: Path) -> None:
    ones = [
        Replay(np.full((6, 2, 3), value, np.float16), np.arange(6) % 2, np.full(6, source), {"a": np.ones(1)})
        for value, source in ((1, "old"), (2, "site"))
    ]
    joined = ones[0].joined(ones[1], 8)
    assert sorted(joined.sources) == ["old"] * 4 + ["site"] * 4
    assert (joined.features[joined.sources == "site"] == 2).all()
    (tmp_path / REPLAY).write_bytes(b"PK\x03\x04")
    assert load_replay(tmp_path, ()) is None
    with pytest.raises(ModelError, match="triage remember"):
        load_replay(tmp_path, {REPLAY})
