"""Receive: unpack, look, store, commit. What this returns as accepted is on disk, bytes and rows."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from triage.domain import Outcome, Receipt
from triage.errors import RefusedError, StorageError, TriageError
from triage.pipeline.looking import File, Incoming, Lookout, Seen, digest
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.views import Arrival, Instance
from triage.scans.door import Door
from triage.scans.identity import PseudonymMap
from triage.scans.inspect import Inspected
from triage.scans.names import display_name

if TYPE_CHECKING:
    from triage.scans.deidentify import Deidentifier

logger = logging.getLogger(__name__)

#: Folders of received files below the home folder; each goes with its hand-over, unless the process dies first.
SPOOL = "incoming-"
#: No hand-over takes as long: seconds.
ABANDONED = 24 * 3600.0
#: What a file is called whose name may not be shown and has no other.
NAMELESS = "file"
#: DICOM's own limit for a UID.
MAX_UID = 64
SAID = {
    Outcome.ALREADY_HERE: "The same file is already on the record.",
    Outcome.CONFLICT: (
        "The record has another file under this identity, or another patient under this study; this one was not "
        "stored. Compare the two at the source, and send the right one with a UID of its own."
    ),
}


@dataclass(slots=True)
class _Stored:
    """A file that lies in the files folder and waits for its study's transaction."""

    place: int
    arrival: Arrival


