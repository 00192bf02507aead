from __future__ import annotations

import keras
import numpy as np
import pytest

from triage.training.retrain.held import HeldAdamW, held


def drifted(furthest: float, importance: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Return how far a weight of each channel gets in 400 steps that all push it the same way."""
    given = keras.Input((1,))
    model = keras.Model(given, keras.layers.Dense(2, use_bias=False, name="dense")(given))
    before = model.get_weights()[0].copy()
    optimizer = HeldAdamW(*held(model, importance or {}, furthest), 1e-3, weight_decay=0.0)
    model.compile(optimizer, lambda target, given: -given * target, jit_compile=False)
    for _ in range(400):
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 2)))
    return model.get_weights()[0][0] - before[0]


def test_a_weight_gets_no_further_than_where_the_pull_is_as_strong_as_a_step() -> None:
    assert drifted(0.01) == pytest.approx([0.01, 0.01], rel=0.05)
    assert drifted(100.0) == pytest.approx([0.4, 0.4], rel=0.05), "without a pull, a step at a time"


def test_what_the_old_answers_depend_on_is_held_harder() -> None:
    importance = {"dense/kernel": np.array([0.5, 1.5], np.float32)}
    assert drifted(0.01, importance) == pytest.approx([0.02, 0.01 / 1.5], rel=0.05)
    extreme = {"dense/kernel": np.array([0.0, 1e6], np.float32)}
    assert drifted(0.01, extreme) == pytest.approx([0.04, 0.005], rel=0.05), "within limits"
