"""Receive: inspect, store and commit the files of one hand-over. A receipt says ACCEPTED only after the commit."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from triage.domain import Outcome, Receipt
from triage.errors import StorageError, TriageError, storage_error
from triage.pipeline.admission import Admission
from triage.pipeline.spool import ALREADY_HERE, Incoming, Spooler
from triage.pipeline.upload import Upload
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.views import KnownInstance
from triage.scans.deidentify.pseudonym import PseudonymMap
from triage.scans.formats.ties import tied
from triage.scans.isolation.door import Door

logger = logging.getLogger(__name__)

#: Longest name of a study in the record: characters.
MAX_STUDY_NAME = 255
STORED = "Stored; scoring follows."
CONFLICT = (
    "Stored as a study of its own: the record has another patient, or another data set, under the same UID. Decide "
    "between the two on the page Conflicts."
)
MENDED = "The same file is already on the record. It was missing or altered on disk; this one took its place."
UNDO = "If it is to be read after all, undo that on the page Conflicts."
MESSAGES = {Outcome.ALREADY_HERE: ALREADY_HERE, Outcome.CONFLICT: CONFLICT}


class Intake:
    """One hand-over of files; used once.

    Attributes
    ----------
    accepted
        Studies that have new files, each with the digest of its contents.
    """

    def __init__(
        self,
        files: FileStore,
        store: Store,
        door: Door,
        actor: str,
        progress: Callable[[int, int, str], None] | None = None,
        pseudonyms: PseudonymMap | None = None,
    ) -> None:
        self._files, self._store, self._door = files, store, door
        self._actor, self._progress = actor, progress
        self._admission = Admission(pseudonyms)
        self._uploads: list[Upload] = []
        self._refusals = Counter[str]()
        #: Files on the record with each SOP Instance UID, and those of this hand-over with each data set.
        self._known: dict[str, list[KnownInstance]] = {}
        self._firsts: dict[str, Upload] = {}
        self.accepted: dict[str, str] = {}

    def receive(self, files: Iterable[Incoming]) -> list[Receipt]:
        """Take the files in; see `Installation.receive`."""
        incoming = list(files)
        try:
            with self._files.unfinished() as folder, self._files.together():
                self._admission.open(Path(folder))
                self._store_files(incoming, Path(folder))
        except (OSError, StorageError) as error:  # no folder for the files, or the disk or the record failed
            logger.exception("storing failed")
            failure = storage_error(error) if isinstance(error, OSError) else error
            if not self._uploads:
                names = self._admission.names(one.name for one in incoming)
                self._uploads = [Upload(name, self._files.folder) for name in names]
            for upload in self._uploads:
                if upload.outcome is None or upload.mends:
                    upload.decide(Outcome.REFUSED, str(failure), retry=True)
        for upload in self._uploads:
            if upload.mends and upload.outcome is not Outcome.REFUSED:
                self._mend(upload)
        for study in self._by_study():
            self._commit(study)
        self._follow_twins()
        self._mark_doubts()
        self._note_refusals()
        return [upload.receipt() for upload in self._uploads]

    def _store_files(self, incoming: list[Incoming], folder: Path) -> None:
        """Store every file that may be stored; those wait for the commit without an outcome."""
        spooler = Spooler(self._store.arrivals, self._door, self._admission.names)
        for batch in spooler.batches(incoming, folder):
            for upload in batch:
                self._admission.check(upload)
            uids = [upload.sop_instance_uid for upload in batch if upload.outcome is None]
            self._known |= self._store.arrivals.known(uids)
            for upload in batch:
                if self._progress:
                    self._progress(len(self._uploads), spooler.known, upload.name)
                self._uploads.append(upload)
                self._store_file(upload)

    def _store_file(self, upload: Upload) -> None:
        try:
            if upload.outcome is None:
                self._keep(upload)
        except Exception as error:
            upload.refuse(error)
        if upload.outcome is None or upload.mends or self._restored(upload):
            return
        if upload.outcome is Outcome.REFUSED and not upload.retry:
            self._refusals[upload.message] += 1
        with suppress(OSError):  # the other files may need the space
            upload.path.unlink(missing_ok=True)

    def _restored(self, upload: Upload) -> bool:
        """Put back a file of the record whose bytes are missing or altered on disk; say whether it was so."""
        same_bytes = upload.outcome is Outcome.ALREADY_HERE and upload.inspection is None
        if not same_bytes or self._files.holds(upload.sha256):
            return False
        try:
            self._files.keep(upload.path, upload.sha256)
        except OSError as error:
            upload.refuse(error)
        else:
            upload.mends = upload.sha256
        return True

    def _keep(self, upload: Upload) -> None:
        """Move the file to its place, unless its data set is on the record or in this hand-over already."""
        for known in self._known.get(upload.sop_instance_uid, []):
            if upload.content and upload.content == (known.content or self._content_of(known)):
                upload.decide(Outcome.ALREADY_HERE, ALREADY_HERE, known.study_id)
                if not self._files.holds(known.sha256):
                    self._take_place_of(known, upload)
                return
        first = self._firsts.setdefault(upload.content or upload.sha256, upload)
        if first.sha256 != upload.sha256:
            upload.twin = first
            return
        upload.size = upload.path.stat().st_size
        self._files.keep(upload.path, upload.sha256)

    def _take_place_of(self, known: KnownInstance, upload: Upload) -> None:
        """Keep a file whose data set is on the record, but lost on disk."""
        upload.mends, upload.size = known.sha256, upload.path.stat().st_size
        self._files.keep(upload.path, upload.sha256)

    def _mend(self, upload: Upload) -> None:
        """Note that a lost file of the record was received again; acknowledged only after the commit."""
        try:
            instead = upload.arrival().instance if upload.inspection else None
            self.accepted |= self._store.arrivals.mend(upload.mends, instead, actor=self._actor)
        except StorageError as error:
            logger.exception("storing failed")
            upload.decide(Outcome.REFUSED, str(error), retry=True)
            return
        upload.message = MENDED

    def _content_of(self, known: KnownInstance) -> str:
        """Return the digest of the data set of a file that an earlier version received, and note it."""
        try:
            content = self._door.inspect(self._files.found(known.sha256)).content
        except TriageError:  # it cannot be compared, so it counts as another data set
            logger.exception("a file on the record could not be compared with one that arrived")
            return ""
        self._store.arrivals.note_content(known.sha256, content)
        return content

    def _commit(self, study: list[Upload]) -> None:
        """Write the rows of one study in one transaction, then decide the outcome of its files."""
        arrivals = [upload.arrival() for upload in study]
        name = arrivals[0].study.description or study[0].name
        try:
            added = self._store.arrivals.add(name[:MAX_STUDY_NAME], arrivals, actor=self._actor)
        except StorageError as error:
            logger.exception("storing failed")
            for upload in study:
                upload.decide(Outcome.REFUSED, str(error), retry=True)
            return
        except Exception as error:
            if len(study) == 1:
                study[0].refuse(error)
                self._refusals[study[0].message] += 1
                return
            # One file that the record does not take must not cost the others: the halves without it are stored.
            half = len(study) // 2
            self._commit(study[:half])
            self._commit(study[half:])
            return
        self.accepted |= added.changed
        for upload, arrival, outcome, study_id in zip(study, arrivals, added.outcomes, added.study_ids, strict=True):
            message = MESSAGES.get(outcome) or arrival.series.set_aside or STORED
            upload.decide(outcome, message, study_id)

    def _follow_twins(self) -> None:
        """Answer for files whose data set came twice in this hand-over."""
        for upload in self._uploads:
            if upload.twin is None:
                continue
            first = upload.twin
            if first.outcome is Outcome.REFUSED:
                upload.decide(Outcome.REFUSED, first.message, retry=first.retry)
            else:
                upload.decide(Outcome.ALREADY_HERE, ALREADY_HERE, first.study_id)

    def _mark_doubts(self) -> None:
        """Say of files that are here already if they wait for a decision, or were discarded by one."""
        again = [upload for upload in self._uploads if upload.outcome is Outcome.ALREADY_HERE and upload.study_id]
        if not again:
            return
        holders = {str(upload.study_id) for upload in again}
        doubtful, discarded = self._store.conflicts.in_doubt(holders), self._store.decisions.discarded(holders)
        for upload in again:
            if upload.study_id in doubtful:
                upload.decide(Outcome.CONFLICT, CONFLICT, upload.study_id)
            elif said := discarded.get(str(upload.study_id)):
                upload.decide(Outcome.DISCARDED, f"{said}. {UNDO}", upload.study_id)

    def _undecided(self) -> list[Upload]:
        return [upload for upload in self._uploads if upload.outcome is None]

    def _by_study(self) -> list[list[Upload]]:
        """Return the stored files by study, those without a Study Instance UID by what ties them together."""
        studies: dict[str | int, list[Upload]] = {}
        files = [upload for upload in self._undecided() if upload.twin is None]
        groups = tied([upload.inspection.ties if upload.inspection else () for upload in files])
        for upload, group in zip(files, groups, strict=True):
            studies.setdefault(upload.study_uid or group, []).append(upload)
        return list(studies.values())

    def _note_refusals(self) -> None:
        try:
            if self._refusals:
                self._store.audit.refused(self._refusals, actor=self._actor)
        except StorageError:
            logger.exception("the audit row of refused files was not stored")
