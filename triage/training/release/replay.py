"""``replay.npz`` of a model folder: what a retraining needs of the training set where its pictures are not at hand.

It holds the features before the last layer, of both looks, for a sample of the training slices, and how much the
training set depends on the weights. A feature is the mean of a map over a whole view, so no picture can be made of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.arrays import Arrays, read_memory
from triage.inference.calibration import log_softmax
from triage.inference.two_look import Ask, Look, look_twice
from triage.inference.views import FRAME, Box, crop
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, POOLED
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.data.splits import Sample
from triage.training.fit.checkpoints import atomic_write
from triage.training.fit.two_look_training import PREDICT_BATCH
from triage.training.layouts import FINDINGS, UNTYPED, Dataset
from triage.training.release.importance import importance_of
from triage.training.views.frames import load_frames_of

REPLAY = "replay.npz"
#: Before the name of a variable, in the names of the arrays.
IMPORTANCE = "importance "
#: Slices in the file. Most of the 2,560 features of a look are 0, so they take about 1 MB.
SLICES = 1000
#: Slices on which the importance of the weights is measured.
MEASURED_ON = 160
Halves = NDArray[np.float16]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Replay:
    """What a model folder keeps of its training set.

    Attributes
    ----------
    features
        ``(slices, 2, features)``: of the first and the second look.
    classes
        ``(slices,)``: index of the label in `FINDINGS`.
    sources
        ``(slices,)``: name of the data set of each slice.
    importance
        By the path of a trained variable, how much the answers for the training set depend on it, by output channel;
        see `importance_of`.
    """

    features: Halves
    classes: NDArray[np.int64]
    sources: NDArray[np.str_]
    importance: Mapping[str, Floats]

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        arrays: dict[str, Any] = {f"{IMPORTANCE}{name}": each for name, each in self.importance.items()}
        arrays |= {"features": self.features, "classes": self.classes, "sources": self.sources}
        with atomic_write(path) as part:
            np.savez_compressed(part, **arrays)

    def looks_of(self, model: keras.Model) -> tuple[Floats, Floats]:
        """Return the log-probabilities ``(slices, classes)`` that a network's last layer gives to both looks."""
        kernel, bias = model.get_layer(LOGITS).get_weights()
        first, second = (log_softmax(self.features[:, look].astype(np.float32) @ kernel + bias) for look in (0, 1))
        return first, second

    def joined(self, other: Replay, slices: int = SLICES) -> Replay:
        """Return a sample of both that is balanced by class and source, with the importance of this one."""
        classes = np.concatenate([self.classes, other.classes])
        sources = np.concatenate([self.sources, other.sources])
        chosen = balanced_sample(classes.tolist(), sources.tolist(), slices)
        features = np.concatenate([self.features, other.features])[chosen]
        return Replay(features, classes[chosen], sources[chosen], self.importance)


def load_replay(folder: Path, files: Collection[str]) -> Replay | None:
    """Read the file of a model folder; None if the model has none.

    Parameters
    ----------
    folder, files
        The model folder, and the files that its card names.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    return read_memory(folder, files, REPLAY, _replay)


def _replay(arrays: Arrays) -> Replay:
    importance = {name.removeprefix(IMPORTANCE): one for name, one in arrays.items() if name.startswith(IMPORTANCE)}
    return Replay(arrays["features"], arrays["classes"], arrays["sources"], importance)


def remember_features(model: keras.Model, dataset: Dataset, slices: int = SLICES) -> Replay:
    """Return what is kept of a training set: a sample balanced by class and source, one slice of each cluster.

    Parameters
    ----------
    model
        From `triage.networks.twolook.build_two_look`, trained.
    dataset
        What it was trained on.
    slices
        Size of the sample.
    """
    kept, _ = one_per_cluster(with_clusters(dataset).items)
    typed = [item for item in kept if item.label != UNTYPED]
    labels = [FINDINGS.index(Finding(item.label)) for item in typed]
    chosen = balanced_sample(labels, [item.source for item in typed], slices)
    samples = [Sample(typed[index]) for index in chosen]
    frames = load_frames_of(dataset.root, samples, FRAME).pixels
    return Replay(
        features_of(model, frames),
        np.array([labels[index] for index in chosen]),
        np.array([typed[index].source for index in chosen]),
        importance_of(model, frames[:: max(len(frames) // MEASURED_ON, 1)][:MEASURED_ON]),
    )


def features_of(model: keras.Model, frames: NDArray[np.uint8]) -> Halves:
    """Return the features ``(slices, 2, features)`` before the last layer of both looks at prepared slices."""
    looks = look_twice(_asked(model), frames)
    return np.array([[first.features, second.features] for first, second in looks], np.float16)


def balanced_sample(classes: Sequence[object], sources: Sequence[str], size: int) -> NDArray[np.intp]:
    """Return positions of a sample in which every class, and in it every source, has its turn; at most `size`."""
    waiting: dict[object, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index in np.random.default_rng(0).permutation(len(classes)):
        waiting[classes[index]][sources[index]].append(int(index))
    turns = {label: _in_turn(groups) for label, groups in waiting.items()}
    return np.sort(np.array(_in_turn(turns)[:size], np.intp))


def _in_turn(groups: Mapping[object, list[int]] | Mapping[str, list[int]]) -> list[int]:
    """Return the members of all groups, one of each group at a time."""
    longest = max(map(len, groups.values()), default=0)
    return [group[turn] for turn in range(longest) for group in groups.values() if turn < len(group)]


@dataclass(frozen=True, slots=True)
class _FeatureLook(Look):
    """A look with the features before the last layer."""

    features: Floats


def _asked(model: keras.Model) -> Ask[_FeatureLook]:
    """Return the function by which `look_twice` queries the network."""
    size = int(model.input_shape[1])
    whole = keras.Model(model.input, {**model.output, POOLED: model.get_layer(POOLED).output})

    def ask(frames: NDArray[np.generic], boxes: Sequence[Box]) -> list[_FeatureLook]:
        looks: list[_FeatureLook] = []
        for start in range(0, len(boxes), PREDICT_BATCH):
            some = boxes[start : start + PREDICT_BATCH]
            views = [
                crop(frame.astype(np.float32), box, size) for frame, box in zip(frames[start:], some, strict=False)
            ]
            given = whole.predict_on_batch(np.stack(views)[..., None])
            masks = 1 / (1 + np.exp(-np.asarray(given[MASK][..., 0], np.float32)))
            looks += map(_FeatureLook, some, log_softmax(given[LOGITS]), masks, given[POOLED])
        return looks

    return ask
