"""Losses of classes, and of masks that may be unknown; the other losses are tested in `test_loop.py`."""

from __future__ import annotations

import numpy as np
import pytest

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK
from triage.training.fit.losses import (
    GLIOMA_SHARE,
    TEACHER_SHARE,
    allowed_accuracy,
    allowed_classes_loss,
    hedged_classes_loss,
    known_mask_loss,
    taught_classes_loss,
    taught_mask_loss,
    with_answers,
)

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


def taught_targets(answer: list[float], mask_answer: float) -> dict[str, np.ndarray]:
    """Targets of a meningioma with an outline that is not known, taught by these logits."""
    targets = {LOGITS: MENINGIOMA[None], MASK: np.zeros((1, 8, 8, 2), np.float32)}
    answers = {LOGITS: np.array([answer], np.float32), MASK: np.full((1, 8, 8, 1), mask_answer, np.float32)}
    return {name: np.asarray(values) for name, values in with_answers(targets, answers).items()}


def test_a_teacher_that_agrees_with_the_label_leaves_the_loss_nearly_as_it_is() -> None:
    targets = taught_targets([-20.0, 20.0, -20.0, -20.0], 0.0)
    logits = np.array([[1.0, 2.0, -1.0, 0.0]], np.float32)
    assert np.allclose(taught_classes_loss(targets[LOGITS], logits), hedged_classes_loss(MENINGIOMA[None], logits))
    assert float(np.asarray(allowed_accuracy(targets[LOGITS], logits))[0]) == 1


def test_label_and_teacher_pull_by_their_shares() -> None:
    """The lowest loss is at the mean of both, weighted by the share."""
    targets = taught_targets([20.0, -20.0, -20.0, -20.0], 0.0)
    best = np.log(np.array([[TEACHER_SHARE, 1 - TEACHER_SHARE, 1e-6, 1e-6]], np.float32))
    lowest = float(np.asarray(taught_classes_loss(targets[LOGITS], best))[0])
    for lean in (-0.5, 0.5):
        other = best + np.array([[lean, 0, 0, 0]], np.float32)
        assert float(np.asarray(taught_classes_loss(targets[LOGITS], other))[0]) > lowest + 0.01


def test_a_teacher_knows_a_mask_that_nobody_drew() -> None:
    targets = taught_targets([0.0, 1.0, 0.0, 0.0], 20.0)
    filled, empty = (np.full((1, 8, 8, 1), value, np.float32) for value in (20.0, -20.0))
    assert float(np.asarray(taught_mask_loss(targets[MASK], filled))[0]) < 1e-3
    assert float(np.asarray(taught_mask_loss(targets[MASK], empty))[0]) > TEACHER_SHARE
