"""What is kept of the latest retraining, on disk: every process of the installation finds it there.

Tested in tests/pipeline/test_retraining.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from triage.learning.retraining import Progress

JOB = "job.json"


class State(StrEnum):
    """Where a retraining is; the values are stored."""

    EXPORTING = "exporting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """The latest retraining.

    Attributes
    ----------
    name
        Name of the candidate.
    model
        Folder of the model that it starts from.
    state
        Where it is.
    began
        When it was begun or resumed.
    said
        Why it ended, safe to show; empty otherwise.
    process
        ID of the child; 0 before there is one.
    progress
        How far it is; None before it has said, and once it has ended.
    noted
        Whether the audit trail has a row for its end; no earlier version wrote one.
    """

    name: str
    model: Path
    state: State
    began: datetime
    said: str = ""
    process: int = 0
    progress: Progress | None = None
    noted: bool = True

    @property
    def active(self) -> bool:
        """Whether it still works."""
        return self.state in (State.EXPORTING, State.RUNNING)

    @property
    def resumable(self) -> bool:
        """Whether it can be resumed."""
        return self.state in (State.FAILED, State.CANCELLED)


_JOB = TypeAdapter(Job)


def read_job(folder: Path) -> Job | None:
    """Return the latest retraining; None before the first, or if what was kept of it is damaged."""
    with suppress(OSError, ValidationError):
        return _JOB.validate_json((folder / JOB).read_bytes())
    return None


def write_job(folder: Path, job: Job) -> None:
    """Keep a retraining in place of the one before it; whoever reads meanwhile finds one of them whole."""
    part = folder / f"{JOB}.part"
    part.write_bytes(_JOB.dump_json(replace(job, progress=None)))
    part.replace(folder / JOB)
