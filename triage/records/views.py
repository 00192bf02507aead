"""What the record hands out: frozen rows for the worklist, the review page and the list of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triage.domain import AIResult, Band, Finding, Reading, StudyStatus


@dataclass(frozen=True, slots=True)
class WorklistFilter:
    """What the worklist is narrowed to; empty means everything that waits."""

    bands: tuple[Band, ...] = ()
    findings: tuple[Finding, ...] = ()
    statuses: tuple[StudyStatus, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """One study on the worklist, in its place."""

    study_id: str
    name: str
    status: StudyStatus
    band: Band
    malignancy: float | None
    predicted: Finding | None
    arrived_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """One page of the worklist and the number of rows on all pages."""

    rows: tuple[WorklistRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """How much waits.

    Attributes
    ----------
    counts
        Waiting studies by the band in which they stand now.
    not_analysable
        How many of them the AI could not judge.
    histogram
        By band: counts in equal bins of P(glioma) from 0 to 1.
    """

    counts: dict[Band, int]
    not_analysable: int
    histogram: dict[Band, list[int]]

    @property
    def total(self) -> int:
        """Waiting studies in all."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Instance:
    """One received file."""

    sha256: str
    name: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Study:
    """A study with all that is known of it."""

    study_id: str
    name: str
    status: StudyStatus
    reason: str
    site_band: Band
    arrived_at: datetime
    opened_at: datetime | None
    instances: tuple[Instance, ...]
    results: tuple[AIResult, ...]
    readings: tuple[Reading, ...]

    @property
    def result(self) -> AIResult | None:
        """The current AI result."""
        return self.results[-1] if self.results else None


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A reading with the study and the AI result that it answers."""

    study_id: str
    name: str
    instance: Instance
    predicted: Finding | None
    reading: Reading
