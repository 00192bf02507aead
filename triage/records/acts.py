"""Acts about models, and what follows from them: which one is to serve, which are in shadow, what waits for an answer.

Tested in tests/records/test_registry.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Act(StrEnum):
    """What is done about a model; the values are stored."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    SHADOW_ON = "shadow on"
    SHADOW_OFF = "shadow off"
    ASKED = "override asked"
    WITHDRAWN = "override ended"


#: Acts after which another model serves.
SERVING = (Act.PROMOTED, Act.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the registry knows it.

    Attributes
    ----------
    name
        On its card.
    card
        Digest of its card, which covers its files.
    folder
        Below ``models/`` of the home folder; "" for the folder of TRIAGE_MODEL.
    """

    name: str
    card: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and with which account; "" in single-user mode."""

    actor: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of the registry.

    Attributes
    ----------
    number
        From 1, without gaps.
    against
        Digest of the card that served.
    request
        Number of the act that asked for an override, or None.
    """

    number: int
    at: datetime
    by: By
    act: Act
    model: Model
    against: str
    reason: str = ""
    request: int | None = None


def line_of(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the promotions that count, the one that is to serve first; empty if the model of TRIAGE_MODEL is to.

    A rollback takes the newest one away, so it leads to what served before, and a second one further back.
    """
    line: list[Entry] = []
    for one in sorted(entries, key=lambda one: one.number):
        if one.act is Act.PROMOTED:
            line.append(one)
        elif one.act is Act.ROLLED_BACK and line:
            line.pop()
    return tuple(reversed(line))


def shadows_of(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the candidates that score in shadow, by card; a promotion ends the shadow of its model."""
    on: dict[str, Entry] = {}
    for one in sorted(entries, key=lambda one: one.number):
        if one.act is Act.SHADOW_ON:
            on.setdefault(one.model.card, one)
        elif one.act in (Act.SHADOW_OFF, Act.PROMOTED):
            on.pop(one.model.card, None)
    return on


def requests_of(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the overrides that wait for a second administrator; another model in between ends them all."""
    asked: dict[int, Entry] = {}
    for one in sorted(entries, key=lambda one: one.number):
        if one.act is Act.ASKED:
            asked[one.number] = one
        elif one.act is Act.WITHDRAWN:
            asked.pop(one.request or 0, None)
        elif one.act in SERVING:
            asked.clear()
    return tuple(asked.values())
