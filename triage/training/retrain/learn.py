"""The training of a candidate: from the weights that serve, on the pictures of a site.

Tested in tests/training/retrain/test_retrain.py and tests/training/retrain/test_pictures.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.inference.two_look import log_probabilities, look_twice
from triage.inference.views import FRAME
from triage.learning.parts import Part
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import DROPOUT, MASK, POOLED, build_two_look, encoder_of, mean_of, start_from_two_look
from triage.training.data.splits import Sample
from triage.training.fit.checkpoints import STATE_FILE, Row, atomic_write, averaged_weights, epochs_done, write_json
from triage.training.fit.loop import Batches, Function, compile_for, train
from triage.training.fit.losses import allowed_accuracy, allowed_loss_of
from triage.training.fit.optimizer import learning_rate_of
from triage.training.fit.recipe import Recipe, Stage, TwoLook
from triage.training.fit.two_look_training import locate_unoutlined, view_predictor
from triage.training.retrain.held import HeldAdamW, held
from triage.training.retrain.lessons import (
    CLASSES,
    KEPT,
    REMEMBERED,
    Lessons,
    kept_loss,
    numbered,
    remembered_loss,
    site_classes_loss,
    site_mask_loss,
)
from triage.training.retrain.pictures import Lesson, Taught, pictures_for
from triage.training.retrain.trust import doubt
from triage.training.views.frames import load_frames_of
from triage.training.views.two_look_views import TwoLookViews

PLAN = "plan.json"
TRUST = "trust.npz"
#: Steps that are timed before the training, besides the first.
TIMED = 3
#: Slices of the validation part whose loss is shown after every epoch.
WATCHED = 200
Floats = NDArray[np.float32]


class Retraining:
    """Trains one candidate.

    Parameters
    ----------
    serving
        The Keras network of the model that serves; it is not changed.
    lesson
        What the candidate learns from.
    recipe
        With the size of the network.
    work
        The folder for plan, state and curve.
    """

    def __init__(self, serving: keras.Model, lesson: Lesson, recipe: Recipe, work: Path) -> None:
        assert isinstance(recipe.train.network, TwoLook)  # the recipe was checked
        assert recipe.retrain is not None
        self.serving, self.lesson, self.work = serving, lesson, work
        self.stage, self.wanted, self.seed = recipe.train, recipe.retrain, recipe.seed
        self.learns = recipe.train.network.learns
        keras.utils.set_random_seed(recipe.seed)
        self.network = build_two_look(
            self.stage.size, CLASSES, recipe.train.network.dropout, encoder=encoder_of(serving)[0]
        )
        start_from_two_look(self.network, serving, self.learns)
        self._epochs_done = 0

    def run(self, minutes: float, resume: bool, say: Callable[[float, float], None], console: Console) -> keras.Model:
        """Train, and return the candidate's network.

        Parameters
        ----------
        minutes
            Time for the epochs; fewer are trained if it is too short, at least one.
        resume
            Continue from the state in the work folder, if there is one.
        say
            Called with the share of the steps that are done, and the seconds left.
        console
            Where the curve is shown.
        """
        resume = resume and (self.work / STATE_FILE).is_file()
        taught = pictures_for(self.lesson, self.stage, self.wanted)
        views = TwoLookViews(
            locate_unoutlined(self.serving, taught.pictures, console),
            taught.weights,
            size=self.stage.size,
            batch=self.stage.batch,
            seed=self.seed,
            steps=self.stage.steps,
            reordered=self.stage.reordered,
            stripped=self.stage.stripped,
        )
        model, losses = self._model()
        lessons = Lessons(numbered(views), self.serving, partial(self._trust, taught), self.lesson.replay)
        self.stage = self._within(minutes, model, losses, lessons, resume)
        if resume:
            self._epochs_done = epochs_done(self.work)
        lessons.step = _Clock(self.stage, say)
        train(
            model,
            losses,
            lessons,
            self._validate,
            self.stage,
            self.work,
            metrics={LOGITS: [allowed_accuracy]},
            optimizer=self._optimizer(model),
            resume=resume,
            console=console,
        )
        with averaged_weights(model):
            return mean_of(*([self.network, self.serving] if self.stage.keep == "mean" else [self.network]))

    def _trust(self, taught: Taught, epoch: int) -> Floats:
        """Return the weight of the label of every picture in an epoch."""
        if epoch < self._half:
            return taught.trust(self.lesson.trust)
        with np.load(self.work / TRUST) as kept:
            return taught.trust(kept["trust"])

    @property
    def _half(self) -> int:
        return max(self.stage.epochs // 2, 1)

    def _model(self) -> tuple[keras.Model, dict[str, Function]]:
        """Return the network with a second input, remembered features, if there are any."""
        losses: dict[str, Function] = {LOGITS: site_classes_loss, MASK: site_mask_loss, KEPT: kept_loss}
        outputs = {**self.network.output, KEPT: self.network.get_layer(POOLED).output}
        if self.lesson.replay is None:
            return keras.Model(self.network.input, outputs), losses
        features = keras.Input(self.network.get_layer(POOLED).output.shape[1:], name=REMEMBERED)
        again = self.network.get_layer(LOGITS)(self.network.get_layer(DROPOUT)(features))
        model = keras.Model([self.network.input, features], {**outputs, REMEMBERED: again})
        return model, losses | {REMEMBERED: remembered_loss}

    def _optimizer(self, model: keras.Model) -> HeldAdamW:
        importance = self.lesson.replay.importance if self.lesson.replay else {}
        assert self.stage.steps is not None
        return HeldAdamW(
            *held(model, importance, self.wanted.furthest),
            learning_rate_of(self.stage, self.stage.epochs * self.stage.steps),
            weight_decay=self.stage.weight_decay,
            use_ema=self.stage.ema is not None,
            ema_momentum=self.stage.ema or 0.99,
            clipnorm=self.stage.clip,
        )

    def _within(
        self, minutes: float, model: keras.Model, losses: dict[str, Function], lessons: Lessons, resume: bool
    ) -> Stage:
        """Return the stage with as many epochs as there is time for; a resumed run keeps its number."""
        plan = self.work / PLAN
        if not (resume and plan.is_file()):
            before = model.get_weights()
            compile_for(model, losses, self.stage, lessons.steps, optimizer=self._optimizer(model))
            each = _seconds_of_a_step(model, lessons)
            model.set_weights(before)
            epochs = max(min(int(minutes * 60 / (each * lessons.steps)), self.stage.epochs), 1)
            write_json(plan, {"epochs": epochs, "seconds_of_a_step": round(each, 4)})
        return self.stage.model_copy(update={"epochs": int(json.loads(plan.read_text())["epochs"])})

    def _validate(self, model: keras.Model) -> Row:
        """Return the loss on the validation part; after half of the epochs, doubt labels."""
        del model  # its layers are those of the network
        self._epochs_done += 1
        site = self.lesson.site
        if self._epochs_done == self._half:
            labelled = site.parts[Part.TRAIN]
            now = self._answers([one.sample for one in labelled])
            trust = doubt(self.lesson.trust, labelled, now, self.wanted)
            with atomic_write(self.work / TRUST) as part:
                np.savez(part, trust=trust)
        watched = [one.sample for one in site.parts[Part.VALIDATION][:WATCHED]]
        if not watched:
            return {}
        answers: Floats = np.log(self._answers(watched) + 1e-9).astype(np.float32)
        targets = np.array([sample.item.target for sample in watched])
        hits = answers.argmax(axis=1) == targets.argmax(axis=1)
        return {"val_loss": allowed_loss_of(answers, targets), "val_accuracy": float(hits.mean())}

    def _answers(self, samples: Sequence[Sample]) -> NDArray[np.float64]:
        """Return the probabilities of the network as it is now, both looks combined as in the model that serves."""
        frames = load_frames_of(self.lesson.site.root, samples, FRAME).pixels
        looks = look_twice(view_predictor(self.network), frames)
        return self.lesson.fusion.probabilities(*log_probabilities(looks))


class _Clock:
    """Tells how many steps are done, and how long the others will take."""

    def __init__(self, stage: Stage, say: Callable[[float, float], None]) -> None:
        assert stage.steps is not None
        self._steps, self._total, self._say = stage.steps, stage.epochs * stage.steps, say
        self._first: tuple[int, float] | None = None

    def __call__(self, epoch: int, step: int) -> None:
        done, now = epoch * self._steps + step, time.monotonic()
        self._first = self._first or (done, now)
        each = (now - self._first[1]) / max(done - self._first[0], 1)
        self._say(done / self._total, (self._total - done) * each)


def _seconds_of_a_step(model: keras.Model, batches: Batches) -> float:
    """Return the time of a step; the first one also builds the graph."""
    model.train_on_batch(*batches.make(0, 0))
    began = time.monotonic()
    for step in range(1, TIMED + 1):
        model.train_on_batch(*batches.make(0, step))
    return (time.monotonic() - began) / TIMED
