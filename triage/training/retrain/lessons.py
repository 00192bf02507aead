"""The batches of a retraining, with the answers of the model that serves and remembered features; and their losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, POOLED
from triage.training.fit.losses import hedged_classes_loss, known_mask_loss
from triage.training.layouts import FINDINGS
from triage.training.release.replay import Replay
from triage.training.views.two_look_views import TwoLookViews

#: The output of the last layer for remembered features, and the features of the views themselves.
REMEMBERED, KEPT = "remembered", "kept"
CLASSES = len(FINDINGS)
Floats = NDArray[np.float32]


class Lessons:
    """Training batches; each depends only on the seed, the epoch and the step.

    Parameters
    ----------
    views
        Of pictures that each know their number by `Picture.made_of`.
    teacher
        The network of the model that serves; it answers for every view.
    trust
        Returns the weights of the labels in an epoch, ``(pictures,)``; 0 for a picture without one.
    replay
        Remembered features; None if the model has none.

    Attributes
    ----------
    step
        Called with the epoch and the step of every batch, if there is one.
    """

    def __init__(
        self,
        views: TwoLookViews,
        teacher: keras.Model,
        trust: Callable[[int], Floats],
        replay: Replay | None,
    ) -> None:
        self.views, self.trust, self.replay = views, trust, replay
        self.teacher = keras.Model(teacher.input, {**teacher.output, POOLED: teacher.get_layer(POOLED).output})
        self.steps, self._asking = views.steps, Lock()
        self.step: Callable[[int, int], None] | None = None
        if replay is not None:
            self._answers = np.exp(np.stack(replay.looks_of(teacher), axis=1))
            self._weights = _balanced(replay)

    def make(self, epoch: int, step: int) -> tuple[Any, Any]:
        """Return pictures and targets; with remembered features, both of them."""
        if self.step is not None:
            self.step(epoch, step)
        views = self.views.drawn(epoch, step)
        pictures, targets = self.views.packed(views)
        with self._asking:  # batches are made in several threads
            given = self.teacher.predict_on_batch(pictures)
        answers = np.asarray(ops.softmax(given[LOGITS]), np.float32)
        masks = np.asarray(ops.sigmoid(given[MASK]), np.float32)
        weights = self.trust(epoch)
        trust = np.array([min(weights[number] for number in view.made_of) for view in views], np.float32)
        agreed = (answers * targets[LOGITS]).sum(axis=1)
        both = np.stack([trust, 1 - trust * (1 - agreed)], axis=1)
        wide = np.broadcast_to(both[:, None, None], (*masks.shape[:3], 2))
        wanted = {
            LOGITS: np.concatenate([targets[LOGITS], answers, both], axis=1),
            MASK: np.concatenate([targets[MASK], masks, wide], axis=3),
            KEPT: np.concatenate([np.asarray(given[POOLED], np.float32), both[:, 1:]], axis=1),
        }
        if self.replay is None:
            return pictures, wanted
        rng = np.random.default_rng((self.views.seed, epoch, step, 1))
        rows = rng.choice(len(self._weights), len(pictures), p=self._weights)
        looks = rng.integers(0, 2, len(pictures))
        labels = np.eye(CLASSES, dtype=np.float32)[self.replay.classes[rows]]
        return (
            [pictures, self.replay.features[rows, looks].astype(np.float32)],
            wanted | {REMEMBERED: (labels + self._answers[rows, looks].astype(np.float32)) / 2},
        )


def site_classes_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy to the label by its trust, plus that to the answer of the model that serves.

    The more the answer contradicts a trusted label, the less it counts: it would teach what the reader corrected.

    Parameters
    ----------
    target
        ``(batch, 2 * classes + 2)``: 1 for each class that the label allows, the answer, the weights of both.
    logits
        ``(batch, classes)``.
    """
    label, answer = target[..., :CLASSES], target[..., CLASSES : 2 * CLASSES]
    trust, taught = target[..., -2], target[..., -1]
    cross = -ops.sum(answer * ops.log_softmax(logits, axis=-1), axis=-1)
    return trust * hedged_classes_loss(label, logits) + taught * cross


def site_mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """`known_mask_loss` to the outline by the trust of its label, plus that to the mask of the model that serves.

    Parameters
    ----------
    target
        ``(batch, rows, columns, 5)``: mask, where it is known, the answer, the weights of both.
    logits
        ``(batch, rows, columns, 1)``.
    """
    answer = target[..., 2:3]
    trust, taught = target[:, 0, 0, 3], target[:, 0, 0, 4]
    from_teacher = known_mask_loss(ops.concatenate([answer, ops.ones_like(answer)], axis=-1), logits)
    return trust * known_mask_loss(target[..., :2], logits) + taught * from_teacher


def kept_loss(target: keras.KerasTensor, features: keras.KerasTensor) -> keras.KerasTensor:
    """Distance of the features before the last layer from those of the model that serves, relative to their size.

    What the last layer was taught on remembered features holds as long as features mean the same.

    Parameters
    ----------
    target
        ``(batch, features + 1)``: the features of the model that serves, and the weight of its answer.
    features
        ``(batch, features)``.
    """
    before, taught = target[..., :-1], target[..., -1]
    apart = ops.sum(ops.square(features - before), axis=-1)
    return taught * apart / (ops.sum(ops.square(before), axis=-1) + 1e-3)


def remembered_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy to the mean of label and answer, for remembered features."""
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


def numbered(views: TwoLookViews) -> TwoLookViews:
    """Give every picture its number, which its views keep."""
    views.pictures = [replace(picture, made_of=(number,)) for number, picture in enumerate(views.pictures)]
    return views


def _balanced(replay: Replay) -> NDArray[np.float64]:
    """Return how often each row is drawn: all classes as often, and in a class all sources."""
    groups = list(zip(replay.classes.tolist(), replay.sources.tolist(), strict=True))
    sources = {label: len({source for each, source in groups if each == label}) for label, _ in groups}
    weights = np.array([1 / sources[label] / groups.count((label, source)) for label, source in groups])
    return np.asarray(weights / weights.sum(), np.float64)
