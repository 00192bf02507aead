"""Training of the two-look network: its batches, its validation by the serving policy, and its mask loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.special import expit

from triage.domain import Finding
from triage.inference.calibration import log_softmax
from triage.inference.two_look import Ask, Look, log_probabilities, look_twice
from triage.inference.views import FRAME, WHOLE, Box, crop, likeliest_lesion
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK
from triage.training.data.splits import Parts, Sample, has_mask, target_for
from triage.training.fit.checkpoints import Row
from triage.training.fit.loop import Batches, Outcome, train
from triage.training.fit.losses import (
    allowed_accuracy,
    allowed_loss_of,
    hedged_classes_loss,
    known_mask_loss,
    taught_classes_loss,
    taught_mask_loss,
)
from triage.training.fit.recipe import Stage
from triage.training.fit.stages import drawing_weights
from triage.training.fit.teaching import TaughtBatches
from triage.training.views.frames import load_frames_of
from triage.training.views.two_look_views import Picture, TwoLookViews

#: A tumour without an outline counts as located if the highest mask probability is at least this.
LOCATED_PROBABILITY = 0.8
#: Slices per batch of predictions.
PREDICT_BATCH = 32


class TwoLookTraining:
    """Training of a two-look network on the parts of a data set.

    Parameters
    ----------
    root
        Folder of the data set.
    parts
        Parts of the data set.
    stage
        Size, batch and shares.
    seed
        Seed of the batches.
    teacher
        A trained network to learn from too.
    """

    def __init__(self, root: Path, parts: Parts, stage: Stage, seed: int, teacher: keras.Model | None = None) -> None:
        weights = drawing_weights(parts.train, stage, "finding")
        assert weights is not None  # the recipe was checked
        self.views = TwoLookViews(
            pictures_of(root, parts.train),
            weights,
            size=stage.size,
            batch=stage.batch,
            seed=seed,
            steps=stage.steps,
            reordered=stage.reordered,
            stripped=stage.stripped,
        )
        self.batches: Batches = self.views
        self.losses = {LOGITS: hedged_classes_loss, MASK: known_mask_loss}
        if teacher is not None:
            self.batches = TaughtBatches(self.views, teacher, stage.size)
            self.losses = {LOGITS: taught_classes_loss, MASK: taught_mask_loss}
        self.validation_frames = load_frames_of(root, parts.validation, FRAME).pixels
        self.validation_targets = np.array(
            [target_for(sample.item, "finding") for sample in parts.validation], np.float32
        )

    def validate(self, model: keras.Model) -> Row:
        """Return loss and accuracy of both looks on the validation part; empty without a validation part."""
        if not len(self.validation_frames):
            return {}
        first, second = log_probabilities(look_twice(view_predictor(model), self.validation_frames))
        # A network in training is not calibrated, so both looks have the same weight.
        logits = np.asarray((first + second) / 2, np.float32)
        hits = self.validation_targets[np.arange(len(logits)), logits.argmax(axis=1)] > 0
        return {"val_loss": allowed_loss_of(logits, self.validation_targets), "val_accuracy": float(hits.mean())}

    def train(self, model: keras.Model, stage: Stage, folder: Path, resume: bool, console: Console | None) -> Outcome:
        """Train the network; tumours without an outline get second looks where the starting weights locate them."""
        self.views.pictures = locate_unoutlined(model, self.views.pictures, console)
        return train(
            model,
            self.losses,
            self.batches,
            self.validate,
            stage,
            folder,
            metrics={LOGITS: [allowed_accuracy]},
            resume=resume,
            console=console,
        )


def pictures_of(root: Path, samples: Sequence[Sample]) -> list[Picture]:
    """Prepare samples together with the masks of their lesions."""
    prepared: dict[str, Picture] = {}
    marked = has_mask(samples)
    names = {sample.name for sample in marked}
    for group in (marked, [sample for sample in samples if sample.name not in names]):
        frames = load_frames_of(root, group, FRAME, masks=group is marked)
        for index, sample in enumerate(group):
            target = target_for(sample.item, "finding")
            lesion = None if frames.masks is None else frames.masks[index].astype(np.uint8) * 255
            if lesion is None and sample.item.label == Finding.NOTUMOR:
                lesion = np.zeros((FRAME, FRAME), np.uint8)
            located = _located(frames.lesions[index]) if lesion is None else None
            prepared[sample.name] = Picture(frames.pixels[index], target, lesion, located)
    return [prepared[sample.name] for sample in samples]


def _located(lesion: NDArray[np.float32] | None) -> tuple[float, float, float] | None:
    """Return centre and extent of a lesion from its centre and radius."""
    return None if lesion is None else (float(lesion[0]), float(lesion[1]), 2 * float(lesion[2]))


def locate_unoutlined(model: keras.Model, pictures: Sequence[Picture], console: Console | None = None) -> list[Picture]:
    """Return the pictures; tumours with neither outline nor box get the location of which the network is sure."""
    ask = view_predictor(model)
    known = list(pictures)
    unoutlined = [index for index, picture in enumerate(pictures) if picture.lesion is None and picture.located is None]
    quiet = console or Console(quiet=True)
    for index in track(unoutlined, "Locating tumours without an outline", console=quiet, transient=True):
        picture = pictures[index]
        (look,) = ask(picture.frame[None], [WHOLE])
        if look.mask.max() >= LOCATED_PROBABILITY:
            x, y, length = likeliest_lesion(look.mask)
            known[index] = replace(picture, located=(x * FRAME, y * FRAME, length * FRAME))
    return known


def view_predictor(model: keras.Model) -> Ask[Look]:
    """Return the function by which `triage.inference.two_look.look_twice` queries a Keras network.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`.
    """
    size = model.input_shape[1]

    def ask(frames: NDArray[np.generic], boxes: Sequence[Box]) -> list[Look]:
        looks: list[Look] = []
        for start in range(0, len(boxes), PREDICT_BATCH):
            some = boxes[start : start + PREDICT_BATCH]
            pairs = zip(frames[start:], some, strict=False)
            outputs = model.predict_on_batch(
                np.stack([crop(frame.astype(np.float32), box, size) for frame, box in pairs])[..., None]
            )
            masks = np.asarray(expit(outputs[MASK][..., 0]), np.float32)
            looks += map(Look, some, log_softmax(outputs[LOGITS]), masks)
        return looks

    return ask
