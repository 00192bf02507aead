"""From received bytes to a ranked study: receive -> decode -> gate -> score -> file.

A file is acknowledged when its bytes and rows are on disk. What follows runs as durable work and can be repeated:
filing is keyed by study, model and contents, so a step that was killed simply runs again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from functools import cached_property, partial
from pathlib import Path
from threading import Condition, Lock

from triage.domain import Receipt, Series
from triage.inference.runtime import Runtime
from triage.learning.dataset import write_dataset
from triage.learning.entries import Export
from triage.pipeline.durable import Work, key
from triage.pipeline.intake import Intake
from triage.pipeline.process import INTERNAL_ERROR, decode, process
from triage.pipeline.spool import Incoming
from triage.records.files import FileStore, sweep
from triage.records.pseudonyms import Pseudonyms
from triage.records.queue import Queue
from triage.records.signed import signed_studies
from triage.records.store import Store
from triage.scans.isolation.door import Door
from triage.settings import Settings
from triage.worklist import WaitLimits

__all__ = ["Incoming", "Installation"]

#: How often `Installation.wait` looks at the record for what a worker of its own has done: seconds.
LOOK = 0.25


class Installation:
    """One installation: record, files, queue and model, wired by its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files = FileStore(settings.files)
        self.store = Store(settings.url)
        self.queue = Queue(self.store.read, WaitLimits(settings.urgent_wait, settings.routine_wait))
        self.door = Door()
        self.work = Work(settings.work_url, self._process, self.resume)
        self._pseudonyms = Pseudonyms(self.store) if settings.deidentify else None
        self._loading, self._processed = Lock(), Condition()

    @property
    def runtime(self) -> Runtime:
        """The model that serves, loaded at its first use."""
        with self._loading:
            return self._runtime

    def receive(
        self,
        files: Iterable[Incoming],
        *,
        actor: str,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> list[Receipt]:
        """Take in files of any kind; nothing is raised for what is wrong with one of them.

        Archives are unpacked; DICOM files are grouped by Study Instance UID, every other file is a study of its own.
        A study is committed in one transaction, then its scoring is enqueued: `wait` waits for it.

        Parameters
        ----------
        files
            What was handed over.
        actor
            Who handed it over, for the audit trail.
        progress
            Called with files looked at, files known so far, and the name of the one in hand.

        Returns
        -------
        list of Receipt
            One for every file, members of archives included, in their order: accepted (bytes and rows are on disk),
            already here, conflict, or refused and why.
        """
        intake = Intake(self.files, self.store, self.door, actor, progress, self._pseudonyms)
        receipts = intake.receive(files)
        for study_id, contents in intake.accepted.items():
            self.work.enqueue(study_id, contents)
        if intake.accepted:
            self._run()
        return receipts

    def wait(self, study_ids: Collection[str], timeout: float = 60.0) -> list[str]:
        """Wait until the studies are ranked or found not analysable, and return those that are not in time.

        Parameters
        ----------
        study_ids
            The studies.
        timeout
            Seconds.
        """
        deadline = time.monotonic() + timeout
        with self._processed:  # or what ends between the look and the wait would be noticed late
            while (waiting := self.store.unfinished(study_ids)) and (left := deadline - time.monotonic()) > 0:
                self._processed.wait(min(left, LOOK))
        return waiting

    def series(self, study_id: str) -> tuple[Series, ...]:
        """Decode a study anew.

        Raises
        ------
        NotFoundError
            If the study or one of its files is not there.
        RefusedError
            If a file cannot be decoded any more.
        """
        return decode(self, self.store.study(study_id))

    def export_readings(
        self,
        target: Path,
        *,
        reader: str | None = None,
        originals: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Export:
        """Write the data set of signed readings, see `triage.learning.dataset.write_dataset`.

        Parameters
        ----------
        target
            The ZIP to write.
        reader
            Only studies that this reader signed.
        originals
            Add the received files.
        progress
            Called with the number of studies written and the number of all studies.
        """
        return write_dataset(
            target,
            signed_studies(self.store.read, reader),
            study=self.store.study,
            decode=partial(decode, self),
            files=self.files,
            originals=originals,
            progress=progress,
        )

    def resume(self) -> int:
        """Enqueue every study that was received but neither ranked nor given up, and return how many there were.

        What took the process down with it too often is put down as not analysable. Files that a process which died in
        the middle of a hand-over left behind are removed.
        """
        for folder in (self.settings.home, self.files.folder):
            sweep(folder)
        waiting = self.store.unfinished()
        if waiting:
            under_way, given_up = self.work.listed()
            for study_id, contents in self.store.contents(waiting).items():
                name = key(study_id, contents)
                if name in given_up:
                    self.store.file_not_analysable(study_id, INTERNAL_ERROR, judged=contents)
                elif name not in under_way:
                    self.work.enqueue(study_id, contents)
            self._run()
        return len(waiting)

    def run(self) -> None:
        """Run the queue in this process; a second call changes nothing.

        The decoding processes are there first: what is in work when the process dies is counted against the study, so
        the less time it is in work, the less is an innocent study suspected.
        """
        self.door.warm()
        self.work.start()

    def close(self) -> None:
        """End the work in this process, the door's processes and the connections to the database."""
        self.work.stop()
        self.door.close()
        self.store.engine.dispose()

    def _process(self, study_id: str) -> None:
        process(self, study_id)
        with self._processed:
            self._processed.notify_all()

    def _run(self) -> None:
        """Run the queue here, unless another process is to do it."""
        if self.settings.worker == "embedded":
            self.run()

    @cached_property
    def _runtime(self) -> Runtime:
        return Runtime(self.settings.model, self.settings.threads)