class Intake:
    """One handing-over of files.

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
        home: Path,
        actor: str,
        progress: Callable[[int, int, str], None] | None = None,
        pseudonyms: PseudonymMap | None = None,
    ) -> None:
        self._files, self._store, self._door, self._home = files, store, door, home
        self._actor, self._progress, self._pseudonyms = actor, progress, pseudonyms
        self._deidentifier: Deidentifier | None = None
        self._receipts: list[Receipt | None] = []
        self._studies: dict[str, list[_Stored]] = {}
        self._uids: dict[str, str] = {}
        self.accepted: dict[str, str] = {}

    def receive(self, files: Iterable[Incoming]) -> list[Receipt]:
        """Take the files in; see `Pipeline.receive`."""
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self._home, prefix=SPOOL) as folder, self._files.together():
                if self._pseudonyms is not None:
                    self._deidentifier = _deidentifier(self._pseudonyms, Path(folder))
                lookout = Lookout(self._store, self._door, self._named)
                for file, seen in lookout.look_at(files, Path(folder)):
                    if self._progress:
                        self._progress(len(self._receipts), lookout.known, file.name)
                    self._take(file, seen)
        except OSError as error:  # the names of the files did not reach the disk
            logger.exception("storing failed")
            for item in chain.from_iterable(self._studies.values()):
                self._say(item.place, Outcome.REFUSED, str(_disk(error)), again=True)
            self._studies.clear()
        for stored in self._studies.values():
            self._commit(stored)
        return [receipt for receipt in self._receipts if receipt is not None]

    def _take(self, file: File, seen: Seen | Exception) -> None:
        """Store a file that was looked at, or answer for it at once."""
        try:
            if isinstance(seen, Exception):
                raise seen
            if seen.inspected is None:
                said = SAID[Outcome.ALREADY_HERE]
                self._answer(Receipt(file.name, Outcome.ALREADY_HERE, said, seen.study_id))
            else:
                self._store_file(*self._admit(file, seen.inspected, seen.digest))
        except TriageError as error:
            self._refuse(file.name, error)
        except OSError as error:
            self._refuse(file.name, _disk(error))

    def _store_file(self, path: Path, inspected: Inspected, name: str, sha256: str) -> None:
        inspected = _checked(inspected)
        uid = inspected.sop_instance_uid
        if uid and (self._uids.get(uid) or self._store.digest_of(uid) or sha256) != sha256:
            self._store.note_conflict("One SOP Instance UID with other contents", actor=self._actor)
            self._answer(_receipt(name, Outcome.CONFLICT, SAID[Outcome.CONFLICT], inspected))
            return
        self._files.put(path)
        if uid:
            self._uids[uid] = sha256
        instance = Instance(
            sha256=sha256,
            name=name,
            kind=inspected.kind,
            size=path.stat().st_size,
            sop_instance_uid=uid,
            sop_class_uid=inspected.sop_class_uid,
            transfer_syntax=inspected.transfer_syntax,
            frames=inspected.frames,
        )
        stored = _Stored(len(self._receipts), Arrival(instance, inspected.study, inspected.series))
        self._studies.setdefault(inspected.study.uid or sha256, []).append(stored)
        self._answer(_receipt(name, Outcome.ACCEPTED, "", inspected))

    def _admit(self, file: File, inspected: Inspected, sha256: str) -> tuple[Path, Inspected, str, str]:
        """Return the file as it is to be stored, what it says of itself, its name and digest; the door's last look."""
        if self._deidentifier is None:
            return file.path, inspected, file.name, sha256
        path, inspected, name = self._deidentifier.admit(file.path, inspected, file.name)
        return path, inspected, name, digest(path)

    def _named(self, names: Iterable[str]) -> list[str]:
        """Return the names under which files are spoken of from here on."""
        shown = [display_name(name) for name in names]
        if self._deidentifier is None:
            return shown
        try:
            new = self._deidentifier.rename(shown)
        except StorageError:
            logger.exception("the new names of files were not stored")
            return [NAMELESS] * len(shown)
        return [new[name] for name in shown]

    def _commit(self, stored: list[_Stored]) -> None:
        """Write one study's rows in one transaction, and only then answer for its files."""
        first = stored[0].arrival
        name = first.study.description or first.instance.name
        try:
            taken = self._store.add_files(name[:255], [item.arrival for item in stored], actor=self._actor)
        except StorageError as error:
            logger.exception("storing failed")
            for item in stored:
                self._say(item.place, Outcome.REFUSED, str(error), again=True)
            return
        if taken.study_id and Outcome.ACCEPTED in taken.outcomes:
            self.accepted[taken.study_id] = taken.contents
        for item, outcome in zip(stored, taken.outcomes, strict=True):
            message = SAID.get(outcome) or item.arrival.series.set_aside or "Stored; scoring follows."
            self._say(item.place, outcome, message, taken.study_id)

    def _say(
        self, place: int, outcome: Outcome, message: str, study_id: str | None = None, *, again: bool = False
    ) -> None:
        receipt = self._receipts[place]
        assert receipt is not None
        self._receipts[place] = replace(receipt, outcome=outcome, message=message, study_id=study_id, again=again)

    def _answer(self, receipt: Receipt) -> None:
        self._receipts.append(receipt)

    def _refuse(self, name: str, error: TriageError) -> None:
        message = str(error)
        if isinstance(error, StorageError):
            logger.error("storing failed", exc_info=error)
        else:
            try:
                self._store.refuse(message, actor=self._actor)
            except StorageError:
                logger.exception("the audit row of a refused file was not stored")
        self._answer(Receipt(name, Outcome.REFUSED, message, again=isinstance(error, StorageError)))


def _receipt(name: str, outcome: Outcome, message: str, inspected: Inspected) -> Receipt:
    return Receipt(
        name,
        outcome,
        message,
        study_uid=inspected.study.uid,
        sop_class_uid=inspected.sop_class_uid,
        sop_instance_uid=inspected.sop_instance_uid,
    )


def _checked(inspected: Inspected) -> Inspected:
    uids = (inspected.study.uid, inspected.series.uid, inspected.sop_instance_uid, inspected.sop_class_uid)
    if any(len(uid) > MAX_UID for uid in uids):
        raise RefusedError(f"An identifier is longer than {MAX_UID} characters. Export the study from the PACS again.")
    return inspected


def sweep(home: Path) -> None:
    """Remove what hand-overs of a process that died left behind: files as they came, names and all."""
    for left in home.glob(f"{SPOOL}*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _deidentifier(pseudonyms: PseudonymMap, folder: Path) -> Deidentifier:
    from triage.scans.deidentify import Deidentifier  # with libraries that only some installations need

    return Deidentifier(pseudonyms, folder)


def _disk(error: OSError) -> StorageError:
    return StorageError(f"Not stored: {error.strerror}. Free disk space, then repeat.")
