"""Pictures and masks in memory, preprocessed as in serving, and the batches of views made from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Placement
from triage.inference.preprocess import prepare
from triage.training.data.splits import Sample
from triage.training.layouts import Item, LayoutError, load_mask, load_picture
from triage.training.layouts.loading import in_threads
from triage.training.views.augment import Frame, random_view, turned

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
#: Side of the frames for ``scanner`` views over that of the input: close-ups need more detail.
FRAME_MARGIN = 1.3


@dataclass(frozen=True)
class Frames:
    """Prepared pictures.

    Attributes
    ----------
    pixels
        ``(samples, side, side)`` uint8.
    masks
        ``(samples, side, side)`` bool; None if not requested.
    lesions
        x, y, radius of each lesion in frame pixels; None without an outline or box.
    """

    pixels: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None
    lesions: list[NDArray[np.float32] | None]


def load_frames_of(root: Path, samples: Sequence[Sample], size: int, masks: bool = False) -> Frames:
    """Decode and preprocess the samples on all cores; several variants of one picture are decoded once.

    Raises
    ------
    LayoutError
        If masks are requested and a sample has none, or a file cannot be read.
    """
    items = list({sample.item.name: sample.item for sample in samples}.values())
    loaded = in_threads(lambda item: _load(root, item, size, masks), items, "Preparing the pictures")
    by_name = dict(zip((item.name for item in items), loaded, strict=True))
    pixels = np.empty((len(samples), size, size), np.uint8)
    marked = np.zeros((len(samples), size, size), bool) if masks else None
    for index, sample in enumerate(samples):
        pixels[index], mask, _ = by_name[sample.item.name]
        if sample.variant:
            pixels[index] = turned(pixels[index].astype(np.float32), _rng_of(sample), strength=2.0)[0]
        if marked is not None:
            marked[index] = mask
    return Frames(pixels, marked, [by_name[sample.item.name][2] for sample in samples])


class Views:
    """Training batches; each depends only on the seed, the epoch and the step, not on the order of the calls.

    Parameters
    ----------
    frames
        Prepared pictures; for ``scanner`` views `FRAME_MARGIN` times as large as the input.
    targets
        ``(samples, classes)``; None if the masks are the target.
    size
        Side of the network's input in pixels.
    kind
        ``plain``, ``turned`` or ``scanner``, see `triage.training.fit.recipe.Stage`.
    batch
        Pictures per batch.
    seed
        Seed of the batches.
    steps
        Batches per epoch; by default as many as it takes to show every sample once.
    weights
        Probability of each sample; by default every sample is drawn once per epoch.
    """

    def __init__(
        self,
        frames: Frames,
        targets: NDArray[np.float32] | None,
        *,
        size: int,
        kind: str,
        batch: int,
        seed: int,
        steps: int | None = None,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        self.frames, self.targets, self.size, self.kind = frames, targets, size, kind
        self.batch, self.seed, self.weights = batch, seed, weights
        self.steps = steps or -(-len(frames.pixels) // batch)

    def make(self, epoch: int, step: int) -> Batch:
        """Return one batch ``(batch, size, size, 1)`` and its targets."""
        rng = np.random.default_rng((self.seed, epoch, step))
        chosen = self._chosen(epoch, step, rng)
        views = [self._view(index, rng) for index in chosen]
        pictures = np.stack([view for view, _ in views])[..., None]
        if self.targets is not None:
            return pictures, self.targets[chosen]
        return pictures, np.stack([mask for _, mask in views if mask is not None])[..., None]

    def _chosen(self, epoch: int, step: int, rng: np.random.Generator) -> NDArray[np.intp]:
        count = len(self.frames.pixels)
        if self.weights is not None:
            return rng.choice(count, self.batch, p=self.weights)
        order = np.random.default_rng((self.seed, epoch)).permutation(count)
        # An epoch with more batches than the pictures fill starts again from the first.
        return np.take(order, np.arange(step * self.batch, self._end(step, count)), mode="wrap")

    def _end(self, step: int, count: int) -> int:
        end = (step + 1) * self.batch
        return min(end, count) if step * self.batch < count else end

    def _view(self, index: int, rng: np.random.Generator) -> tuple[Frame, Frame | None]:
        frame = self.frames.pixels[index].astype(np.float32)
        mask = (
            self.frames.masks[index].astype(np.float32)
            if self.targets is None and self.frames.masks is not None
            else None
        )
        if self.kind == "scanner":
            return random_view(frame, self.size, rng, self.frames.lesions[index]), None
        if self.kind == "turned":
            return turned(frame, rng, mask)
        return frame, mask


def frame_side(kind: str, size: int) -> int:
    """Return the side of the frames that a kind of view is made from."""
    return int(size * FRAME_MARGIN) if kind == "scanner" else size


def prefetch(make: Callable[[int], Batch], count: int, workers: int = 2, depth: int = 8) -> Iterator[Batch]:
    """Yield ``make(0)`` to ``make(count - 1)`` in order; other threads prepare up to `depth` batches in advance."""
    with ThreadPoolExecutor(workers, thread_name_prefix="views") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for step in range(count):
                waiting.append(pool.submit(make, step))
                if len(waiting) >= depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _load(
    root: Path, item: Item, size: int, masks: bool
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None, Frame | None]:
    picture = load_picture(root, item)
    frame, placement = prepare(picture, size)
    mask = load_mask(root, item) if masks else None
    if masks and mask is None:
        raise LayoutError(f"{item.name} has no mask. Use only pictures with a mask for the second stage.")
    return (
        np.rint(frame).astype(np.uint8),
        None if mask is None else mask_in_frame(mask, placement, size),
        _lesion(item, (picture.shape[0], picture.shape[1]), placement, size),
    )


def mask_in_frame(mask: NDArray[np.bool_], placement: Placement, size: int) -> NDArray[np.bool_]:
    """Crop and resize a mask as `prepare` did its picture; return ``(size, size)``."""
    left, top, side = int(placement.left), int(placement.top), int(placement.side)
    square = Image.fromarray(mask.astype(np.uint8) * 255).crop((left, top, left + side, top + side))
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR)) > 127


def _lesion(item: Item, shape: tuple[int, int], placement: Placement, size: int) -> Frame | None:
    if item.outline is not None:
        points = item.outline
    elif item.box is not None:
        x, y, width, height = item.box
        corners = ((x - width / 2, y - height / 2), (x + width / 2, y + height / 2))
        points = np.array(corners, np.float32) * np.array(shape[::-1], np.float32)
    else:
        return None
    inside = (points - np.array([placement.left, placement.top], np.float32)) * (size / placement.side)
    centre = (inside.min(axis=0) + inside.max(axis=0)) / 2
    return np.array([*centre, np.ptp(inside, axis=0).max() / 2], np.float32)


def _rng_of(sample: Sample) -> np.random.Generator:
    return np.random.default_rng((crc32(sample.item.name.encode()), sample.variant))
