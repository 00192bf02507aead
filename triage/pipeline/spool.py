"""Copy what was handed over into a folder of ours, unpack archives, and inspect each file in the sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from triage.domain import Kind, Outcome
from triage.errors import RefusedError, TriageError
from triage.pipeline.upload import Upload
from triage.records.arrivals import Arrivals
from triage.scans.formats.archives import is_system_file
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.isolation.door import Door

#: Files inspected at one time; the door has as many processes.
INSPECTION_THREADS = 2
#: Files in one batch, so in one query to the record.
BATCH_SIZE = 32
#: Bytes copied at one time.
COPY_BYTES = 2**20
ALREADY_HERE = "The same file is already on the record."


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as it was handed over: a path on disk, or bytes.

    Attributes
    ----------
    name
        The name that the sender gave it; shown, never used as a path.
    path
        A file that stays where it is; its content at the time of the copy counts.
    data
        The whole file.
    """

    name: str
    path: Path | None = None
    data: bytes | memoryview | None = None


class Spooler:
    """Turns the files of one hand-over into uploads.

    Parameters
    ----------
    arrivals
        Knows which files are on the record already; these are not inspected again.
    door
        Unpacks archives and inspects files.
    names
        Returns the names to show for the names of the sender, in the same order.

    Attributes
    ----------
    known
        Files known so far; it grows as archives are unpacked.
    """

    def __init__(self, arrivals: Arrivals, door: Door, names: Callable[[Iterable[str]], list[str]]) -> None:
        self._arrivals, self._door, self._names = arrivals, door, names
        self.known = 0

    def batches(self, incoming: Iterable[Incoming], folder: Path) -> Iterator[list[Upload]]:
        """Give the uploads in their order, in batches: inspected, already on the record, or refused.

        Parameters
        ----------
        incoming
            What was handed over.
        folder
            An empty folder for the copies.
        """
        handed_over = list(incoming)
        self.known = len(handed_over)
        names = self._names(one.name for one in handed_over)
        uploads = chain.from_iterable(
            self._spool(name, one, folder / str(number))
            for number, (name, one) in enumerate(zip(names, handed_over, strict=True))
        )
        with ThreadPoolExecutor(INSPECTION_THREADS) as pool:
            ahead: list[Future[Upload]] = []
            while batch := list(islice(uploads, BATCH_SIZE)):
                # The next batch is inspected while the caller stores this one.
                behind, ahead = ahead, self._begin(batch, pool)
                if behind:
                    yield [future.result() for future in behind]
            if ahead:
                yield [future.result() for future in ahead]

    def _spool(self, name: str, incoming: Incoming, copy: Path) -> Iterator[Upload]:
        """Give the upload of a file, or those of the members of an archive; a system file is ignored."""
        if is_system_file(incoming.name):
            self.known -= 1
            return
        try:
            path = incoming.path or copy
            if incoming.path is None:
                path.write_bytes(incoming.data or b"")
            with path.open("rb") as file:
                kind = identify(file.read(IDENTIFY_BYTES))
            if kind is not Kind.ZIP:
                yield Upload(name, copy, digest(copy) if path == copy else _copy(path, copy))
                return
            members_folder = copy.with_name(f"{copy.name}-members")
            members_folder.mkdir()
            unpacked = self._door.unpack(path, members_folder)
        except (TriageError, OSError) as error:
            yield _refused(name, copy, error)
            return
        self.known += len(unpacked.members) + len(unpacked.refused) - 1
        members = self._names(name for name, _ in unpacked.refused)
        for member_name, (_, message) in zip(members, unpacked.refused, strict=True):
            yield _refused(member_name, copy, RefusedError(message), source=name)
        members = self._names(member.name for member in unpacked.members)
        for member_name, member in zip(members, unpacked.members, strict=True):
            yield _member(member_name, member.path, name)

    def _begin(self, uploads: list[Upload], pool: Executor) -> list[Future[Upload]]:
        studies = self._arrivals.studies_of([upload.sha256 for upload in uploads if upload.outcome is None])
        for upload in uploads:
            if study_id := studies.get(upload.sha256):
                upload.decide(Outcome.ALREADY_HERE, ALREADY_HERE, study_id)
        return [pool.submit(self._inspect, upload) for upload in uploads]

    def _inspect(self, upload: Upload) -> Upload:
        if upload.outcome is None:
            try:
                upload.inspection = self._door.inspect(upload.path)
            except Exception as error:
                upload.refuse(error)
        return upload


def digest(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(name: str, path: Path, source: str) -> Upload:
    try:
        return Upload(name, path, digest(path), source=source)
    except OSError as error:
        return _refused(name, path, error, source=source)


def _refused(name: str, path: Path, error: Exception, *, source: str = "") -> Upload:
    upload = Upload(name, path, source=source)
    upload.refuse(error)
    return upload


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return the sha256 of the copy in hex; it is read only once."""
    sha256 = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        while piece := file.read(COPY_BYTES):
            sha256.update(piece)
            copy.write(piece)
    return sha256.hexdigest()
