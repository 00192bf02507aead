"""Receive: unpack, look, store, commit. What this returns as accepted is on disk, bytes and rows."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from triage.domain import Kind, Outcome, Receipt
from triage.errors import RefusedError, StorageError, TriageError
from triage.records.files import FileStore
from triage.records.store import Store
from triage.records.views import Arrival, Instance
from triage.scans.door import Door
from triage.scans.identify import HEAD, identify
from triage.scans.identity import PseudonymMap
from triage.scans.inspect import Inspected
from triage.scans.names import display_name

if TYPE_CHECKING:
    from triage.scans.deidentify import Deidentifier

logger = logging.getLogger(__name__)

#: Files that are looked at at one time; the door has as many processes.
LOOKING = 2
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
class Incoming:
    """A file as it was handed over: by its place on disk, or as bytes.

    Attributes
    ----------
    name
        As the sender called it; shown, never used as a path.
    path
        A file that stays where it is and as it is.
    data
        The whole file.
    """

    name: str
    path: Path | None = None
    data: bytes | memoryview | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A file on its way in, and why it goes no further."""

    name: str
    path: Path
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a file: the study that has it already, or what it says of itself."""

    digest: str
    study_id: str | None
    inspected: Inspected | None


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
        self._known = 0
        self.accepted: dict[str, str] = {}

    def receive(self, files: Iterable[Incoming]) -> list[Receipt]:
        """Take the files in; see `Pipeline.receive`."""
        handed_over = list(files)
        self._known = len(handed_over)
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self._home, prefix="incoming-") as folder, self._files.together():
                if self._pseudonyms is not None:
                    self._deidentifier = _deidentifier(self._pseudonyms, Path(folder))
                spooled = (self._spool(incoming, Path(folder) / str(n)) for n, incoming in enumerate(handed_over))
                for file, seen in self._look_at(chain.from_iterable(spooled)):
                    if self._progress:
                        self._progress(len(self._receipts), self._known, file.name)
                    self._take(file, seen)
        except OSError as error:  # the names of the files did not reach the disk
            logger.exception("storing failed")
            for item in chain.from_iterable(self._studies.values()):
                self._say(item.place, Outcome.REFUSED, str(_disk(error)), again=True)
            self._studies.clear()
        for stored in self._studies.values():
            self._commit(stored)
        return [receipt for receipt in self._receipts if receipt is not None]

    def _spool(self, incoming: Incoming, spool: Path) -> Iterator[_File]:
        """Give the file, or the members of the archive, that was handed over; what is refused already says so."""
        name = self._named(incoming.name)
        try:
            path = incoming.path or spool
            if incoming.path is None:
                path.write_bytes(incoming.data or b"")
            with path.open("rb") as file:
                kind = identify(file.read(HEAD))
            if kind is not Kind.ZIP:
                yield _File(name, path)
                return
            into = spool.with_name(f"{spool.name}-members")
            into.mkdir()
            unpacked = self._door.unpack(path, into)
        except (TriageError, OSError) as error:
            yield _File(name, spool, error)
            return
        self._known += len(unpacked.members) + len(unpacked.refused) - 1
        for refused, message in unpacked.refused:
            yield _File(self._named(refused), spool, RefusedError(message))
        for member in unpacked.members:
            yield _File(self._named(member.name), member.path)

    def _look_at(self, files: Iterator[_File]) -> Iterator[tuple[_File, _Seen | Exception]]:
        """Look at each file, at two of them at a time, and give them in their order."""
        with ThreadPoolExecutor(LOOKING) as pool:
            ahead: deque[tuple[_File, Future[_Seen | Exception]]] = deque()
            for file in files:
                ahead.append((file, pool.submit(self._look, file)))
                if len(ahead) > LOOKING:
                    first, seen = ahead.popleft()
                    yield first, seen.result()
            while ahead:
                first, seen = ahead.popleft()
                yield first, seen.result()

    def _look(self, file: _File) -> _Seen | Exception:
        if file.error is not None:
            return file.error
        try:
            digest = _digest(file.path)
            study_id = self._store.study_of(digest)
            inspected = None if study_id else self._door.inspect(file.path)
        except (TriageError, OSError) as error:
            return error
        return _Seen(digest, study_id, inspected)

    def _take(self, file: _File, seen: _Seen | Exception) -> None:
        """Store a file that was looked at, or answer for it at once."""
        try:
            if isinstance(seen, Exception):
                raise seen
            if seen.inspected is None:
                said = SAID[Outcome.ALREADY_HERE]
                self._answer(Receipt(file.name, Outcome.ALREADY_HERE, said, seen.study_id))
            else:
                self._store_file(*self._admit(file.path, seen.inspected, file.name))
        except TriageError as error:
            self._refuse(file.name, error)
        except OSError as error:
            self._refuse(file.name, _disk(error))

    def _store_file(self, path: Path, inspected: Inspected, name: str) -> None:
        inspected, digest = _checked(inspected), _digest(path)
        uid = inspected.sop_instance_uid
        if uid and (self._uids.get(uid) or self._store.digest_of(uid) or digest) != digest:
            self._store.note_conflict("One SOP Instance UID with other contents", actor=self._actor)
            self._answer(_receipt(name, Outcome.CONFLICT, SAID[Outcome.CONFLICT], inspected))
            return
        self._files.put(path)
        if uid:
            self._uids[uid] = digest
        instance = Instance(
            sha256=digest,
            name=name,
            kind=inspected.kind,
            size=path.stat().st_size,
            sop_instance_uid=uid,
            sop_class_uid=inspected.sop_class_uid,
            transfer_syntax=inspected.transfer_syntax,
            frames=inspected.frames,
        )
        stored = _Stored(len(self._receipts), Arrival(instance, inspected.study, inspected.series))
        self._studies.setdefault(inspected.study.uid or digest, []).append(stored)
        self._answer(_receipt(name, Outcome.ACCEPTED, "", inspected))

    def _admit(self, path: Path, inspected: Inspected, name: str) -> tuple[Path, Inspected, str]:
        """Return the file as it is to be stored, what it says of itself, and its name; the door's last look."""
        return self._deidentifier.admit(path, inspected, name) if self._deidentifier else (path, inspected, name)

    def _named(self, name: str) -> str:
        """Return the name under which a file is spoken of from here on."""
        shown = display_name(name)
        return self._deidentifier.rename(shown) if self._deidentifier else shown

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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _deidentifier(pseudonyms: PseudonymMap, folder: Path) -> Deidentifier:
    from triage.scans.deidentify import Deidentifier  # with libraries that only some installations need

    return Deidentifier(pseudonyms, folder)


def _disk(error: OSError) -> StorageError:
    return StorageError(f"Not stored: {error.strerror}. Free disk space, then repeat.")
