from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import FROZEN_UP_TO, MASK, LesionWeights, build_two_look, start_from_imagenet


def test_two_outputs_survive_saving(tmp_path: Path) -> None:
    model = build_two_look(64)
    start_from_imagenet(model)
    slices = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 1)).astype(np.float32)
    answers = model.predict_on_batch(slices)
    assert answers[LOGITS].shape == (2, 4)
    assert answers[MASK].shape == (2, 16, 16, 1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False).predict_on_batch(slices)
    assert np.allclose(answers[LOGITS], again[LOGITS], atol=1e-5)
    assert np.allclose(answers[MASK], again[MASK], atol=1e-5)


def test_what_imagenet_knows_better_stays() -> None:
    model = build_two_look(64)
    start_from_imagenet(model)
    frozen = {layer.name for layer in model.layers if not layer.trainable}
    assert {"stem_conv", FROZEN_UP_TO, "block14_project_bn"} <= frozen
    assert not {"block5_expand_conv", "decoder4_conv", MASK, LOGITS} & frozen


def test_the_head_looks_where_the_mask_is() -> None:
    mask = np.full((1, 8, 8, 1), -9.0, np.float32)
    mask[0, :4, :4] = 9.0
    weights = np.asarray(LesionWeights(2)(mask))
    assert weights.shape == (1, 2, 2, 1)
    assert abs(weights.mean() - 1) < 1e-5
    assert weights[0, 0, 0, 0] > 3.9
