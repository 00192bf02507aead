"""Predictions of a network, in its serving form, on pictures that it was not trained on.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.inference.network import Network, ServedLook
from triage.inference.two_look import deciding_look, log_probabilities
from triage.inference.views import FRAME, lay_back, outlined
from triage.training.data.splits import Sample, has_mask
from triage.training.fit.losses import overlap
from triage.training.layouts import FINDINGS, Item
from triage.training.views.frames import load_frames_of

#: The arrays of `Predictions`, in their order.
ARRAYS = ("folds", "new", "first", "second", "distance", "dice", "pointed")


@dataclass(frozen=True)
class Predictions:
    """Predictions of networks on pictures that they were not trained on.

    Attributes
    ----------
    items
        Items of the pictures.
    folds
        ``(pictures,)``: test fold of the network that made the prediction.
    new
        ``(pictures,)``: whether that network was not trained on any picture of the source either.
    first, second
        ``(pictures, classes)``: log-probabilities of the first and the second look.
    distance
        ``(pictures,)``: see `triage.networks.mahalanobis.MahalanobisDistance`.
    dice
        ``(pictures,)``: Dice of the mask; nan without a reference outline.
    pointed
        ``(pictures, classes)``: 1 if the peak of the map of the class lies inside the outline, else 0; nan without an
        outline.
    """

    items: tuple[Item, ...]
    folds: NDArray[np.int64]
    new: NDArray[np.bool_]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    distance: NDArray[np.float64]
    dice: NDArray[np.float64]
    pointed: NDArray[np.float64]

    def of(self, chosen: NDArray[np.bool_]) -> Predictions:
        """Return the predictions selected by the mask ``(pictures,)``."""
        return Predictions(
            tuple(item for item, taken in zip(self.items, chosen, strict=True) if taken),
            *(getattr(self, name)[chosen] for name in ARRAYS),
        )

    @property
    def labels(self) -> NDArray[np.str_]:
        """Labels of the pictures, ``(pictures,)``."""
        return np.array([str(item.label) for item in self.items])


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """Join the predictions of several networks."""
    items = tuple(item for one in parts for item in one.items)
    return Predictions(items, *(np.concatenate([getattr(one, name) for one in parts]) for name in ARRAYS))


def predictions_of(
    network: Network, root: Path, samples: Sequence[Sample], fold: int, *, new: bool = False
) -> Predictions:
    """Predict samples that a network was not trained on; compare masks and maps with the outlines.

    Parameters
    ----------
    network
        The network, in its serving form.
    root
        The folder of the data set.
    samples
        At least one.
    fold
        Test fold of the network.
    new
        Whether the network was not trained on any picture of their sources either.
    """
    marked = has_mask(samples)
    plain = [sample for sample in samples if sample not in set(marked)]
    parts = []
    for group in (marked, plain):
        if not group:
            continue
        frames = load_frames_of(root, group, FRAME, masks=group is marked)
        looks = network.look_at_all(frames.pixels)
        dice, pointed = np.full(len(group), np.nan), np.full((len(group), len(FINDINGS)), np.nan)
        if frames.masks is not None:
            drawn = np.stack([outlined(lay_back(second.mask, second.box)) for _, second in looks])
            has_lesion = np.asarray(frames.masks.any(axis=(1, 2)))
            dice = np.where(has_lesion, overlap(drawn, frames.masks)[0], np.nan)
            inside = [_pointed(pair, mask) for pair, mask in zip(looks, frames.masks, strict=True)]
            pointed = np.where(np.reshape(has_lesion, (-1, 1)), np.array(inside), np.nan)
        parts.append(
            Predictions(
                tuple(sample.item for sample in group),
                np.full(len(group), fold),
                np.full(len(group), new),
                *log_probabilities(looks),
                np.array([first.distance for first, _ in looks]),
                dice,
                pointed,
            )
        )
    return concatenate(parts)


def _pointed(looks: tuple[ServedLook, ServedLook], mask: NDArray[np.bool_]) -> list[bool]:
    """Return for each class whether the peak of the map that would be shown lies inside the outline."""
    inside = []
    for index in range(len(FINDINGS)):
        look = deciding_look(*looks, index)
        cam = lay_back(look.cam[..., index], look.box)
        inside.append(bool(mask[np.unravel_index(int(cam.argmax()), cam.shape)]))
    return inside
