"""A trained candidate becomes a model folder: export, calibration, honest figures, both cards.

Tested in tests/training/retrain/test_retrain.py.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from triage.copies.seen import SEEN, Pictures, Seen, read_seen
from triage.domain import Finding
from triage.inference.brain_gate import load_gate
from triage.inference.calibration import Calibration
from triage.inference.card import GATE, ONNX, Card, sha256_of
from triage.inference.network import Network
from triage.inference.views import FRAME, WHOLE
from triage.learning.parts import Part
from triage.training.data.splits import Sample
from triage.training.evaluate.cross_validation import report
from triage.training.evaluate.metrics import BOOTSTRAPS
from triage.training.evaluate.predictions import Predictions, predictions_of
from triage.training.fit.checkpoints import atomic_write, save_model
from triage.training.fit.recipe import Recipe
from triage.training.layouts import FINDINGS, load_picture
from triage.training.release.export import RANGE_SLICES, export_onnx
from triage.training.release.model_card import write_cards
from triage.training.release.reference import reference_of
from triage.training.release.replay import REPLAY, Replay, features_of
from triage.training.retrain.ancestry import ancestry
from triage.training.retrain.calibrate import Known, recalibrate
from triage.training.retrain.pictures import Lesson
from triage.training.retrain.trust import agreed_by_two
from triage.training.views.contrast import remap_intensities
from triage.training.views.frames import load_frames_of

#: Pictures of the training set on which both networks are compared for the calibration.
COMPARED_ON = 300
KEPT_GATE = (
    "The gate and the distance from the training slices are the parent's, unchanged: the layers that they read keep "
    "their weights. Checked on {of:,} slices of the test part: the gate refuses {refused:,} of them, and {before:,} "
    "with the parent's network."
)
LIMIT = (
    "Its figures are of one site and its readers, who may have seen the parent's result first. On other sources it was "
    "not measured here; the judgement beside this card says what the site cost them."
)


@dataclass(frozen=True)
class Parent:
    """The model that serves, opened for a retraining.

    Attributes
    ----------
    folder
        The model folder.
    card
        Its card.
    network
        Its Keras network.
    served
        Its ONNX network.
    """

    folder: Path
    card: Card
    network: keras.Model
    served: Network

    @property
    def calibration(self) -> Calibration:
        """The calibration on its card."""
        card = self.card
        return Calibration(card.fusion, card.operating_points, {}, card.conformal, card.window_points)

    def answers(self, root: Path, samples: Sequence[Sample]) -> NDArray[np.float64]:
        """Return its probabilities ``(samples, classes)``."""
        looks = predictions_of(self.served, root, samples, 0)
        order = [looks.items.index(sample.item) for sample in samples]
        return self.card.fusion.probabilities(looks.first, looks.second)[order]


def write_candidate(
    parent: Parent,
    network: keras.Model,
    lesson: Lesson,
    recipe: Recipe,
    folder: Path,
    name: str,
    say: Callable[[float], None],
) -> Card:
    """Write the model folder of a candidate, and return its card.

    Parameters
    ----------
    parent
        The model that serves.
    network
        The candidate's, trained.
    lesson
        What it learned from.
    recipe
        How.
    folder
        An existing folder.
    name
        Name of the model.
    say
        Called with the share that is done.
    """
    site = lesson.site
    samples = {part: [one.sample for one in slices] for part, slices in site.parts.items()}
    frames = load_frames_of(site.root, samples[Part.TRAIN], FRAME).pixels
    save_model(network, folder)
    with atomic_write(folder / ONNX) as part:
        export_onnx(network, _for_ranges(frames, recipe.seed), part, reference_of(parent.folder / ONNX))
    say(0.3)
    replay = _replay(network, lesson, frames)
    replay.save(folder / REPLAY)
    shutil.copyfile(parent.folder / GATE, folder / GATE)
    # With the site alone, it would say that this is all.
    if (before := read_seen(parent.folder, parent.card.files)) is not None:
        before.joined(_seen(lesson)).save(folder / SEEN)
    say(0.5)
    served = Network(folder / ONNX)
    calibration = _calibrated(parent, network, served, lesson, samples[Part.VALIDATION])
    say(0.7)
    after, with_parent = (predictions_of(one, site.root, samples[Part.TEST], 0) for one in (served, parent.served))
    card = Card(
        name=name,
        created=datetime.now(UTC).date().isoformat(),
        architecture=parent.card.architecture,
        input_size=parent.card.input_size,
        preprocessing=parent.card.preprocessing,
        classes=parent.card.classes,
        fusion=calibration.fusion,
        operating_points=calibration.points,
        window_points=calibration.window_points,
        conformal=calibration.conformal,
        familiar_within=parent.card.familiar_within,
        files={one.name: sha256_of(one) for one in sorted(folder.iterdir())},
        training=_training(parent.card, lesson, recipe),
        metrics={
            "operating_points": calibration.threshold_notes,
            "test": _figures(after, calibration),
            "before": _figures(with_parent, parent.calibration),
            "parent": {"name": parent.card.name, "test": parent.card.metrics["test"]},
            "gate": {**parent.card.metrics["gate"], "kept": _gate_said(folder, served, parent, lesson)},
        },
    )
    say(0.95)
    write_cards(card, folder)
    return card


def _for_ranges(frames: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Return slices on which the ranges of the activations are measured: half of them as another sequence has them.

    One site alone shows few contrasts, and what is outside the ranges is cut off.
    """
    rng = np.random.default_rng(seed)
    chosen = frames[np.linspace(0, len(frames) - 1, RANGE_SLICES).round().astype(int)]
    return np.stack([remap_intensities(one, rng) if at % 2 else one for at, one in enumerate(chosen)])


