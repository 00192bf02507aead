"""What a candidate learns from, as pictures: which, how often each is drawn, and how much its label counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.inference.calibration import Fusion
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME
from triage.learning.parts import Part
from triage.phantoms import phantoms
from triage.scans.formats import raster
from triage.training.data.splits import Sample
from triage.training.fit.recipe import Retraining, Stage
from triage.training.fit.stages import drawing_weights
from triage.training.fit.two_look_training import pictures_of
from triage.training.layouts import FINDINGS
from triage.training.release.replay import Replay
from triage.training.retrain.site import Site, SiteSlice
from triage.training.views.two_look_views import Picture

#: A class is drawn as often as the recipe says once it has so many patients; one of fewer, less often.
ENOUGH_PATIENTS = 20
#: Drawn heads.
PHANTOMS = 120
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """What a candidate learns from.

    Attributes
    ----------
    site
        The export.
    trust
        Weight of the label of each slice of the training part.
    one_reader
        Weight of a label that one reader signed.
    fusion
        Of the model that serves.
    replay
        What the model folder keeps of its training set; None if it keeps nothing.
    old
        Samples of the training set, and their folder; None where its pictures are not at hand.
    """

    site: Site
    trust: Floats
    one_reader: float
    fusion: Fusion
    replay: Replay | None
    old: tuple[Path, Sequence[Sample]] | None


@dataclass(frozen=True)
class Taught:
    """The pictures of a lesson: slices with a label, then slices without and drawn heads, then the training set.

    Attributes
    ----------
    pictures
        All of them.
    weights
        ``(pictures,)``: how often each is drawn; they sum to 1.
    labelled, old
        How many slices of the site have a label, and how many pictures are of the training set.
    """

    pictures: list[Picture]
    weights: NDArray[np.float64]
    labelled: int
    old: int

    def trust(self, of_labelled: Floats) -> Floats:
        """Return the weight of every label; where there is none it is 0, and the answer of the serving model counts."""
        none = np.zeros(len(self.pictures) - self.labelled - self.old)
        return np.concatenate([of_labelled, none, np.ones(self.old)]).astype(np.float32)


def pictures_for(lesson: Lesson, stage: Stage, wanted: Retraining) -> Taught:
    """Load the pictures of a lesson."""
    site, labelled = lesson.site, lesson.site.parts[Part.TRAIN]
    pictures, weights = pictures_of(site.root, [one.sample for one in labelled]), _shares(labelled, stage)
    for more, share in (
        (pictures_of(site.root, site.unlabelled), wanted.unlabelled),
        (drawn_heads(wanted.drawn), wanted.drawn),
    ):
        if more:
            pictures += more
            weights = np.concatenate([weights * (1 - share), np.full(len(more), share / len(more))])
    if lesson.old is None:
        return Taught(pictures, weights / weights.sum(), len(labelled), 0)
    root, samples = lesson.old
    drawn = drawing_weights(samples, stage, "finding")
    assert drawn is not None  # the recipe was checked
    weights = np.concatenate([weights * (1 - wanted.replayed), drawn * wanted.replayed])
    return Taught(pictures + pictures_of(root, samples), weights / weights.sum(), len(labelled), len(samples))


def drawn_heads(share: float) -> list[Picture]:
    """Return phantoms of all classes, without a label: what the model that serves says of them is to stay.

    A site shows few classes and sequences. On heads unlike its own, answers would drift unnoticed.
    """
    if not share:
        return []
    frames = [prepare(raster.decode(one.png).pixels, FRAME)[0] for one in phantoms(PHANTOMS)]
    every = np.ones(len(FINDINGS), np.float32)
    return [Picture(np.rint(frame).astype(np.uint8), every, None) for frame in frames]


def _shares(slices: Sequence[SiteSlice], stage: Stage) -> NDArray[np.float64]:
    """Return how often each slice is drawn: by class as the recipe says, in a class every patient as often."""
    assert stage.balanced is not None  # the recipe was checked
    patients = Counter(label for label, _ in {(one.item.label, one.item.patient) for one in slices})
    of_patient = Counter((one.item.label, one.item.patient) for one in slices)
    weights = np.array(
        [
            stage.balanced[one.item.label]
            * min(patients[one.item.label] / ENOUGH_PATIENTS, 1)
            / (patients[one.item.label] * of_patient[one.item.label, one.item.patient])
            for one in slices
        ]
    )
    return np.asarray(weights / weights.sum(), np.float64)
