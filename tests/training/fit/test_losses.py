"""Losses of classes, and of masks that may be unknown; the other losses are tested in `test_loop.py`."""

from __future__ import annotations

import numpy as np
import pytest

from triage.training.fit.losses import GLIOMA_SHARE, allowed_classes_loss, hedged_classes_loss, known_mask_loss

GLIOMA, MENINGIOMA, PITUITARY, NOTUMOR = np.eye(4, dtype=np.float32)
UNTYPED = GLIOMA + MENINGIOMA + PITUITARY


def loss_of(target: np.ndarray, logits: list[float]) -> float:
    (loss,) = np.asarray(hedged_classes_loss(target[None], np.array([logits], np.float32)))
    return float(loss)


@pytest.mark.parametrize("target", [GLIOMA, MENINGIOMA, PITUITARY, NOTUMOR])
def test_a_known_type_has_the_usual_loss(target: np.ndarray) -> None:
    logits = np.array([[2.0, -1.0, 0.5, 0.0]], np.float32)
    assert np.allclose(hedged_classes_loss(target[None], logits), allowed_classes_loss(target[None], logits))


def test_an_unknown_type_has_the_lowest_loss_at_the_shares_of_both() -> None:
    shares = [float(np.log(share)) for share in (GLIOMA_SHARE, 1 - GLIOMA_SHARE)]
    best = loss_of(UNTYPED, [*shares, -9.0, -9.0])
    for certain in ([6.0, -6.0, -9.0, -9.0], [-6.0, 6.0, -9.0, -9.0]):
        assert loss_of(UNTYPED, certain) > best + 0.5


def test_an_unknown_type_may_still_be_a_pituitary_tumour() -> None:
    shares = [float(np.log(share)) for share in (GLIOMA_SHARE, 1 - GLIOMA_SHARE)]
    assert loss_of(UNTYPED, [*shares, 9.0, -9.0]) == pytest.approx(loss_of(UNTYPED, [*shares, -9.0, -9.0]), abs=1e-3)
    assert loss_of(UNTYPED, [*shares, -9.0, 9.0]) > 5


def test_an_unknown_mask_costs_nothing() -> None:
    logits = np.full((3, 8, 8, 1), -3.0, np.float32)
    target = np.zeros((3, 8, 8, 2), np.float32)
    target[1:, ..., 1] = 1
    target[2, 2:6, 2:6, 0] = 1
    unknown, empty, lesion = np.asarray(known_mask_loss(target, logits))
    assert unknown == 0
    assert lesion > empty > 0
    right = np.where(target[..., :1] > 0, 20.0, -20.0).astype(np.float32)
    assert np.asarray(known_mask_loss(target, right)).max() < 1e-3