def _replay(network: keras.Model, lesson: Lesson, frames: NDArray[np.uint8]) -> Replay:
    """Return what the candidate's own retraining will remember: the training set of its parent, and the site."""
    slices = lesson.site.parts[Part.TRAIN]
    labels = np.array([FINDINGS.index(Finding(one.item.label)) for one in slices])
    sure = lesson.trust >= np.median(lesson.trust)
    own = Replay(
        features_of(network, frames[sure]), labels[sure], np.array([one.item.source for one in slices])[sure], {}
    )
    return own if lesson.replay is None else lesson.replay.joined(own)


def _seen(lesson: Lesson) -> Seen:
    """Return what is kept of the pictures of the site that the candidate was trained on."""
    site = lesson.site
    samples = [*(one.sample for one in site.parts[Part.TRAIN]), *site.unlabelled]
    pictures = Pictures.of([load_picture(site.root, sample.item) for sample in samples])
    return Seen.of(pictures, np.ones(len(samples), np.bool_))


def _calibrated(
    parent: Parent, network: keras.Model, served: Network, lesson: Lesson, samples: Sequence[Sample]
) -> Calibration:
    slices = {one.item.name: one for one in lesson.site.parts[Part.VALIDATION]}
    classes = len(FINDINGS)
    first = second = np.zeros((0, classes), np.float32)
    items, trust = [], np.zeros(0)
    if samples:
        looks = predictions_of(served, lesson.site.root, samples, 0)
        first, second, items = looks.first, looks.second, list(looks.items)
        agreed = agreed_by_two([slices[item.name] for item in items])
        trust = np.where(agreed, 1.0, lesson.one_reader)
    return recalibrate(parent.card, first, second, items, trust, _known(parent, network, served, lesson))


def _known(parent: Parent, network: keras.Model, served: Network, lesson: Lesson) -> Known | None:
    """Return both networks on the training set: on its pictures if they are at hand, else on remembered features."""
    fusion = parent.card.fusion
    if lesson.old is not None:
        root, samples = lesson.old
        chosen = [samples[at] for at in np.linspace(0, len(samples) - 1, min(COMPARED_ON, len(samples))).astype(int)]
        after, before = (predictions_of(one, root, chosen, 0) for one in (served, parent.served))
        return Known(after.first, after.second, fusion.probabilities(before.first, before.second))
    if lesson.replay is not None:
        first, second = lesson.replay.looks_of(network)
        return Known(first, second, fusion.probabilities(*lesson.replay.looks_of(parent.network)))
    return None


def _figures(predictions: Predictions, calibration: Calibration) -> dict[str, Any]:
    figures = report([(predictions, calibration)], BOOTSTRAPS)
    patients = len({item.patient for item in predictions.items})
    return figures | {
        "on": f"{len(predictions.items):,} slices of {patients:,} patients in the test part of the site, on "
        "whom neither weights nor calibration were fitted; 95 % bootstrap intervals by patient."
    }


def _gate_said(folder: Path, served: Network, parent: Parent, lesson: Lesson) -> str:
    gate = load_gate(folder / GATE)
    samples = [one.sample for one in lesson.site.parts[Part.TEST]]
    frames = load_frames_of(lesson.site.root, samples, FRAME).pixels
    after, before = (
        sum(not gate.passes(one.look(frame, WHOLE).features) for frame in frames) for one in (served, parent.served)
    )
    return KEPT_GATE.format(of=len(frames), refused=after, before=before)


def _training(parent: Card, lesson: Lesson, recipe: Recipe) -> dict[str, Any]:
    site, before = lesson.site, parent.training
    replayed = _replayed(lesson)
    old = "remembered features" if lesson.replay else "nothing but the weights"
    if replayed:
        by_source = ", ".join(f"{name} {number:,}" for name, number in replayed["by_source"].items())
        old = f"{replayed['pictures']:,} pictures ({by_source})"
    summary = (
        f"Recipe {recipe.name}, starting from {parent.name}, on the signed readings of one site. Of the parent's "
        f"training set, {old} were replayed. Of {len(lesson.trust):,} labels of the training part "
        f"{(lesson.trust < 1).sum():,} counted less, because one reader signed them or the parent contradicts them."
    )
    return {
        "summary": summary,
        "config": before["config"],
        "images": before["images"] + len(site.parts[Part.TRAIN]),
        "notes": list(site.notes),
        "data": before["data"],
        "limits": [LIMIT, *(one for one in before["limits"] if one != LIMIT)],
        "failures": list(before["failures"]),
        **({"replayed": replayed} if replayed else {}),
        **ancestry(parent, site, recipe),
    }


def _replayed(lesson: Lesson) -> dict[str, Any]:
    """Return which pictures of the parent's training set were replayed; empty if they were not at hand."""
    if lesson.old is None:
        return {}
    items = [sample.item for sample in lesson.old[1]]
    return {
        "pictures": len(items),
        "by_source": dict(sorted(Counter(item.source for item in items).items())),
        "by_class": dict(sorted(Counter(item.label for item in items).items())),
    }
