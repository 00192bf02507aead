"""What a model has seen, kept in its folder: so a site can tell its own pictures from those, without having them.

And what its retraining needs of them, see `triage.training.release.replay`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from triage.copies.seen import SEEN, Pictures, Seen
from triage.errors import RefusedError
from triage.inference.card import KERAS, Card, read_card, sha256_of
from triage.networks.backbones import open_saved
from triage.training.fit.checkpoints import atomic_write
from triage.training.layouts import Dataset, Item, LayoutError, load_picture
from triage.training.layouts.loading import in_threads
from triage.training.release.model_card import write_cards
from triage.training.release.replay import REPLAY, remember_features


def remember(folder: Path, dataset: Dataset) -> Card:
    """Write what a model was trained and tested on, and what it remembers of it, into its folder; change its cards.

    Parameters
    ----------
    folder
        The model folder.
    dataset
        All data that the model was trained or tested on.

    Raises
    ------
    ModelError
        If the folder is damaged.
    LayoutError
        If the data set has no picture of a source that the model was trained on.
    """
    card = read_card(folder)
    sources = card.training["config"]["sources"]
    report = write_seen(folder, [dataset], sources)
    trained = tuple(item for item in dataset.items if item.source in sources)
    remember_features(open_saved(folder / KERAS), replace(dataset, items=trained)).save(folder / REPLAY)
    files = card.files | {name: sha256_of(folder / name) for name in (SEEN, REPLAY)}
    card = card.model_copy(update={"files": files, "metrics": card.metrics | {"seen": report}})
    write_cards(card, folder)
    return card


def write_seen(folder: Path, data: Sequence[Dataset], sources: Collection[str]) -> dict[str, Any]:
    """Write what a model has seen into its folder, and return the number of pictures by use.

    A released network was trained on all folds of its sources. Copies that were left out there, and guard slices, are
    of pictures or patients that it was trained on, so all pictures of these sources count as trained on, and all others
    as tested on. Strangers are no brain MRI and are left out.
    """
    missing = {*sources} - {item.source for dataset in data for item in dataset.items}
    if missing:
        raise LayoutError(
            f"The model was trained on {', '.join(sorted(missing))} too, which is not here. Name all data that it was "
            "trained and tested on with --data, --volumes and --more."
        )
    opened = [_opened(dataset) for dataset in data]
    pictures = Pictures.joined([pictures for pictures, _ in opened])
    items = [item for _, readable in opened for item in readable]
    trained = np.array([item.source in sources for item in items])
    with atomic_write(folder / SEEN) as part, part.open("wb") as file:
        Seen.of(pictures, trained).save(file)
    return {"trained": int(trained.sum()), "tested": int((~trained).sum())}


def _opened(dataset: Dataset) -> tuple[Pictures, list[Item]]:
    """Return what is kept of the pictures that can be read, and their items."""

    def described(item: Item) -> Pictures | None:
        try:
            return Pictures.of([load_picture(dataset.root, item)])
        except RefusedError:
            return None

    found = zip(dataset.items, in_threads(described, dataset.items, "Remembering the pictures"), strict=True)
    readable = [(item, one) for item, one in found if one is not None]
    return Pictures.joined([one for _, one in readable]), [item for item, _ in readable]
