"""One step of a two-look network, compiled once for all trials of a recipe."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import jax
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from triage.domain import Finding
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, STRIDE, build_two_look, freeze
from triage.training.elsewhere.starts import Weights
from triage.training.fit.losses import (
    allowed_accuracy,
    hedged_classes_loss,
    known_mask_loss,
    taught_classes_loss,
    taught_mask_loss,
    with_answers,
)
from triage.training.fit.optimizer import learning_rate_of, optimizer_of

#: Names of the figures of a step, as `triage.training.fit.loop` writes them to the curve.
FIGURES = ("loss", f"{LOGITS}_loss", f"{MASK}_loss", f"{LOGITS}_allowed_accuracy")
#: Steps whose time is taken.
TIMED_STEPS = 10


class Batch(NamedTuple):
    """Frames ``(batch, side, side)``, masks ``(batch, side / 4, side / 4, 2)``, both of 8 bits, and the targets."""

    frames: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    targets: NDArray[np.float32]


class State(NamedTuple):
    """All that a step changes: what is learnt, the other variables of the network, and those of the optimizer."""

    learnt: Any
    others: Any
    optimizer: Any


class Trained(NamedTuple):
    """The variables of a trained network: those that learnt, averaged as the stage says, and the others."""

    learnt: Any
    others: Any


class Network:
    """A two-look network with its optimizer; the steps of all trials are the same compiled function.

    Parameters
    ----------
    stage
        The stage of the recipe, see `triage.training.fit.recipe.Stage`.
    start
        Starting weights, in the order of the network's.
    teacher
        The network that it learns from too.
    """

    def __init__(self, stage: Any, start: Weights, teacher: Network | None = None) -> None:
        self.stage, self.teacher = stage, teacher
        self.model = build_two_look(stage.size, len(Finding), stage.network.dropout, encoder=stage.network.encoder)
        self.model.set_weights(start)
        freeze(self.model, stage.network.learns)
        self.optimizer = optimizer_of(self.model, stage, stage.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self._rate = [variable.name for variable in self.optimizer.variables].index("learning_rate")
        self.first = State(
            *(
                [variable.value for variable in variables]
                for variables in (
                    self.model.trainable_variables,
                    self.model.non_trainable_variables,
                    self.optimizer.variables,
                )
            )
        )
        self.step = jax.jit(self._step)

    def rates(self, steps: int) -> NDArray[np.float32]:
        """Return the learning rate of each of so many steps."""
        rate = learning_rate_of(self.stage, steps)
        return (
            np.full(steps, rate, np.float32)
            if isinstance(rate, float)
            else np.asarray(jax.vmap(rate)(np.arange(steps)))
        )

    def seconds_of_a_step(self, side: int) -> float:
        """Compile the step for views of a side, and return how long one step takes."""
        count = self.stage.batch
        masks = np.zeros((count, side // STRIDE, side // STRIDE, 2), np.uint8)
        batch = Batch(np.zeros((count, side, side), np.uint8), masks, np.ones((count, len(Finding)), np.float32))
        (rate,) = np.full(1, self.stage.learning_rate, np.float32)
        lesson = self.teacher.result(self.teacher.first) if self.teacher else None
        state, figures = self.step(self.first, rate, batch, lesson)
        jax.block_until_ready(figures)
        began = time.monotonic()
        for _ in range(TIMED_STEPS):
            state, figures = self.step(state, rate, batch, lesson)
        jax.block_until_ready(figures)
        return (time.monotonic() - began) / TIMED_STEPS

    def result(self, state: State) -> Trained:
        """Return the variables after the last step; those that learnt have 16 bits, as they come back."""
        for variables, values in (
            (self.model.trainable_variables, state.learnt),
            (self.optimizer.variables, state.optimizer),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        return Trained([np.asarray(variable, np.float16) for variable in self.model.trainable_variables], state.others)

    def _step(self, state: State, rate: np.float32, batch: Batch, lesson: Trained | None) -> tuple[State, Any]:
        gradient = jax.value_and_grad(self._loss, has_aux=True)
        (loss, (others, figures)), slopes = gradient(state.learnt, state.others, batch, lesson)
        optimizer = list(state.optimizer)
        optimizer[self._rate] = rate
        learnt, optimizer = self.optimizer.stateless_apply(optimizer, slopes, state.learnt)
        return State(learnt, others, optimizer), ops.stack([loss, *figures])

    def _loss(self, learnt: Any, others: Any, batch: Batch, lesson: Trained | None) -> tuple[Any, tuple[Any, Any]]:
        frames = resized(ops.cast(batch.frames, "float32")[..., None], self.stage.size)
        masks = resized(ops.cast(batch.masks, "float32") / 255, self.stage.size // STRIDE)
        targets = {LOGITS: batch.targets, MASK: masks}
        classes_loss, mask_loss = hedged_classes_loss, known_mask_loss
        if lesson is not None:
            assert self.teacher is not None  # only a network with a teacher is given lessons
            # What teaches is what comes back.
            known = [ops.cast(values, "float32") for values in lesson.learnt]
            answers, _ = self.teacher.model.stateless_call(known, lesson.others, frames, training=False)
            targets = with_answers(targets, answers)
            classes_loss, mask_loss = taught_classes_loss, taught_mask_loss
        outputs, others = self.model.stateless_call(learnt, others, frames, training=True)
        classes = ops.mean(classes_loss(targets[LOGITS], outputs[LOGITS]))
        lesions = ops.mean(mask_loss(targets[MASK], outputs[MASK]))
        accuracy = ops.mean(allowed_accuracy(targets[LOGITS], outputs[LOGITS]))
        return classes + lesions, (others, (classes, lesions, accuracy))


def resized(pictures: keras.KerasTensor, side: int) -> keras.KerasTensor:
    """Return the pictures in the size that the network takes; views are drawn once, in the largest size."""
    if pictures.shape[1] == side:
        return pictures
    return ops.image.resize(pictures, (side, side), antialias=True, data_format="channels_last")
