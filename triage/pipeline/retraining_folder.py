"""What a retraining keeps on disk: the latest job, the export that it learns from, its log, and two locks.

Tested in tests/pipeline/test_retraining.py.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from triage.errors import ConflictError, ModelError, storage_error
from triage.inference.card import read_card
from triage.learning.retraining import work_folder
from triage.pipeline.retraining_job import Job, State, read_job, write_job
from triage.text import one_line, visible

LOG, LOCK, TURN, DATA = "log.txt", "lock", "turn", "readings.zip"
#: Lines of the log that are shown.
LINES = 200
#: Characters of a reason in the audit trail.
REASON = 300
#: How a remark of TensorFlow's own logger begins; no setting silences those of its first import.
OF_LIBRARIES = re.compile(r"[IW]\d{4} \d\d:|WARNING: All log messages before absl")
RUNNING = "A retraining is running already. Wait until it has ended, or cancel it; then begin another."


class RetrainingFolder:
    """``<home>/retraining/`` and where candidates appear; processes share it.

    Parameters
    ----------
    home
        The home folder.
    """

    def __init__(self, home: Path) -> None:
        self.path, self._models = home / "retraining", home / "models"

    @property
    def data(self) -> Path:
        """The export that is learned from."""
        return self.path / DATA

    def candidate(self, name: str) -> Path:
        """Return where a candidate of a name is, once it is whole."""
        return self._models / name

    def next_name(self) -> str:
        """Return a name that no candidate has."""
        number = 1
        while self.candidate(f"site-{number}").exists():
            number += 1
        return f"site-{number}"

    def job(self) -> Job | None:
        """Return the latest retraining; None before the first, or if what was kept of it is damaged."""
        return read_job(self.path)

    def keep(self, job: Job) -> None:
        """Keep the latest retraining; it raises OSError."""
        write_job(self.path, job)

    def made(self, job: Job) -> bool:
        """Return whether the candidate of a job has got its name, which it gets when it is whole."""
        return self.candidate(job.name).is_dir()

    def outcome(self, job: Job) -> str:
        """Return how a retraining ended, for the audit trail."""
        if job.state is not State.DONE:
            return f"failed: candidate {job.name} was not made: {visible(one_line(job.said), REASON)}"
        try:
            card = read_card(self.candidate(job.name))
        except ModelError:
            return f"finished: candidate {job.name}, whose card cannot be read"
        data_set = card.training.get("data_set", {}).get("digest", "unknown")
        return f"finished: candidate {job.name}, card {card.digest}, data set {data_set}"

    def log(self) -> list[str]:
        """Return the last lines of the log of the latest retraining, without what libraries say of themselves."""
        with suppress(OSError):
            lines = (self.path / LOG).read_text(errors="replace").splitlines()
            return [one_line(line) for line in lines if line.strip() and not OF_LIBRARIES.match(line)][-LINES:]
        return []

    def free(self) -> int:
        """Return the free space: bytes."""
        return shutil.disk_usage(self.path).free

    def clear(self, names: Iterable[str]) -> None:
        """Remove what earlier retrainings left: the work on candidates of some names, log and export.

        Raises
        ------
        StorageError
            If that is not possible.
        """
        try:
            for name in names:
                with suppress(FileNotFoundError):
                    shutil.rmtree(work_folder(self.candidate(name)))
            for file in (LOG, DATA):
                (self.path / file).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error) from error

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Give the lock of whoever retrains, as a file that a child can inherit.

        Raises
        ------
        ConflictError
            If somebody has it.
        StorageError
            If the folder cannot be written.
        """
        try:
            for folder in (self.path, self._models):
                folder.mkdir(parents=True, exist_ok=True)
            held = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise storage_error(error) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield held
        except BlockingIOError as error:
            raise ConflictError(RUNNING) from error
        except OSError as error:
            raise storage_error(error) from error
        finally:
            os.close(held)

    def busy(self) -> bool:
        """Return whether somebody retrains."""
        try:
            with self.alone():
                return False
        except ConflictError:
            return True

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one process or thread at a time decide what becomes of the retraining.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        try:
            held = os.open(self.path / TURN, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise storage_error(error) from error
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
        finally:
            os.close(held)
