"""The run that another starts from: what its network has seen, and what it started from itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from triage.inference.card import CARD, read_card
from triage.training.fit.recipe import RecipeError

PARTS, RESULT = "parts.json", "result.json"


@dataclass(frozen=True)
class Earlier:
    """A run whose network is the start of another.

    Attributes
    ----------
    seen
        SHA-256 of the files that it trained on or watched, and those of the runs before it.
    said
        What it was, in words for the record.
    sources
        Those of which it may have seen everything: a model that serves keeps no list of files.
    """

    seen: frozenset[str]
    said: str
    sources: frozenset[str] = frozenset()


def earlier_run(weights: str | None) -> Earlier | None:
    """Return the run or the model that a file of weights lies in; None where nothing tells what they have seen.

    Raises
    ------
    RecipeError
        If the run is not finished.
    """
    folder = Path(weights).parent if weights else Path()
    if weights and (folder / CARD).is_file():
        card = read_card(folder)
        return Earlier(frozenset(), f"the model {card.name}", frozenset(card.training["config"].get("sources", ())))
    if not weights or not (folder / PARTS).is_file():
        return None
    if not (folder / RESULT).is_file():
        raise RecipeError(f"{folder.name} is not finished. Finish it with --resume before another starts from it.")
    result = json.loads((folder / RESULT).read_text())
    epochs = result["classifier"]["kept_epoch"]
    return Earlier(
        frozenset(json.loads((folder / PARTS).read_text())["seen_sha256"]),
        f"{epochs} epochs of recipe {result['recipe']} from {result['started_from']}",
    )
