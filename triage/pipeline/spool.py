"""What was handed over, file by file: archives unpacked, each file looked at behind the door."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from triage.domain import Kind
from triage.errors import RefusedError, TriageError
from triage.records.store import Store
from triage.scans.formats.identify import IDENTIFY_BYTES, identify
from triage.scans.formats.inspect import Inspected
from triage.scans.isolation.door import Door

#: Files that are looked at at one time; the door has as many processes.
LOOKING = 2
#: Files that the record is asked about at one time.
TOGETHER = 32
#: What is copied at one time: bytes.
PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file as it was handed over: by its place on disk, or as bytes.

    Attributes
    ----------
    name
        As the sender called it; shown, never used as a path.
    path
        A file that stays where it is; what it holds when it is read is what counts.
    data
        The whole file.
    """

    name: str
    path: Path | None = None
    data: bytes | memoryview | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file on its way in, in a folder of ours: nobody changes it any more. Or why it goes no further."""

    name: str
    path: Path
    sha256: str = ""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a file: the study that has it already, or what it says of itself."""

    study_id: str | None
    inspected: Inspected | None


class Lookout:
    """Looks at what was handed over.

    Parameters
    ----------
    store
        Knows which files are on the record already.
    door
        Looks at the others.
    named
        Gives the names under which files are spoken of, in the order of theirs.

    Attributes
    ----------
    known
        Files known so far; archives hold more than is known before they are unpacked.
    """

    def __init__(self, store: Store, door: Door, named: Callable[[Iterable[str]], list[str]]) -> None:
        self._store, self._door, self._named = store, door, named
        self.known = 0

    def look_at(self, files: Iterable[Incoming], folder: Path) -> Iterator[list[tuple[File, Seen | Exception]]]:
        """Look at each file, at two of them at a time, and give them in their order, some at a time.

        Parameters
        ----------
        files
            What was handed over.
        folder
            An empty folder for the files; they are there while it is.
        """
        handed_over = list(files)
        self.known = len(handed_over)
        names = self._named(incoming.name for incoming in handed_over)
        spooled = chain.from_iterable(
            self._spool(name, incoming, folder / str(number))
            for number, (name, incoming) in enumerate(zip(names, handed_over, strict=True))
        )
        with ThreadPoolExecutor(LOOKING) as pool:
            ahead: list[tuple[File, Future[Seen | Exception]]] = []
            while some := list(islice(spooled, TOGETHER)):
                # The next ones are looked at while these are stored.
                behind, ahead = ahead, self._begin(some, pool)
                if behind:
                    yield [(file, seen.result()) for file, seen in behind]
            if ahead:
                yield [(file, seen.result()) for file, seen in ahead]

    def _spool(self, name: str, incoming: Incoming, spool: Path) -> Iterator[File]:
        """Give the file, or the members of the archive, that was handed over; what is refused already says so."""
        try:
            path = incoming.path or spool
            if incoming.path is None:
                path.write_bytes(incoming.data or b"")
            with path.open("rb") as file:
                kind = identify(file.read(IDENTIFY_BYTES))
            if kind is not Kind.ZIP:
                yield File(name, spool, digest(spool) if path == spool else _copied(path, spool))
                return
            into = spool.with_name(f"{spool.name}-members")
            into.mkdir()
            unpacked = self._door.unpack(path, into)
        except (TriageError, OSError) as error:
            yield File(name, spool, error=error)
            return
        self.known += len(unpacked.members) + len(unpacked.refused) - 1
        refused = self._named(name for name, _ in unpacked.refused)
        for name, (_, message) in zip(refused, unpacked.refused, strict=True):
            yield File(name, spool, error=RefusedError(message))
        for name, member in zip(self._named(one.name for one in unpacked.members), unpacked.members, strict=True):
            yield _member(name, member.path)

    def _begin(self, files: list[File], pool: Executor) -> list[tuple[File, Future[Seen | Exception]]]:
        studies = self._store.studies_of([file.sha256 for file in files if not file.error])
        return [(file, pool.submit(self._look, file, studies)) for file in files]

    def _look(self, file: File, studies: Mapping[str, str]) -> Seen | Exception:
        if file.error is not None:
            return file.error
        try:
            study_id = studies.get(file.sha256)
            inspected = None if study_id else self._door.inspect(file.path)
        except (TriageError, OSError) as error:
            return error
        return Seen(study_id, inspected)


def _member(name: str, path: Path) -> File:
    try:
        return File(name, path, digest(path))
    except OSError as error:
        return File(name, path, error=error)


def _copied(source: Path, target: Path) -> str:
    """Copy a file and return the sha256 of the copy in hex; read once, since reading and hashing take most of it."""
    sha256 = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        while piece := file.read(PIECE):
            sha256.update(piece)
            copy.write(piece)
    return sha256.hexdigest()


def digest(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
