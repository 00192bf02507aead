"""How a retraining tells others how far it is: a small file in the folder where it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock

from pydantic import TypeAdapter, ValidationError

PROGRESS = "progress.json"
#: Seconds between two writes.
EVERY = 1.0


class Stage(StrEnum):
    """What a retraining does, in its order; the values are shown."""

    LOADING = "Loading the programs for learning"
    OPENING = "Opening the model that serves"
    READING = "Reading the signed readings"
    MEASURING = "Measuring the model that serves"
    PREPARING = "Preparing the pictures, and timing the first steps"
    LEARNING = "Learning"
    EXPORTING = "Exporting the network"
    CHECKING = "Measuring the candidate"
    JUDGING = "Judging the candidate"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retraining is.

    Attributes
    ----------
    stage
        What it does.
    done
        Share of the whole that is done, 0 to 1.
    seconds_left
        Estimate; None while there is none.
    """

    stage: Stage
    done: float = 0.0
    seconds_left: float | None = None


_PROGRESS = TypeAdapter(Progress)
Say = Callable[[Progress], None]


def work_folder(out: Path) -> Path:
    """Return the hidden folder in which a candidate is made before it gets its name."""
    return out.with_name(f".{out.name}.part")


def begin(out: Path) -> None:
    """Say that a retraining begins to load what it needs, before it can say so: on a busy server that takes a minute.

    Parameters
    ----------
    out
        Where the candidate will be.
    """
    with suppress(OSError):  # the work itself tells of a full disk
        work_folder(out).mkdir(parents=True, exist_ok=True)
    Reporter(work_folder(out))(Progress(Stage.LOADING))


def read_progress(folder: Path) -> Progress | None:
    """Return how far the retraining in a work folder is; None if it has not said."""
    with suppress(OSError, ValidationError):
        return _PROGRESS.validate_json((folder / PROGRESS).read_bytes())
    return None


class Reporter:
    """Writes how far a retraining is, at most once a second, from any thread.

    Parameters
    ----------
    folder
        The work folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._lock, self._written, self._stage = folder / PROGRESS, Lock(), -EVERY, ""

    def __call__(self, progress: Progress) -> None:
        """Write it, unless the same stage was written just now; a full disk stops the work elsewhere."""
        with self._lock, suppress(OSError):
            now = time.monotonic()
            if progress.stage == self._stage and now - self._written < EVERY:
                return
            self._stage, self._written = progress.stage, now
            part = self._path.with_suffix(".part")
            part.write_text(_PROGRESS.dump_json(progress).decode())
            part.replace(self._path)
