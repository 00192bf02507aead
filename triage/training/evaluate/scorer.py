"""Score pictures with a model folder or a run folder, and choose the samples that it may be evaluated on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.errors import ModelError
from triage.inference import preprocess
from triage.inference.calibration import Fusion, equal_fusion, softmax
from triage.inference.card import CARD, KERAS, ONNX, read_card
from triage.inference.network import Network
from triage.inference.two_look import Look, log_probabilities, look_twice
from triage.inference.views import FRAME, lay_back
from triage.networks.twolook import MASK
from triage.training.data.copies import one_per_cluster
from triage.training.data.splits import CLASSES, Sample, label_for
from triage.training.fit.environment import data_hash, file_hashes
from triage.training.fit.lineage import PARTS_FILE
from triage.training.fit.loop import load_kept, predict
from triage.training.fit.run import CONFIG_FILE, SEGMENTER
from triage.training.fit.two_look_training import view_predictor
from triage.training.layouts import ALWAYS_TRAIN, GUARD, UNTYPED, Dataset, Item, LayoutError

#: The source whose files are numbered patient by patient: 3,062 slices of 233 patients, on average 13 of each.
ORDERED_SOURCE = "figshare"
#: Number of successive slices that are resampled together: those of two patients on average, so that most slices of a
#: patient are in one block.
SLICES_PER_BLOCK = 26


@dataclass(frozen=True)
class Scorer:
    """A model and its predictions.

    Attributes
    ----------
    name
        Name of the model or run.
    classes
        Names of the classes, in the order of the outputs.
    size
        Side of the prepared frames in pixels.
    network
        A Keras network, or the ONNX network of a model folder.
    config
        ``config.json`` of a run, or the training configuration in the model's card.
    parts
        ``parts.json`` of a run; empty for a model folder.
    fusion
        Weights of the two looks; None for a run, which is not calibrated.
    segmenter
        Network of the second stage; None if there is none.
    """

    name: str
    classes: tuple[str, ...]
    size: int
    network: keras.Model | Network
    config: dict[str, Any]
    parts: dict[str, list[str]] = field(default_factory=dict)
    fusion: Fusion | None = None
    segmenter: keras.Model | None = None

    @property
    def trained(self) -> keras.Model:
        """The Keras network of a run.

        Raises
        ------
        ModelError
            If this is a model folder: a released network cannot be released again.
        """
        if isinstance(self.network, Network):
            raise ModelError(
                f"{self.name} is a model folder, not a run of `train`. Name the run that it was made from."
            )
        return self.network

    @property
    def task(self) -> str:
        """``finding`` or ``tumour``."""
        return next(task for task, classes in CLASSES.items() if classes == self.classes)

    @property
    def looks_twice(self) -> bool:
        """Whether this is a two-look network."""
        return isinstance(self.network, Network) or MASK in self.network.output_names

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return probabilities ``(samples, classes)`` of prepared frames ``(samples, size, size)``."""
        if not self.looks_twice:
            return softmax(predict(self.network, frames))
        fusion = self.fusion or equal_fusion(len(self.classes))
        return fusion.probabilities(*log_probabilities(self._looks(frames)))

    def masks(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the tumour probabilities ``(samples, size, size)`` of a two-look network."""
        return np.stack([lay_back(second.mask, second.box) for _, second in self._looks(frames)])

    def _looks(self, frames: NDArray[np.uint8]) -> Sequence[tuple[Look, Look]]:
        if isinstance(self.network, Network):
            return self.network.look_at_all(frames)
        return look_twice(view_predictor(self.network), frames)


def open_model(folder: Path) -> Scorer:
    """Open a model folder or a run folder.

    Raises
    ------
    ModelError
        If it is neither, or was trained with another preprocessing.
    """
    if (folder / CARD).is_file():
        card = read_card(folder)
        classes = tuple(finding.value for finding in card.classes)
        config = dict(card.training.get("config", {}))
        return Scorer(card.name, classes, FRAME, Network(folder / ONNX), config, fusion=card.fusion)
    if not (folder / CONFIG_FILE).is_file() or not (folder / PARTS_FILE).is_file() or not (folder / KERAS).is_file():
        raise ModelError(
            f"{folder} is neither a model folder nor a run of `train`. Name one that holds {CARD} or {CONFIG_FILE}."
        )
    config = json.loads((folder / CONFIG_FILE).read_text())
    if config["preprocessing"] != preprocess.VERSION:
        raise ModelError(f"{folder} was trained with another preprocessing. Train it again with this version.")
    inner = folder / SEGMENTER
    return Scorer(
        folder.resolve().name,
        tuple(config["classes"]),
        config["size"],
        load_kept(folder),
        config,
        json.loads((folder / PARTS_FILE).read_text()),
        segmenter=load_kept(inner) if (inner / KERAS).is_file() else None,
    )


def evaluation_samples(scorer: Scorer, dataset: Dataset, everything: bool = False) -> tuple[list[Sample], list[str]]:
    """Return the samples that a model may be evaluated on, and notes on what was left out.

    On the data that it was split from, a run is evaluated on its test part; on other data, on every file outside its
    training and validation parts. A model folder is evaluated outside the folds named on its card, and on all pictures
    of sources that it was not trained on, on one picture per cluster.

    Parameters
    ----------
    scorer
        The model.
    dataset
        The data set.
    everything
        Leave nothing out, even if the model has seen it.

    Raises
    ------
    LayoutError
        If no sample is left.
    """
    if everything:
        samples, notes = (
            [Sample(item) for item in dataset.items],
            ["all pictures, including those that the model may have seen in training"],
        )
    elif scorer.parts:
        samples, notes = _unseen_by_run(scorer.parts, scorer.config, dataset)
    else:
        samples, notes = _outside_folds(scorer.config, dataset)
    if not samples:
        raise LayoutError(f"{scorer.name} has seen all of these pictures. Use other data, or add --everything.")
    return samples, notes


def resampling_groups(items: Sequence[Item]) -> tuple[list[str], str]:
    """Return the resampling group of each item, and what a group is: patient, cluster or picture.

    Slices of one patient are correlated, so an interval that treats them as independent is too narrow. Where patients
    are not recorded, successive slices of a source that is numbered patient by patient form a group instead, as in a
    block bootstrap (Künsch, Annals of Statistics 1989).
    """
    unknown = [item for item in items if item.patient is None]
    if not unknown:
        return [str(item.patient) for item in items], "patient"
    if any(item.cluster is None for item in unknown):
        group_of, unit = _name, "picture"
    elif any(item.source == ORDERED_SOURCE for item in unknown):
        group_of, unit = _block, f"cluster, {SLICES_PER_BLOCK} successive slices of {ORDERED_SOURCE} as one"
    else:
        group_of, unit = _cluster, "cluster"
    if len(unknown) < len(items):
        unit = f"patient, where it is not recorded by {unit}"
    return [group_of(item) if item.patient is None else f"patient {item.patient}" for item in items], unit


def _name(item: Item) -> str:
    return item.name


def _cluster(item: Item) -> str:
    return str(item.cluster)


def _block(item: Item) -> str:
    number = Path(item.path).stem
    if item.source != ORDERED_SOURCE or not number.isdecimal():
        return _cluster(item)
    return f"{ORDERED_SOURCE} {int(number) // SLICES_PER_BLOCK}"


def align_classes(
    probabilities: NDArray[np.float64], scorer: Scorer, items: Sequence[Item]
) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.intp], list[str]]:
    """Bring predictions and labels to the same classes.

    Parameters
    ----------
    probabilities
        ``(items, classes)`` of the scorer.
    scorer
        The model.
    items
        The items, with their labels.

    Returns
    -------
    probabilities
        ``(kept, classes)``; the tumour classes are summed if the labels distinguish only tumour and no tumour.
    classes
        Names of these classes.
    kept
        Positions of the items that have one of these classes.
    notes
        Text on what was changed.
    """
    everyone = np.arange(len(items))
    if scorer.task == "tumour":
        return probabilities, scorer.classes, everyone, []
    labels = np.array([item.label for item in items])
    typed = np.flatnonzero(labels != UNTYPED)
    if set(labels[typed]) - {Finding.NOTUMOR.value}:
        left = len(items) - len(typed)
        notes = [f"{left:,} tumours without a recorded type left out"] if left else []
        return probabilities[typed], scorer.classes, typed, notes
    without = probabilities[:, scorer.classes.index(Finding.NOTUMOR)]
    both = np.column_stack([1 - without, without])
    note = "the labels distinguish only tumour and no tumour: the tumour classes are summed"
    return both, CLASSES["tumour"], everyone, [note]


def truth_for(items: Sequence[Item], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the class index of each item."""
    task = next(task for task, names in CLASSES.items() if names == classes)
    return np.array([classes.index(label_for(item, task)) for item in items])


def is_data_of(config: dict[str, Any], dataset: Dataset, hashes: dict[str, str]) -> bool:
    """Return whether a run was trained on this data set, or on some of its sources."""
    same = replace(dataset, items=tuple(item for item in dataset.items if item.source in config["sources"]))
    return data_hash(same, hashes) == str(config["data_sha256"])


def named(names: Sequence[str], dataset: Dataset) -> list[Sample]:
    """Return the samples with the names in a part of a run."""
    by_name = {item.name: item for item in dataset.items}
    return [_sample(name, by_name) for name in names]


def held_out(scorer: Scorer, dataset: Dataset) -> list[Sample]:
    """Return the samples that a run left out, except slices of volumes, which are evaluated as studies."""
    left = named((*scorer.parts["test"], *scorer.parts["untyped"]), dataset)
    return [sample for sample in left if sample.item.index is None]


def _unseen_by_run(
    parts: dict[str, list[str]], config: dict[str, Any], dataset: Dataset
) -> tuple[list[Sample], list[str]]:
    hashes = file_hashes(dataset)
    if is_data_of(config, dataset, hashes):
        return named(parts["test"], dataset), [f"the test part of the run's split ({config['split']})", *parts["notes"]]
    trained_on = set(parts["seen_sha256"])
    samples = [Sample(item) for item in dataset.items if hashes[item.path] not in trained_on]
    left = len(dataset.items) - len(samples)
    return samples, [f"other data than the run's; {left:,} files of its training and validation parts left out"]


def _outside_folds(config: dict[str, Any], dataset: Dataset) -> tuple[list[Sample], list[str]]:
    trained_on = {str(fold) for key in ("train_folds", "validation_folds") for fold in config.get(key, ())}
    items = list(dataset.items)
    if not trained_on or not any(item.fold for item in items):
        return [Sample(item) for item in items], ["it is not recorded which of these pictures the model has seen"]
    sources, folds_seen = set(config.get("sources", ())), {*trained_on, ALWAYS_TRAIN, GUARD, None}
    items = [item for item in items if item.fold not in folds_seen or (sources and item.source not in sources)]
    kept, _ = one_per_cluster(items) if all(item.cluster is not None for item in items) else (items, 0)
    folds = ", ".join(sorted(trained_on))
    note = f"sources that it was not trained on; of the others all but folds {folds}, guard rows and copies"
    return [Sample(item) for item in kept], [note]


def _sample(name: str, by_name: dict[str, Item]) -> Sample:
    if name in by_name:
        return Sample(by_name[name])
    path, _, variant = name.rpartition("@")
    return Sample(by_name[path], int(variant))
