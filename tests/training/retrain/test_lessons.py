from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from triage.training.fit.losses import hedged_classes_loss, known_mask_loss
from triage.training.retrain.lessons import kept_loss, remembered_loss, site_classes_loss, site_mask_loss

LOGITS = np.array([[2.0, 0.0, -1.0, 0.5]], np.float32)
GLIOMA, NONE = [1.0, 0, 0, 0], [0.0, 0, 0, 1]


def classes(label: list[float], answer: list[float], trust: float, taught: float) -> float:
    target = np.array([[*label, *answer, trust, taught]], np.float32)
    return float(np.asarray(site_classes_loss(target, LOGITS))[0])


def test_label_and_answer_count_by_their_weights() -> None:
    label = float(np.asarray(hedged_classes_loss(np.array([GLIOMA], np.float32), LOGITS))[0])
    answer = float(-np.asarray(ops.log_softmax(LOGITS))[0, 3])
    assert classes(GLIOMA, NONE, 1, 0) == pytest.approx(label, rel=1e-5)
    assert classes(GLIOMA, NONE, 0, 1) == pytest.approx(answer, rel=1e-5)
    assert classes(GLIOMA, NONE, 0.5, 0.25) == pytest.approx(0.5 * label + 0.25 * answer, rel=1e-5)


def test_masks_count_by_the_same_weights() -> None:
    rng = np.random.default_rng(0)
    logits, lesion = rng.normal(size=(1, 8, 8, 1)).astype(np.float32), np.zeros((1, 8, 8, 1), np.float32)
    lesion[0, 2:5, 2:5] = 1
    answer, known = np.full_like(lesion, 0.3), np.ones_like(lesion)
    weights = np.broadcast_to(np.array([0.5, 0.25], np.float32), (1, 8, 8, 2))
    together = np.asarray(site_mask_loss(np.concatenate([lesion, known, answer, weights], axis=3), logits))
    apart = [np.asarray(known_mask_loss(np.concatenate([mask, known], axis=3), logits)) for mask in (lesion, answer)]
    np.testing.assert_allclose(together, 0.5 * apart[0] + 0.25 * apart[1], rtol=1e-5)


def test_features_that_stay_cost_nothing_and_doubled_ones_their_own_size() -> None:
    before = np.array([[3.0, 4.0]], np.float32)
    target = np.concatenate([before, [[0.5]]], axis=1).astype(np.float32)
    assert float(np.asarray(kept_loss(target, before))[0]) == 0
    assert float(np.asarray(kept_loss(target, 2 * before))[0]) == pytest.approx(0.5, rel=1e-3)


def test_remembered_features_are_taught_their_label_and_answer() -> None:
    wanted = (np.array([GLIOMA]) + np.array([NONE])) / 2
    logs = np.asarray(ops.log_softmax(LOGITS))[0]
    assert float(np.asarray(remembered_loss(wanted.astype(np.float32), LOGITS))[0]) == pytest.approx(
        -(logs[0] + logs[3]) / 2, rel=1e-5
    )
