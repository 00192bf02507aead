"""The gate of a model folder: fitted on features of the network that serves, with evidence for the card.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage import phantoms
from triage.domain import Slice
from triage.errors import TriageError
from triage.inference.card import GATE, ONNX, Card, read_card, sha256_of
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.two_look import Floats
from triage.inference.views import FRAME, WHOLE
from triage.scans.formats import raster
from triage.scans.quality.gate import not_analysable
from triage.training.data.copies import one_per_cluster, with_clusters
from triage.training.fit.checkpoints import atomic_write
from triage.training.layouts import STRANGER, Dataset, load_slice
from triage.training.layouts.loading import in_threads
from triage.training.release.fit_gate import Examples, fit_gate
from triage.training.release.model_card import write_cards
from triage.training.release.ood_images import ood_images

#: Drawn pictures, besides those of the data set: of everything but brains, and phantoms.
DRAWN = 600
PHANTOMS = 200


class GateError(TriageError):
    """There is nothing to fit a gate on."""


def write_gate(network: Network, dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Fit the gate of a network, write it into a model folder, and return the report of `fit_gate`."""
    gate, found = fit_gate(examples_of(network, dataset))
    with atomic_write(folder / GATE) as part:
        gate.save(part)
    return found


def refit_gate(folder: Path, dataset: Dataset) -> Card:
    """Fit the gate of a model folder anew, and change gate and cards of the folder.

    Raises
    ------
    GateError
        If the data set has no picture.
    """
    card = read_card(folder)
    report = write_gate(Network(folder / ONNX), dataset, folder)
    metrics = card.metrics | {"gate": {"familiar_within": card.familiar_within, **report}}
    card = card.model_copy(update={"files": card.files | {GATE: sha256_of(folder / GATE)}, "metrics": metrics})
    write_cards(card, folder)
    return card


def examples_of(network: Network, dataset: Dataset) -> Examples:
    """Return what a gate is fitted on: the pictures of a data set, its strangers, and drawn pictures of both kinds.

    One picture of each cluster is used, and none that is not analysable whatever it shows.
    """
    kept, _ = one_per_cluster(with_clusters(dataset).items)
    if not kept:
        raise GateError("The data set has no picture to fit a gate on. Name a folder that `audit-data` can read.")

    def features(picture: Slice) -> Floats | None:
        if not_analysable(picture):
            return None
        return network.look(prepare(picture.pixels, FRAME)[0], WHOLE).features

    items = [*kept, *dataset.strangers]
    of_files = in_threads(lambda item: features(load_slice(dataset.root, item)), items, "Fitting the gate")
    rows = [(item.source, item.label != STRANGER, found) for item, found in zip(items, of_files, strict=True)]
    rows += [(source, brain, features(picture)) for source, brain, picture in _drawn()]
    sources, brain, found = zip(*(row for row in rows if row[2] is not None), strict=True)
    return Examples(np.stack(found), np.array(brain), np.array(sources))


def _drawn() -> Iterator[tuple[str, bool, Slice]]:
    for kind, pixels in ood_images(DRAWN):
        yield f"drawn {kind}", False, decoded(pixels)
    for phantom in phantoms.phantoms(PHANTOMS):
        yield "phantom", True, raster.decode(phantom.png)


def decoded(pixels: NDArray[np.uint8]) -> Slice:
    """Return a picture as it is after decoding in the isolated process."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return raster.decode(file.getvalue())
