"""The retraining of the model that serves: a child process, its state on disk, one at a time, whatever becomes of us.

`<home>/retraining/` holds the job, the export that it learns from, and the log. The child holds the lock, so that a
server which starts again knows whether it still works. What it makes is in a hidden folder below `<home>/models/` until
it is whole, so a child that was killed leaves no candidate, and goes on from its last epoch when it is resumed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Event, RLock, Thread

from triage.errors import ConflictError, StorageError, TriageError, storage_error
from triage.learning.retraining import begin, read_progress, work_folder
from triage.pipeline.retraining_child import PATIENCE, command_of, end, let_work, start
from triage.pipeline.retraining_folder import LOG, RetrainingFolder
from triage.pipeline.retraining_job import Job, State

logger = logging.getLogger(__name__)

#: Actor of the audit row of its end, which nobody asks for at that moment.
ACTOR = "retraining"
#: Free space without which nothing begins: the work of two networks, and the export.
NEEDED = 600 * 2**20
#: Seconds between two looks at a retraining that an earlier server began.
EVERY = 5.0
NOTHING_SIGNED = "Nothing is signed yet, so there is nothing to learn from. Sign studies first, then retrain."
NOTHING_TO_RESUME = "No retraining was stopped. Begin a new one."
#: Packages of the extra `train` that serving does without.
PACKAGES = ("cv2", "h5py", "onnx", "sklearn", "tf2onnx")
NO_PACKAGES = (
    "This server has not all packages that a retraining needs: {missing}. Install them (pip install -r "
    "requirements-dev.txt), then begin again."
)
NO_SPACE = (
    "Not begun: a retraining needs {needed} MB of free disk space in the home folder, and {free} MB are free. Free "
    "disk space, then begin again."
)
INTERRUPTED = "It was interrupted: the process ended, or the computer was switched off. Resume it."
ENDED = "It ended without a word; it may have run out of memory. The log says how far it came. Resume it."


class Retrainings:
    """The retrainings of one installation. Safe to call from threads, and beside other processes.

    Parameters
    ----------
    home
        The home folder.
    model
        Returns the folder of the model that serves.
    export
        Writes the data set of all signed readings, de-identified, to a file; it says how many of how many studies are
        written.
    references
        Data sets that a candidate is judged on besides the site's; those that are not there are left out.
    signed
        Tells whether any reading is signed.
    key
        File of the key of the record, which seals the judgement.
    note
        Writes how a retraining ended into the audit trail; raises `StorageError` if that is not possible now.
    """

    def __init__(
        self,
        home: Path,
        model: Callable[[], Path],
        export: Callable[[Path, Callable[[int, int], None]], object],
        references: Sequence[Path] = (),
        *,
        signed: Callable[[], bool],
        key: Path,
        note: Callable[[str], object],
    ) -> None:
        self._folder = RetrainingFolder(home)
        self._model, self._export, self._references = model, export, references
        self._signed, self._key, self._note = signed, key, note
        self._exported = 0.0
        self._lock = RLock()
        self._threads: set[Thread] = set()
        self._closed = Event()
        self._follower: Thread | None = None

    def job(self) -> Job | None:
        """Return the latest retraining; None before the first."""
        with self._lock:
            job = self._folder.job()
            if job is None or (job.noted and not job.active):
                return job
            try:
                with self._folder.alone():
                    return self._settled()
            except ConflictError:
                return replace(job, progress=read_progress(work_folder(self._folder.candidate(job.name))))

    @property
    def exported(self) -> float:
        """The share of the signed studies that this process has exported for the retraining that is being begun."""
        return self._exported

    def _count(self, done: int, total: int) -> None:
        self._exported = done / max(total, 1)

    def follow(self, every: float = EVERY) -> None:
        """Watch a retraining that an earlier server began, so that its end is audited though nobody looks at it."""
        job = self.job()
        if job is not None and (job.active or not job.noted) and self._follower is None:
            self._follower = Thread(target=self._look, args=(every,), name="retraining", daemon=True)
            self._follower.start()

    def close(self) -> None:
        """Stop watching; a retraining that is running goes on."""
        self._closed.set()
        if self._follower is not None:
            self._follower.join()

    def log(self) -> list[str]:
        """Return the last lines of the log of the latest retraining."""
        return self._folder.log()

    def unready(self) -> str:
        """Return why this server can begin none, if it cannot; otherwise "".

        It is asked before a person is: nobody decides on what cannot be done.
        """
        if missing := [name for name in PACKAGES if find_spec(name) is None]:
            return NO_PACKAGES.format(missing=", ".join(missing))
        return "" if self._signed() else NOTHING_SIGNED

    def begin(self) -> Job:
        """Begin a retraining of the model that serves on all signed readings; what an earlier one left is removed.

        Raises
        ------
        ConflictError
            If one is running, nothing is signed, or the packages are missing that it needs.
        StorageError
            If there is not enough space.
        """
        if why := self.unready():
            raise ConflictError(why)
        with self._lock, self._folder.alone() as held:
            before, name, model = self._settled(), self._folder.next_name(), self._model()
            free = self._folder.free()
            if free < NEEDED:
                raise StorageError(NO_SPACE.format(needed=NEEDED >> 20, free=free >> 20))
            # A job that cannot be read may have left work under the next name.
            self._folder.clear({name} if before is None else {name, before.name})
            return self._start(Job(name, model, State.EXPORTING, datetime.now(UTC)), held)

    def resume(self) -> Job:
        """Go on with a retraining that failed, was cancelled or was interrupted.

        Raises
        ------
        ConflictError
            If one is running, or there is none to resume.
        """
        with self._lock, self._folder.alone() as held:
            job = self._settled()
            if job is None or not job.resumable:
                raise ConflictError(NOTHING_TO_RESUME)
            return self._start(
                replace(job, state=State.EXPORTING, began=datetime.now(UTC), said="", process=0, noted=True), held
            )

    def cancel(self) -> Job | None:
        """Stop the retraining that is running, and return it; what it has learned stays for `resume`.

        Returns
        -------
        Job or None
            None if nothing was stopped: none is running, or its candidate is whole by now.

        Raises
        ------
        StorageError
            If it was stopped, and that cannot be kept.
        """
        if self.job() is None:
            return None
        with self._folder.turn():
            job = self._folder.job()
            if job is None or not job.active or self._folder.made(job):
                return None
            end(job.process, self._folder.busy)
            if self._folder.made(job):  # it got its name before the signal came
                return None
            job = replace(job, state=State.CANCELLED, said="", progress=None, noted=True)
            try:
                self._folder.keep(job)
            except OSError as error:
                raise storage_error(error) from error
        last = time.monotonic() + PATIENCE
        while job.process and self._folder.busy() and time.monotonic() < last:
            time.sleep(0.05)
        return job

    def wait(self) -> None:
        """Wait until what this process has begun has ended."""
        for thread in list(self._threads):
            thread.join()

    def _start(self, job: Job, held: int) -> Job:
        self._exported = 0.0
        try:
            with self._folder.turn():
                self._folder.keep(job)
        except OSError as error:
            raise storage_error(error) from error
        thread = Thread(target=self._run, args=(job, os.dup(held)), name="retraining", daemon=True)
        self._threads.add(thread)
        thread.start()
        return job

    def _run(self, job: Job, held: int) -> None:
        """Export, then let the child work; it keeps the lock even if this process dies."""
        try:
            data = self._folder.data
            if not data.is_file():
                self._export(data, self._count)
            with self._folder.turn():
                now = self._folder.job()
                if now is None or now.state is State.CANCELLED:
                    return
                child = self._child(job, held)
                begin(self._folder.candidate(job.name))
                let_work(child, lambda number: self._folder.keep(replace(job, state=State.RUNNING, process=number)))
            code = child.wait()
            # The lock is still held here, so nobody else takes this end for an interruption.
            with self._folder.turn():
                now = self._folder.job()
                if now is not None and now.state is not State.CANCELLED:
                    self._end(self._ended(now, code))
        except Exception as error:
            logger.exception("a retraining was not begun")
            said = str(error) if isinstance(error, TriageError) else _sentence(error)
            with suppress(StorageError), self._folder.turn():
                now = self._folder.job()
                if now is None or now.state is not State.CANCELLED:
                    self._end(replace(job, state=State.FAILED, said=said))
        finally:
            os.close(held)

    def _look(self, every: float) -> None:
        while not self._closed.wait(every):
            try:
                job = self.job()
            except StorageError:
                logger.exception("it is not known how a retraining ended; the next look tells")
                continue
            if job is None or (job.noted and not job.active):
                return

    def _child(self, job: Job, held: int) -> subprocess.Popen[bytes]:
        candidate = self._folder.candidate(job.name)
        command = command_of(job.model, self._folder.data, candidate, self._references, self._key)
        return start(command, self._folder.path / LOG, held)

    def _ended(self, job: Job, code: int | None = None) -> Job:
        """Return a job whose child has ended; with an exit status if this process saw it."""
        if self._folder.made(job):
            return replace(job, state=State.DONE, said="", progress=None)
        if code is None:
            return replace(job, state=State.FAILED, said=INTERRUPTED, progress=None)
        lines = self.log()
        return replace(job, state=State.FAILED, said=lines[-1] if code == 1 and lines else ENDED, progress=None)

    def _settled(self) -> Job | None:
        """Return the latest retraining once nobody works on it: how it ended is kept and audited. Needs the lock."""
        job = self._folder.job()
        if job is None or (job.noted and not job.active):
            return job
        return self._end(self._ended(job) if job.active else job)

    def _end(self, job: Job) -> Job:
        """Keep how a retraining ended, then audit it; what the trail does not take now is audited at the next look."""
        with suppress(OSError):
            self._folder.keep(replace(job, noted=False))
            try:
                self._note(self._folder.outcome(job))
            except StorageError:
                logger.exception("the end of a retraining is not audited yet")
                return job
            self._folder.keep(replace(job, noted=True))
        return job


def _sentence(error: Exception) -> str:
    return str(storage_error(error)) if isinstance(error, OSError) else ENDED
