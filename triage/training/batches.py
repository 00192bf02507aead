"""Prepared slices in memory, batches drawn from them off the main thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from triage.inference.preprocess import prepare
from triage.scans.raster import decode
from triage.training.augment import random_view
from triage.training.manifest import Example

#: Frames are kept somewhat larger than the input, so that close-ups have detail.
SPARE = 1.3


def load_frames(root: Path, examples: Sequence[Example], size: int) -> NDArray[np.uint8]:
    """Decode and prepare every example: ``(examples, size, size)`` uint8."""
    frames = np.empty((len(examples), size, size), np.uint8)
    for index, example in enumerate(examples):
        frames[index] = prepare(decode((root / example.path).read_bytes()).pixels, size)[0]
    return frames


def load_training_frames(
    root: Path, examples: Sequence[Example], size: int
) -> tuple[NDArray[np.uint8], list[NDArray[np.float32] | None]]:
    """Prepared frames of `SPARE` times the input size, and x, y, radius of each outlined lesion in frame pixels."""
    side = int(size * SPARE)
    frames = np.empty((len(examples), side, side), np.uint8)
    lesions: list[NDArray[np.float32] | None] = []
    for index, example in enumerate(examples):
        frames[index], placement = prepare(decode((root / example.path).read_bytes()).pixels, side)
        if example.outline is None:
            lesions.append(None)
            continue
        corner = np.array([placement.left, placement.top], np.float32)
        outline = (example.outline - corner) * (side / placement.side)
        centre = (outline.min(axis=0) + outline.max(axis=0)) / 2
        radius = np.ptp(outline, axis=0).max() / 2
        lesions.append(np.array([*centre, radius], np.float32))
    return frames, lesions


class BalancedViews(keras.utils.PyDataset):  # type: ignore[misc]
    """Endless random views, the same number of each group in the long run; one epoch is `steps` batches.

    A group is a class within a kind of source, since source and class go together in these data: drawing by class
    alone would let a network name the source and be right.
    """

    def __init__(
        self,
        frames: NDArray[np.uint8],
        lesions: Sequence[NDArray[np.float32] | None],
        examples: Sequence[Example],
        shares: dict[str, float],
        size: int,
        batch: int,
        steps: int,
        seed: int,
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.frames, self.lesions, self.size = frames, lesions, size
        self.targets = np.stack([example.target for example in examples])
        self.batch, self.steps, self.seed, self.epoch = batch, steps, seed, 0
        names = [group(example) for example in examples]
        weights = np.array([shares[name] / names.count(name) for name in names])
        self.weights = weights / weights.sum()

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # Seeded by position, not by order of arrival: the same curve whichever worker comes first.
        rng = np.random.default_rng((self.seed, self.epoch, index))
        chosen = rng.choice(len(self.frames), self.batch, p=self.weights)
        views = [random_view(self.frames[i].astype(np.float32), self.size, rng, self.lesions[i]) for i in chosen]
        return np.stack(views)[..., None], self.targets[chosen]

    def on_epoch_end(self) -> None:
        """Move on to fresh draws."""
        self.epoch += 1


def group(example: Example) -> str:
    """Name of the example's group: its label, and whether it comes from scanners (figshare) or from the web."""
    return f"{example.label}/{'scanner' if example.dataset == 'figshare' else 'web'}"
