"""One stage of a recipe: its network, its batches and what is watched, put into the training loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.errors import TriageError
from triage.networks.backbones import NONE, ONLINE, PACKAGED, WeightsError, build_backbone, open_saved
from triage.networks.cnn import build_cnn
from triage.networks.twolook import build_two_look, start_from_imagenet, start_from_two_look
from triage.networks.unet import build_unet
from triage.training.data.copies import SOURCE_ORDER
from triage.training.data.splits import CLASSES, Parts, Sample, label_for, target_for
from triage.training.fit.checkpoints import Row
from triage.training.fit.loop import Outcome, Watch, predict, train
from triage.training.fit.losses import (
    allowed_accuracy,
    allowed_classes_loss,
    allowed_loss_of,
    mask_loss,
    mask_loss_of,
    overlap,
)
from triage.training.fit.recipe import Backbone, Cnn, RecipeError, Stage, TwoLook
from triage.training.views.frames import Views, load_frames_of, side_for


class SizeError(TriageError):
    """The network cannot be built for that input."""


def build(stage: Stage, classes: int, weights: str | None = None) -> tuple[keras.Model, str]:
    """Return the stage's network and, in words, what it starts from.

    Raises
    ------
    WeightsError, SizeError
        If the weights are not for this network, or it cannot take that input.
    """
    network = stage.network
    try:
        if isinstance(network, Backbone):
            return build_backbone(network.name, classes, stage.size, network.dropout, network.frozen, weights)
        if isinstance(network, TwoLook):
            return _build_two_look(stage.size, classes, network.dropout, weights or PACKAGED)
        if weights not in (None, NONE):
            raise WeightsError("Only --recipe transfer, lite0 and detect-then-segment start from weights.")
        if isinstance(network, Cnn):
            options = network.model_dump(exclude={"kind"})
            return build_cnn(classes, stage.size, **options), NONE
        return build_unet(stage.size, network.width, network.depth), NONE
    except ValueError as error:
        raise SizeError(
            f"No {network.kind} takes pictures of {stage.size} px: they are too small for it, or cannot be halved as "
            "often as it halves them. Choose a multiple of 32 as --size."
        ) from error


def _build_two_look(size: int, classes: int, dropout: float, weights: str) -> tuple[keras.Model, str]:
    model = build_two_look(size, classes, dropout, normed=weights == NONE)
    if weights == NONE:
        return model, NONE
    if weights == PACKAGED:
        start_from_imagenet(model)
        return model, "packaged ImageNet weights of EfficientNet-Lite0"
    if weights == ONLINE:
        raise WeightsError("keras.applications has no two-look network. Use --weights packaged, a file, or none.")
    try:
        start_from_two_look(model, open_saved(Path(weights)))
    except ValueError as error:
        raise WeightsError(f"{Path(weights).name} holds no two-look network. Name a file of one, or none.") from error
    return model, f"file {Path(weights).name}"


class Classifying:
    """The classifier of a recipe on the parts of a data set, ready to train more than once (the tuner does).

    Parameters
    ----------
    root
        The data set's folder.
    parts
        Its parts.
    task
        ``finding`` or ``tumour``.
    stage
        For size and views; the network may be another each time.
    seed
        Of the batches.
    """

    def __init__(self, root: Path, parts: Parts, task: str, stage: Stage, seed: int) -> None:
        self.task = task
        frames = load_frames_of(root, parts.train, side_for(stage.views, stage.size))
        self.views = Views(
            frames,
            targets_of(parts.train, task),
            size=stage.size,
            kind=stage.views,
            batch=stage.batch,
            seed=seed,
            steps=stage.steps,
            weights=drawing_weights(parts.train, stage.shares, task) if stage.shares else None,
        )
        self.watched = load_frames_of(root, parts.watch, stage.size).pixels
        self.watched_targets = targets_of(parts.watch, task)

    def watch(self, model: keras.Model) -> Row:
        """Loss and accuracy on the watched part; nothing where none is kept."""
        if not len(self.watched):
            return {}
        logits = predict(model, self.watched)
        hits = self.watched_targets[np.arange(len(logits)), logits.argmax(axis=1)] > 0
        return {"val_loss": allowed_loss_of(logits, self.watched_targets), "val_accuracy": float(hits.mean())}

    def train(self, model: keras.Model, stage: Stage, folder: Path, resume: bool, console: Console | None) -> Outcome:
        """Train one network."""
        return train(
            model,
            allowed_classes_loss,
            self.views,
            self.watch,
            stage,
            folder,
            metrics=[allowed_accuracy],
            resume=resume,
            console=console,
        )


def train_segmenter(
    root: Path,
    train_on: Sequence[Sample],
    watch_on: Sequence[Sample],
    stage: Stage,
    seed: int,
    folder: Path,
    resume: bool,
    console: Console | None,
) -> Outcome:
    """Train the U-Net on samples that have a mask."""
    frames = load_frames_of(root, train_on, stage.size, masks=True)
    views = Views(frames, None, size=stage.size, kind=stage.views, batch=stage.batch, seed=seed, steps=stage.steps)
    watched = load_frames_of(root, watch_on, stage.size, masks=True)
    model, _ = build(stage, 1)
    return train(
        model,
        mask_loss,
        views,
        _mask_watch(watched.pixels, watched.masks),
        stage,
        folder,
        resume=resume,
        console=console,
    )


def targets_of(samples: Sequence[Sample], task: str) -> NDArray[np.float32]:
    """``(samples, classes)``: 1 for each class that the label allows."""
    targets = [target_for(sample.item, task) for sample in samples]
    return np.array(targets, np.float32).reshape(-1, len(CLASSES[task]))


def drawing_weights(samples: Sequence[Sample], shares: dict[str, float], task: str) -> NDArray[np.float64]:
    """Return how often each sample is drawn: by its group's share, groups without a picture left out.

    Raises
    ------
    RecipeError
        If a picture belongs to a group that the recipe does not name.
    """
    groups = [f"{label_for(sample.item, task)}/{_kind_of_source(sample)}" for sample in samples]
    unknown = sorted(set(groups) - set(shares))
    if unknown:
        raise RecipeError(
            f"The recipe gives no share to {', '.join(unknown)}. Add it under [train.shares], or leave shares out to "
            "draw every picture once an epoch."
        )
    counts = Counter(groups)
    weights = np.array([shares[group] / counts[group] for group in groups])
    return np.asarray(weights / weights.sum(), np.float64)


def _kind_of_source(sample: Sample) -> str:
    if sample.item.index is not None:
        return "volume"
    return "scanner" if sample.item.source == SOURCE_ORDER[0] else "web"


def _mask_watch(pixels: NDArray[np.uint8], masks: NDArray[np.bool_] | None) -> Watch:
    assert masks is not None

    def watch(model: keras.Model) -> Row:
        logits = predict(model, pixels, batch=8)
        dice, _ = overlap(logits[..., 0] > 0, masks)
        return {"val_loss": mask_loss_of(logits, masks), "val_dice": float(dice.mean())}

    return watch
