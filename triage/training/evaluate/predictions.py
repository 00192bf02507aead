"""Ask a network, in the form in which it serves, about pictures that it never saw."""

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


@dataclass(frozen=True)
class Predictions:
    """What networks say of pictures that they never saw.

    Attributes
    ----------
    items
        Of the pictures.
    folds
        Which network answered: ``(pictures,)``.
    first, second
        ``(pictures, classes)`` log-probabilities of either look.
    distance
        ``(pictures,)``, see `triage.networks.mahalanobis.Familiarity`.
    dice
        ``(pictures,)``: of the mask that is drawn; nan without an outline to hold it against.
    pointed
        ``(pictures, classes)``: 1 where the peak of the class's map lies inside the outline, else 0; nan without one.
    """

    items: tuple[Item, ...]
    folds: NDArray[np.int64]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    distance: NDArray[np.float64]
    dice: NDArray[np.float64]
    pointed: NDArray[np.float64]

    def of(self, chosen: NDArray[np.bool_]) -> Predictions:
        """Return the chosen ones."""
        return Predictions(
            tuple(item for item, taken in zip(self.items, chosen, strict=True) if taken),
            *(getattr(self, name)[chosen] for name in ("folds", "first", "second", "distance", "dice", "pointed")),
        )

    @property
    def labels(self) -> NDArray[np.str_]:
        """Labels of the pictures."""
        return np.array([str(item.label) for item in self.items])


def concatenate(parts: Sequence[Predictions]) -> Predictions:
    """Join what several networks said."""
    items = tuple(item for one in parts for item in one.items)
    names = ("folds", "first", "second", "distance", "dice", "pointed")
    return Predictions(items, *(np.concatenate([getattr(one, name) for one in parts]) for name in names))


def predictions_of(network: Network, root: Path, samples: Sequence[Sample], fold: int) -> Predictions:
    """Ask the network that never saw a fold about its samples; hold masks and maps against the outlines."""
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
                *log_probabilities(looks),
                np.array([first.distance for first, _ in looks]),
                dice,
                pointed,
            )
        )
    return concatenate(parts)


def _pointed(looks: tuple[ServedLook, ServedLook], mask: NDArray[np.bool_]) -> list[bool]:
    """For each class, whether the peak of the map that would be shown lies inside the outline."""
    inside = []
    for index in range(len(FINDINGS)):
        look = deciding_look(*looks, index)
        laid = lay_back(look.cam[..., index], look.box)
        inside.append(bool(mask[np.unravel_index(int(laid.argmax()), laid.shape)]))
    return inside
