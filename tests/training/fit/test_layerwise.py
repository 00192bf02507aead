from __future__ import annotations

import keras
import numpy as np
import pytest

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, build_two_look
from triage.training.fit.layerwise import HEADS_SHARE, LayerwiseAdamW, shares_of
from triage.training.fit.loop import compile_for
from triage.training.fit.recipe import load_recipe


@pytest.mark.parametrize(("encoder", "size", "first", "blocks"), [("lite0", 32, "stem_conv", 16)])
def test_shares_fall_from_the_last_block_to_the_input(encoder: str, size: int, first: str, blocks: int) -> None:
    model = build_two_look(size, encoder=encoder)
    variables = [layer.name for layer in model.layers for _ in layer.trainable_variables]
    shares = dict(zip(variables, shares_of(model, 0.8), strict=True))
    assert shares[LOGITS] == shares[MASK] == shares["decoder4_conv"] == HEADS_SHARE
    assert shares[f"block{blocks - 1}_project_conv"] == pytest.approx(0.8)
    assert shares["block0_project_conv"] == pytest.approx(0.8**blocks)
    assert shares[first] == pytest.approx(0.8 ** (blocks + 1))


def test_a_step_is_scaled_by_the_share_of_its_variable() -> None:
    inputs = keras.Input((3,))
    x = keras.layers.Dense(3, use_bias=False, kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(x))
    model.compile(LayerwiseAdamW([0.1, 1.0], 1e-2, weight_decay=0.0), "mse", jit_compile=False)
    model.train_on_batch(np.ones((4, 3), np.float32), np.zeros((4, 1), np.float32))
    # The first step of Adam is the learning rate in the direction of the gradient.
    first, second = (1 - weights for weights in model.get_weights())
    np.testing.assert_allclose(first, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(second, 1e-2, rtol=1e-3)


def test_a_stage_chooses_it() -> None:
    stage = load_recipe("two-look-vit").train
    model = build_two_look(32)
    compile_for(model, {LOGITS: "mse", MASK: "mse"}, stage, steps=10)
    assert isinstance(model.optimizer, LayerwiseAdamW)
    assert len(model.optimizer.shares) == len(model.trainable_variables)
