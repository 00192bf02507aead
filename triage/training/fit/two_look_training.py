"""Training of the two-look network, and its answers: logits of both looks together, and the lesion's mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import ops
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
from triage.training.fit.loop import Outcome, train
from triage.training.fit.losses import allowed_accuracy, allowed_loss_of, hedged_classes_loss
from triage.training.fit.recipe import Stage
from triage.training.fit.stages import drawing_weights
from triage.training.views.frames import load_frames_of
from triage.training.views.two_look_views import LookViews, Picture

#: A mask of fewer soft pixels is no lesion to be measured by its overlap.
LESION = 4.0
#: A probability of the mask from which on a tumour that nobody outlined counts as found.
PLAINLY_SEEN = 0.8
#: Slices that a network is asked about in one batch.
SLICES_AT_ONCE = 32


class Looking:
    """The two-look network on the parts of a data set.

    Parameters
    ----------
    root
        The data set's folder.
    parts
        Its parts.
    stage
        Size, batch and shares.
    seed
        Of the batches.
    """

    def __init__(self, root: Path, parts: Parts, stage: Stage, seed: int) -> None:
        self.views = LookViews(
            pictures_of(root, parts.train),
            drawing_weights(parts.train, stage.shares or {}, "finding"),
            size=stage.size,
            batch=stage.batch,
            seed=seed,
            steps=stage.steps,
            reordered=stage.reordered,
        )
        self.watched = load_frames_of(root, parts.watch, FRAME).pixels
        self.watched_targets = np.array([target_for(sample.item, "finding") for sample in parts.watch], np.float32)

    def watch(self, model: keras.Model) -> Row:
        """Loss and accuracy of both looks on the watched part; nothing where none is kept."""
        if not len(self.watched):
            return {}
        first, second = log_probabilities(look_twice(asking(model), self.watched))
        # A network in training has no calibration yet: the mean of both looks.
        logits = np.asarray((first + second) / 2, np.float32)
        hits = self.watched_targets[np.arange(len(logits)), logits.argmax(axis=1)] > 0
        return {"val_loss": allowed_loss_of(logits, self.watched_targets), "val_accuracy": float(hits.mean())}

    def train(self, model: keras.Model, stage: Stage, folder: Path, resume: bool, console: Console | None) -> Outcome:
        """Train the network; where it already outlines a lesion that nobody else did, second looks go there too."""
        self.views.pictures = suspected(model, self.views.pictures, console)
        return train(
            model,
            {LOGITS: hedged_classes_loss, MASK: known_mask_loss},
            self.views,
            self.watch,
            stage,
            folder,
            metrics={LOGITS: [allowed_accuracy]},
            resume=resume,
            console=console,
        )


def pictures_of(root: Path, samples: Sequence[Sample]) -> list[Picture]:
    """Prepare samples with what is known of their lesions."""
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
            prepared[sample.name] = Picture(frames.pixels[index], target, lesion)
    return [prepared[sample.name] for sample in samples]


def suspected(model: keras.Model, pictures: Sequence[Picture], console: Console | None = None) -> list[Picture]:
    """Return the pictures, tumours that nobody outlined with the place where the network plainly sees one."""
    ask = asking(model)
    known = list(pictures)
    alone = [index for index, picture in enumerate(pictures) if picture.lesion is None]
    quiet = console or Console(quiet=True)
    for index in track(alone, "Finding tumours that nobody outlined", console=quiet, transient=True):
        picture = pictures[index]
        (look,) = ask(picture.frame[None], [WHOLE])
        if look.mask.max() >= PLAINLY_SEEN:
            x, y, length = likeliest_lesion(look.mask)
            known[index] = replace(picture, suspect=(x * FRAME, y * FRAME, length * FRAME))
    return known


def asking(model: keras.Model) -> Ask[Look]:
    """Return how a Keras network is asked, for `triage.inference.two_look.look_twice`.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`.
    """
    size = model.input_shape[1]

    def ask(frames: NDArray[np.generic], boxes: Sequence[Box]) -> list[Look]:
        looks: list[Look] = []
        for start in range(0, len(boxes), SLICES_AT_ONCE):
            some = boxes[start : start + SLICES_AT_ONCE]
            pairs = zip(frames[start:], some, strict=False)
            said = model.predict_on_batch(
                np.stack([crop(frame.astype(np.float32), box, size) for frame, box in pairs])[..., None]
            )
            masks = np.asarray(expit(said[MASK][..., 0]), np.float32)
            looks += map(Look, some, log_softmax(said[LOGITS]), masks)
        return looks

    return ask


def known_mask_loss(target: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """Cross-entropy of the pixels, and 1 - soft Dice where there is a lesion; nothing where the mask is not known.

    Parameters
    ----------
    target
        ``(batch, rows, columns, 2)``: the mask, and 1 where it is known.
    logits
        ``(batch, rows, columns, 1)``.
    """
    mask, known = target[..., :1], target[..., 1:]
    entropy = ops.mean(ops.binary_crossentropy(mask, logits, from_logits=True) * known, axis=(1, 2, 3))
    drawn = ops.sigmoid(logits) * known
    both = ops.sum(drawn * mask, axis=(1, 2, 3))
    total = ops.sum(drawn + mask * known, axis=(1, 2, 3))
    lesion = ops.cast(ops.sum(mask * known, axis=(1, 2, 3)) > LESION, logits.dtype)
    return 4 * entropy + 0.5 * lesion * (1 - (2 * both + 1) / (total + 1))
