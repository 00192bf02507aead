"""Receive: unpack, look, store, commit. What this returns as accepted is on disk, bytes and rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from triage.domain import Outcome, Receipt
from triage.errors import RefusedError, StorageError, TriageError
from triage.pipeline.spool import File, Incoming, Lookout, Seen, digest
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.views import Arrival, Instance
from triage.scans.deidentify.pseudonym import PseudonymMap
from triage.scans.formats.inspect import Inspected
from triage.scans.isolation.door import Door
from triage.text import display_name

if TYPE_CHECKING:
    from triage.scans.deidentify.deidentifier import Deidentifier

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file as it is to be stored, what it says of itself, and the name and digest that it goes by."""

    path: Path
    inspected: Inspected
    name: str
    sha256: str

    @property
    def uid(self) -> str:
        return self.inspected.sop_instance_uid


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
        actor: str,
        progress: Callable[[int, int, str], None] | None = None,
        pseudonyms: PseudonymMap | None = None,
    ) -> None:
        self._files, self._store, self._door = files, store, door
        self._actor, self._progress, self._pseudonyms = actor, progress, pseudonyms
        self._deidentifier: Deidentifier | None = None
        self._receipts: list[Receipt] = []
        self._studies: dict[str, list[_Stored]] = {}
        #: Of the files that are known under a SOP Instance UID.
        self._digests: dict[str, str] = {}
        self.accepted: dict[str, str] = {}

    def receive(self, files: Iterable[Incoming]) -> list[Receipt]:
        """Take the files in; see `Installation.receive`."""
        handed_over = list(files)
        try:
            with self._files.unfinished() as folder, self._files.together():
                if self._pseudonyms is not None:
                    self._deidentifier = _deidentifier(self._pseudonyms, Path(folder))
                lookout = Lookout(self._store, self._door, self._named)
                for some in lookout.look_at(handed_over, Path(folder)):
                    taken = [(file, self._taken(file, seen)) for file, seen in some]
                    self._digests |= self._store.digests_of([one.uid for _, one in taken if isinstance(one, _Taken)])
                    for file, one in taken:
                        if self._progress:
                            self._progress(len(self._receipts), lookout.known, file.name)
                        self._take(file.name, one)
                        if self._receipts[-1].outcome is not Outcome.ACCEPTED:
                            with suppress(OSError):  # the others may need the room
                                file.path.unlink(missing_ok=True)
        except OSError as error:  # there is no place for files, or their names did not reach the disk
            logger.exception("storing failed")
            if not self._receipts:
                names = [NAMELESS if self._pseudonyms else display_name(incoming.name) for incoming in handed_over]
                self._receipts += [Receipt(name, Outcome.REFUSED, str(_disk(error)), again=True) for name in names]
            for item in chain.from_iterable(self._studies.values()):
                self._say(item.place, Outcome.REFUSED, str(_disk(error)), again=True)
            self._studies.clear()
        for stored in self._studies.values():
            self._commit(stored)
        return self._receipts

    def _taken(self, file: File, seen: Seen | Exception) -> _Taken | Receipt | Exception:
        """Return a file that was looked at as it is to be stored, or why it is not; the door's last look."""
        if isinstance(seen, Exception):
            return seen
        if seen.inspected is None:
            return Receipt(file.name, Outcome.ALREADY_HERE, SAID[Outcome.ALREADY_HERE], seen.study_id)
        try:
            if self._deidentifier is None:
                return _Taken(file.path, _checked(seen.inspected), file.name, file.sha256)
            path, inspected, name = self._deidentifier.admit(file.path, seen.inspected, file.name)
            file.path.unlink()
            return _Taken(path, _checked(inspected), name, digest(path))
        except (TriageError, OSError) as error:
            return error

    def _take(self, name: str, one: _Taken | Receipt | Exception) -> None:
        """Store a file, or answer for it at once."""
        try:
            if isinstance(one, Exception):
                raise one
            if isinstance(one, Receipt):
                self._answer(one)
            else:
                self._store_file(one)
        except TriageError as error:
            self._refuse(name, error)
        except OSError as error:
            self._refuse(name, _disk(error))

    def _store_file(self, one: _Taken) -> None:
        inspected, name, sha256 = one.inspected, one.name, one.sha256
        if one.uid and self._digests.get(one.uid, sha256) != sha256:
            self._store.note_conflict("One SOP Instance UID with other contents", actor=self._actor)
            self._answer(_receipt(name, Outcome.CONFLICT, SAID[Outcome.CONFLICT], inspected))
            return
        size = one.path.stat().st_size
        self._files.keep(one.path, sha256)
        if one.uid:
            self._digests[one.uid] = sha256
        instance = Instance(
            sha256=sha256,
            name=name,
            kind=inspected.kind,
            size=size,
            sop_instance_uid=one.uid,
            sop_class_uid=inspected.sop_class_uid,
            transfer_syntax=inspected.transfer_syntax,
            frames=inspected.frames,
        )
        stored = _Stored(len(self._receipts), Arrival(instance, inspected.study, inspected.series))
        self._studies.setdefault(inspected.study.uid or sha256, []).append(stored)
        self._answer(_receipt(name, Outcome.ACCEPTED, "", inspected))

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
        self._receipts[place] = replace(
            self._receipts[place], outcome=outcome, message=message, study_id=study_id, again=again
        )

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


def _deidentifier(pseudonyms: PseudonymMap, folder: Path) -> Deidentifier:
    from triage.scans.deidentify.deidentifier import Deidentifier  # with libraries that only some installations need

    return Deidentifier(pseudonyms, folder)


def _disk(error: OSError) -> StorageError:
    return StorageError(f"Not stored: {error.strerror}. Free disk space, then repeat.")
