"""Samples of what the record holds, for the tests of `triage.records`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from triage.domain import (
    AIResult,
    Band,
    Decision,
    Finding,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    SliceScores,
    StudyHeader,
)
from triage.records.store import Store
from triage.records.views import Arrival, Instance, contents_of

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def instance(number: int) -> Instance:
    return Instance(f"{number:064x}", f"slice{number}.png", "PNG", 1000 + number)


def add(store: Store, *numbers: int, name: str = "head.png", uid: str = "", **options: object) -> str:
    """Add files as one study and return its ID."""
    header = StudyHeader(uid=uid)
    taken = store.arrivals.add(name, [Arrival(instance(number), header) for number in numbers], actor="door", **options)  # type: ignore[arg-type]
    return str(taken.study_id)


def result(glioma: float = 0.7, model: str = "a", numbers: tuple[int, ...] = (1,)) -> AIResult:
    rest = (1 - glioma) / 3
    return AIResult(
        "net",
        model * 64,
        dict(zip(Finding, (glioma, rest, rest, rest), strict=True)),
        Ranking(Band.STAT, "because"),
        contents=contents_of(instance(number).sha256 for number in numbers),
        slices=SliceScores(0, 0, len(numbers) - 1, (((glioma, rest, rest, rest), None),), (2,)),
    )


def as_judged(kept: AIResult | None) -> AIResult:
    """Return a result as it was before it was filed."""
    assert kept is not None
    assert kept.filed_at is not None
    return replace(kept, filed_at=None)


def reading(finding: Finding = Finding.GLIOMA, reader: str = "Dr. A", **changes: object) -> Reading:
    decision = Decision.CONFIRM if finding is Finding.GLIOMA else Decision.OVERRIDE
    reason = None if finding is Finding.GLIOMA else ReasonCode.WRONG_CLASS
    return Reading(reader, decision, finding, reason, "seen", ReadingState.FINAL, NOW, "a" * 64)
