"""One installation: from received bytes to a ranked study, receive -> decode -> gate -> score -> file.

A file is acknowledged when its bytes and rows are on disk. The later steps run in the durable queue and may be
repeated: a result is filed once for each study, model and contents, so a step that was killed runs again.

Tested in tests/pipeline/test_intake.py and tests/pipeline/test_durable.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Condition
from threading import Event as Flag

from triage.access.access import Access
from triage.access.trail import note
from triage.copies.seen import seen_by_model
from triage.domain import Receipt, Resolution, Series
from triage.errors import NotFoundError
from triage.inference.runtime import Runtime
from triage.learning.entries import Export
from triage.learning.export import write_dataset
from triage.pipeline.candidates import Candidates
from triage.pipeline.durable import Work, key
from triage.pipeline.held import Held
from triage.pipeline.intake import Intake
from triage.pipeline.monitoring import Monitor
from triage.pipeline.process import INTERNAL_ERROR, decode, decode_aside, process
from triage.pipeline.recovery import carry_out
from triage.pipeline.rescoring import Rescoring
from triage.pipeline.retraining import ACTOR, Retrainings
from triage.pipeline.serving import Serving
from triage.pipeline.signatures import Signatures
from triage.pipeline.spool import Incoming
from triage.pipeline.upkeep import Findings, Removed, check, clean
from triage.pipeline.uploads import Uploads
from triage.pipeline.visits import Visits
from triage.pipeline.watch import Watch
from triage.records import private
from triage.records.audit import Event
from triage.records.files import ABANDONED_AFTER, FileStore, sweep
from triage.records.glances import Glances
from triage.records.keys import key_file
from triage.records.pseudonyms import Pseudonyms
from triage.records.queue import Queue
from triage.records.signed import signed_studies
from triage.records.store import Store
from triage.records.views import Study
from triage.scans.isolation.door import Door
from triage.settings import Settings
from triage.text import one_line
from triage.worklist import WaitLimits

__all__ = ["Incoming", "Installation"]

logger = logging.getLogger(__name__)

LOST = (
    "{name} of this study is missing or was altered on disk, so nobody can confirm what it shows. Send the study again "
    "from the PACS, or restore the files folder from a backup; then sign."
)
#: Seconds by which the times of files and of the process may differ.
MARGIN = 1.0
#: Seconds between two looks of `Installation.wait` at the record, which another process may have changed.
WAIT_INTERVAL = 0.25


class Installation:
    """Record, files, queue and model of one installation, as its settings have them.

    Attributes
    ----------
    access
        Who may do what.
    held
        What browsers have sent and nobody has handed over yet.
    uploads
        Receive files in the background, whatever becomes of the page that they came from.
    signatures
        Stores signed readings once they cannot be taken back any more.
    visits
        Who looks at which study.
    watch
        Verifies the record.
    monitor
        Watches for drift.
    serving
        Which model serves.
    candidates
        Models that could serve.
    rescoring
        Scores in the background what another model, or a candidate, is to look at.
    retrainings
        Retrain the model that serves, in a process of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._began = time.time()
        private.keep_private(settings.home)
        self._presence = private.Presence(settings.home)
        self.files = FileStore(settings.files)
        self.store = Store(
            settings.url, settings.home, settings.record_key, own_tables=not settings.migration_url.get_secret_value()
        )
        self.access = Access(self.store, settings)
        self.glances = Glances(settings.home / "glances", self.store.key)
        self.queue = Queue(self.store.read, WaitLimits(settings.urgent_wait, settings.routine_wait))
        self.door = Door()
        self.work = Work(settings.work_url, self._process, self.resume)
        self.uploads = Uploads(
            settings.home / "uploads",
            lambda files, actor, progress: self.receive(files, actor=actor, progress=progress),
        )
        self.held = Held(settings.home)
        self.signatures = Signatures(self.store.drafts, check=self._check_pixels)
        self.visits = Visits(self.store)
        self.watch = Watch(self.store, self.files, settings.home)
        self.monitor = Monitor(self.store, lambda: self.runtime.card.sha256, blind=settings.blind_first_read)
        self.serving = Serving(settings, self.store)
        self.candidates = Candidates(self.serving.folder)
        self.rescoring = Rescoring(self, self.serving)
        self.retrainings = Retrainings(
            settings.home,
            lambda: self.runtime.folder,
            lambda target, progress: self.export_readings(target, deidentified=True, progress=progress),
            (settings.data, settings.more),
            signed=self.store.readings.any,
            key=key_file(settings.home, settings.record_key).absolute(),
            note=lambda said: note(self.store, Event.RETRAINED, said, actor=ACTOR),
        )
        self._pseudonyms = Pseudonyms(self.store) if settings.deidentify else None
        self._processed, self._closed = Condition(), Flag()

    @property
    def runtime(self) -> Runtime:
        """The model that serves now; it is another one after a promotion."""
        return self.serving.current().runtime

    def runtime_of(self, model_sha256: str) -> Runtime:
        """Return the model that made a result if it is still here, else the one that serves."""
        return self.serving.made_by(model_sha256) or self.runtime

    def receive(
        self,
        files: Iterable[Incoming],
        *,
        actor: str,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> list[Receipt]:
        """Receive files of any format; an error in one file is reported in its receipt.

        Archives are unpacked; DICOM files are grouped by Study Instance UID, every other file is a study of its own.
        Each study is committed in one transaction, then it is enqueued for scoring; `wait` waits for that.

        Parameters
        ----------
        files
            The files.
        actor
            Who handed them over, for the audit trail.
        progress
            Called before each file with the number of files done, the number known so far, and its name.

        Returns
        -------
        list of Receipt
            One for every file, members of archives included, in their order: accepted (bytes and rows are on disk),
            already here, conflict, or refused with the reason.
        """
        intake = Intake(self.files, self.store, self.door, actor, progress, self._pseudonyms)
        receipts = intake.receive(files)
        if intake.accepted:
            try:
                for study_id, contents in intake.accepted.items():
                    self.work.enqueue(study_id, contents)
                self._run()
            except Exception:  # the files are stored: their receipts must reach the sender
                logger.exception("new studies were not enqueued; the next search for studies left behind does it")
        return receipts

    def wait(self, study_ids: Collection[str], timeout: float = 60.0) -> list[str]:
        """Wait until the studies are ranked or found not analysable, and return those that are still pending.

        Parameters
        ----------
        study_ids
            The studies.
        timeout
            Seconds.
        """
        deadline = time.monotonic() + timeout
        with self._processed:  # or a study that is filed between the query and the wait would be noticed late
            while (pending := self.store.results.pending(study_ids)) and (left := deadline - time.monotonic()) > 0:
                self._processed.wait(min(left, WAIT_INTERVAL))
        return pending

    def series(self, study_id: str) -> tuple[Series, ...]:
        """Decode the files of a study.

        Raises
        ------
        NotFoundError
            If the study or one of its files is missing.
        RefusedError
            If a file cannot be decoded any more.
        """
        return decode(self, self.store.study(study_id))

    def aside(self, study_id: str, series: Sequence[Series]) -> tuple[Series, ...]:
        """Decode the pictures of a study that are not scored, see `triage.pipeline.process.decode_aside`.

        Parameters
        ----------
        study_id
            The study.
        series
            What `series` returned of it.
        """
        return decode_aside(self, self.store.study(study_id), series)

    def export_readings(
        self,
        target: Path,
        *,
        reader: str | None = None,
        originals: bool = False,
        deidentified: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Export:
        """Write the data set of signed readings, see `triage.learning.export.write_dataset`.

        Parameters
        ----------
        target
            The ZIP to write.
        reader
            Only studies that this reader signed.
        originals
            Add the received files.
        deidentified
            Leave out readers' names, free text and exact times.
        progress
            Called with the number of studies written and the number of all studies.
        """
        return write_dataset(
            target,
            signed_studies(self.store.read, reader),
            study=self.store.study,
            decode=partial(decode, self),
            files=self.files,
            marks=self.store.marks.signed,
            seen=seen_by_model(self.runtime.folder),
            originals=originals,
            deidentified=deidentified,
            progress=progress,
        )

    def hides_ai(self, study: Study, reader: str) -> bool:
        """Tell whether what the AI finds stays out of sight of a reader, who has not committed a class yet.

        Also without a result: the layers of a slice are made when they are asked for.
        """
        if not self.settings.blind_first_read:
            return False
        if any(item.reader == reader for item in study.readings):
            return False
        draft = self.store.drafts.get(study.study_id, reader) if reader else None
        return draft is None or draft.entries.blind is None

    def awaits_commit(self, study: Study, reader: str) -> bool:
        """Tell whether a reader commits a class before signing; what never had a result is read without the AI."""
        return bool(study.results) and self.hides_ai(study, reader)

    def resume(self) -> int:
        """Enqueue every pending study that is not in the queue, and return the number of pending studies.

        A study that ended the process too often becomes not analysable. Files that a process left behind when it died
        during a hand-over are removed, and its uploads are received.
        """
        self.uploads.resume()
        for folder in (self.settings.home, self.files.folder):
            sweep(folder)
        results = self.store.results
        pending = results.pending()
        if pending:
            in_progress, given_up = self.work.listed()
            for study_id, contents in results.contents(pending).items():
                work_key = key(study_id, contents)
                if work_key in given_up:
                    results.file_not_analysable(study_id, INTERNAL_ERROR, judged=contents)
                elif work_key not in in_progress:
                    self.work.enqueue(study_id, contents)
            self._run()
        return len(pending)

    def recover(self) -> None:
        """Clean up and resume after whatever ended the last process; called once, at the start.

        What lies unfinished in a home folder where nobody else works was left by a process that died.
        """
        self.watch.start()
        self.monitor.start()
        self.retrainings.follow()
        claims = self.store.claims
        steps = self.signatures.settle, lambda: claims.note_expired(datetime.now(UTC)), self._clean_up, self.resume
        carry_out(steps, self._closed)
        if self.settings.worker == "embedded":  # a model that is promoted must not wait for the next upload
            self.rescoring.start()

    def check(self) -> Findings:
        """Compare the stored files with the record."""
        found = check(self.files, self.store.arrivals, self.settings.home)
        return replace(found, left=(*found.left, *self.uploads.left()))

    def clean(self, age: float = ABANDONED_AFTER) -> Removed:
        """Remove files that no study holds, and what hand-overs left, if nobody touched them for so many seconds.

        Pictures that were kept and nobody asked for any more are removed too.
        """
        self.glances.sweep()
        receipts = self.uploads.sweep(age)
        removed = clean(self.files, self.store.arrivals, self.settings.home, age)
        return replace(removed, left=removed.left + receipts)

    def _clean_up(self) -> None:
        self.clean(time.time() - self._began + MARGIN if self._presence.alone else ABANDONED_AFTER)

    def resolve(self, study_id: str, resolution: Resolution, *, by: str, reason: str) -> None:
        """Carry out a decision between two studies that claim one identity; see `Conflicts.resolve`.

        Studies whose files changed are scored again.
        """
        self.store.conflicts.resolve(study_id, resolution, by=by, reason=reason)
        self.resume()

    def undo(self, study_id: str, *, by: str, reason: str) -> None:
        """Undo a decision about a conflict; see `Decisions.undo`. What was discarded is scored again."""
        self.store.decisions.undo(study_id, by=by, reason=reason, second_read=self.settings.second_read)
        self.resume()

    def run(self) -> None:
        """Run the queue in this process; a second call does nothing.

        The decoding processes start first: a study that is in work when the process dies is suspected of having ended
        it, so no study should be in work longer than it needs.
        """
        self.door.warm()
        self.work.start()
        self.rescoring.start()

    def close(self) -> None:
        """Finish the uploads, then end the queue of this process, the decoders and the connections to the database."""
        self._closed.set()
        self.signatures.close()
        self.watch.close()
        self.monitor.close()
        self.uploads.close()
        self.held.close()
        self.retrainings.close()
        self.rescoring.close()
        self.work.stop()
        self.door.close()
        self.store.anchors.sync()
        self.store.engine.dispose()
        self._presence.close()

    def _process(self, study_id: str) -> None:
        process(self, study_id)
        with self._processed:
            self._processed.notify_all()

    def _check_pixels(self, study_id: str) -> None:
        """Check that the files of a study are as they were received.

        Raises
        ------
        NotFoundError
            If one is missing or altered; the message names it.
        """
        for item in self.store.study(study_id).instances:
            if not self.files.holds(item.sha256):
                raise NotFoundError(LOST.format(name=one_line(item.name)))

    def _run(self) -> None:
        """Run the queue here, unless a separate worker does."""
        if self.settings.worker == "embedded":
            self.run()
