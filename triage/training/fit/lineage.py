"""The lineage of starting weights: which data the earlier run has seen, and what it started from itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from triage.inference.card import CARD, read_card
from triage.training.fit.recipe import RecipeError

PARTS_FILE = "parts.json"
RESULT_FILE = "result.json"


@dataclass(frozen=True)
class Lineage:
    """The run or model whose weights another run starts from.

    Attributes
    ----------
    seen
        SHA-256 of the files in its training and validation parts, and in those of the runs before it.
    description
        Text for the record of the new run.
    sources
        Sources of which it may have seen every picture: a released model keeps no list of files.
    """

    seen: frozenset[str]
    description: str
    sources: frozenset[str] = frozenset()


def lineage_of(weights: str | None) -> Lineage | None:
    """Return the lineage of a weights file in a run or model folder; None for any other weights.

    Raises
    ------
    RecipeError
        If the run is not finished.
    """
    folder = Path(weights).parent if weights else Path()
    if weights and (folder / CARD).is_file():
        card = read_card(folder)
        return Lineage(frozenset(), f"the model {card.name}", frozenset(card.training["config"].get("sources", ())))
    if not weights or not (folder / PARTS_FILE).is_file():
        return None
    if not (folder / RESULT_FILE).is_file():
        raise RecipeError(
            f"The run {folder.name} is not finished. Finish it with --resume before another run starts from it."
        )
    result = json.loads((folder / RESULT_FILE).read_text())
    epochs = result["classifier"]["kept_epoch"]
    return Lineage(
        frozenset(json.loads((folder / PARTS_FILE).read_text())["seen_sha256"]),
        f"{epochs} epochs of recipe {result['recipe']} from {result['started_from']}",
    )
