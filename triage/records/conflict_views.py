"""What the record returns of conflicts: two studies side by side, and what was decided about them.

Tested in tests/records/test_conflicts.py and tests/records/test_decisions.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triage.domain import Resolution, StudyHeader


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two studies of a conflict."""

    study_id: str
    name: str
    header: StudyHeader
    arrived_at: datetime
    files: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two studies that claim one identity: `second` was set aside when it arrived."""

    reason: str
    uid: str
    first: Side
    second: Side


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision about a conflict, or its undoing.

    Attributes
    ----------
    what
        The decision; None for the undoing of one.
    why
        As the person entered it.
    first, second
        The two studies, as the decision meant them.
    undo_id
        The study to give to `Decisions.undo`; empty if the decision cannot be undone, or not any more.
    """

    at: datetime
    by: str
    what: Resolution | None
    why: str
    first: Side
    second: Side
    undo_id: str
