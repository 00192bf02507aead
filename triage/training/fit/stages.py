"""One stage of a recipe: build its network, its batches and its validation, and run the training loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.errors import TriageError
from triage.networks.backbones import NONE, ONLINE, PACKAGED, WeightsError, build_backbone, open_saved
from triage.networks.cnn import build_cnn
from triage.networks.encoders import ENCODERS
from triage.networks.twolook import build_two_look, start_from_packaged, start_from_two_look
from triage.networks.unet import build_unet
from triage.training.data.copies import SOURCE_ORDER
from triage.training.data.splits import CLASSES, Parts, Sample, label_for, target_for
from triage.training.fit.checkpoints import Row
from triage.training.fit.loop import Outcome, Validate, predict, train
from triage.training.fit.losses import (
    allowed_accuracy,
    allowed_classes_loss,
    allowed_loss_of,
    mask_loss,
    mask_loss_of,
    overlap,
)
from triage.training.fit.recipe import Backbone, Cnn, RecipeError, Stage, TwoLook
from triage.training.views.frames import Views, frame_side, load_frames_of


class SizeError(TriageError):
    """The network cannot be built for this input size."""


def build(stage: Stage, classes: int, weights: str | None = None) -> tuple[keras.Model, str]:
    """Return the stage's network and a text that names its starting weights.

    Raises
    ------
    WeightsError, SizeError
        If the weights are not for this network, or it cannot be built for the input size.
    """
    network = stage.network
    try:
        if isinstance(network, Backbone):
            return build_backbone(network.name, classes, stage.size, network.dropout, network.frozen, weights)
        if isinstance(network, TwoLook):
            return _build_two_look(stage.size, classes, network, weights or PACKAGED)
        if weights not in (None, NONE):
            raise WeightsError(
                f"A {network.kind} has no starting weights. Leave --weights out, or use --recipe transfer, lite0, "
                "detect-then-segment or two-look."
            )
        if isinstance(network, Cnn):
            options = network.model_dump(exclude={"kind"})
            return build_cnn(classes, stage.size, **options), NONE
        return build_unet(stage.size, network.width, network.depth), NONE
    except ValueError as error:
        raise SizeError(
            f"A {network.kind} cannot be built for pictures of {stage.size} px: they are too small, or cannot be "
            "halved often enough. Choose a multiple of 32 as --size."
        ) from error


def _build_two_look(size: int, classes: int, network: TwoLook, weights: str) -> tuple[keras.Model, str]:
    encoder = ENCODERS[network.encoder]
    if size % encoder.multiple:
        raise SizeError(
            f"The encoder {network.encoder} cannot take pictures of {size} px. Choose a multiple of "
            f"{encoder.multiple} as --size."
        )
    model = build_two_look(size, classes, network.dropout, normed=weights == NONE, encoder=network.encoder)
    if weights == NONE:
        return model, NONE
    if weights == PACKAGED:
        start_from_packaged(model, network.learns)
        return model, encoder.packaged
    if weights == ONLINE:
        raise WeightsError("keras.applications has no two-look network. Use --weights packaged, a file, or none.")
    try:
        start_from_two_look(model, open_saved(Path(weights)), network.learns)
    except ValueError as error:
        raise WeightsError(
            f"{Path(weights).name} holds no two-look network with the encoder {network.encoder}. Name the file of a "
            "two-look run with it, or none."
        ) from error
    return model, f"file {Path(weights).name}"


class ClassifierTraining:
    """Training of a classifier on the parts of a data set; the tuner trains several networks with it.

    Parameters
    ----------
    root
        Folder of the data set.
    parts
        Parts of the data set.
    task
        ``finding`` or ``tumour``.
    stage
        Defines the batches; the trained networks may differ.
    seed
        Seed of the batches.
    """

    def __init__(self, root: Path, parts: Parts, task: str, stage: Stage, seed: int) -> None:
        self.task = task
        frames = load_frames_of(root, parts.train, frame_side(stage.views, stage.size))
        self.views = Views(
            frames,
            targets_of(parts.train, task),
            size=stage.size,
            kind=stage.views,
            batch=stage.batch,
            seed=seed,
            steps=stage.steps,
            weights=drawing_weights(parts.train, stage, task),
        )
        self.validation_frames = load_frames_of(root, parts.validation, stage.size).pixels
        self.validation_targets = targets_of(parts.validation, task)

    def validate(self, model: keras.Model) -> Row:
        """Return loss and accuracy on the validation part; empty without a validation part."""
        if not len(self.validation_frames):
            return {}
        logits = predict(model, self.validation_frames)
        hits = self.validation_targets[np.arange(len(logits)), logits.argmax(axis=1)] > 0
        return {"val_loss": allowed_loss_of(logits, self.validation_targets), "val_accuracy": float(hits.mean())}

    def train(self, model: keras.Model, stage: Stage, folder: Path, resume: bool, console: Console | None) -> Outcome:
        """Train one network."""
        return train(
            model,
            allowed_classes_loss,
            self.views,
            self.validate,
            stage,
            folder,
            metrics=[allowed_accuracy],
            resume=resume,
            console=console,
        )


def train_segmenter(
    root: Path,
    train_on: Sequence[Sample],
    validate_on: Sequence[Sample],
    stage: Stage,
    seed: int,
    folder: Path,
    resume: bool,
    console: Console | None,
) -> Outcome:
    """Train the U-Net on samples with a mask."""
    frames = load_frames_of(root, train_on, stage.size, masks=True)
    views = Views(frames, None, size=stage.size, kind=stage.views, batch=stage.batch, seed=seed, steps=stage.steps)
    validation = load_frames_of(root, validate_on, stage.size, masks=True)
    model, _ = build(stage, 1)
    return train(
        model,
        mask_loss,
        views,
        _mask_validation(validation.pixels, validation.masks),
        stage,
        folder,
        resume=resume,
        console=console,
    )


def targets_of(samples: Sequence[Sample], task: str) -> NDArray[np.float32]:
    """Return ``(samples, classes)``: 1 for each class that the label allows, else 0."""
    targets = [target_for(sample.item, task) for sample in samples]
    return np.array(targets, np.float32).reshape(-1, len(CLASSES[task]))


def drawing_weights(samples: Sequence[Sample], stage: Stage, task: str) -> NDArray[np.float64] | None:
    """Return how often each sample is drawn, by the stage's `shares` or `balanced`; None if it has neither.

    Groups without a picture are left out.

    Raises
    ------
    RecipeError
        If a picture belongs to a group or class without a share.
    """
    labels = [label_for(sample.item, task) for sample in samples]
    if stage.balanced:
        _check_shares(set(labels), stage.balanced, "balanced")
        parts = [(label, sample.item.group) for label, sample in zip(labels, samples, strict=True)]
        counts = Counter(parts)
        roots: defaultdict[str, float] = defaultdict(float)
        for (label, _), count in counts.items():
            roots[label] += count**0.5
        weights = np.array([stage.balanced[part[0]] / roots[part[0]] / counts[part] ** 0.5 for part in parts])
    elif stage.shares:
        groups = [f"{label}/{_kind_of_source(sample)}" for label, sample in zip(labels, samples, strict=True)]
        _check_shares(set(groups), stage.shares, "shares")
        sizes = Counter(groups)
        weights = np.array([stage.shares[group] / sizes[group] for group in groups])
    else:
        return None
    return np.asarray(weights / weights.sum(), np.float64)


def _check_shares(groups: set[str], shares: dict[str, float], table: str) -> None:
    unknown = sorted(groups - set(shares))
    if unknown:
        raise RecipeError(
            f"The recipe has no share for {', '.join(unknown)}. Add it under [train.{table}], or remove that table to "
            "draw every picture once per epoch."
        )


def _kind_of_source(sample: Sample) -> str:
    if sample.item.index is not None:
        return "volume"
    return "scanner" if sample.item.source == SOURCE_ORDER[0] else "web"


def _mask_validation(pixels: NDArray[np.uint8], masks: NDArray[np.bool_] | None) -> Validate:
    assert masks is not None

    def validate(model: keras.Model) -> Row:
        logits = predict(model, pixels, batch=8)
        dice, _ = overlap(logits[..., 0] > 0, masks)
        return {"val_loss": mask_loss_of(logits, masks), "val_dice": float(dice.mean())}

    return validate
