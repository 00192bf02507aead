"""Uploads that outlive the page: what was sent is spooled to disk, then received in a thread of the installation.

A folder for each upload holds the files under numbers, and `upload.json` with their names, written last: from then on
the upload is whole, and if the process dies, the next one receives it. The receipts replace the files.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock, Thread, current_thread
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from triage.domain import Receipt
from triage.errors import StorageError, storage_error
from triage.pipeline.spool import Incoming
from triage.records import origin
from triage.records.files import ABANDONED_AFTER
from triage.records.origin import Origin

logger = logging.getLogger(__name__)

#: Form of the ID of an upload; it may come from the address of a page.
ID_FORM = re.compile("[0-9a-f]{32}")
NAMES = "upload.json"
RECEIPTS = "receipts.json"
LOCK = "lock"
FAILED = "Not stored; the log of the server says why. The next start of the server tries again."
#: Receives files; `Installation.receive` with an actor and a function for the progress.
Receive = Callable[[Sequence[Incoming], str, Callable[[int, int, str], None]], list[Receipt]]
_RECEIPTS = TypeAdapter(list[Receipt])


@dataclass(frozen=True, slots=True)
class Progress:
    """State of an upload.

    Attributes
    ----------
    done, known
        Files stored or refused, and all files known so far.
    name
        The file that is stored now.
    receipts
        None until all are stored.
    error
        Why it stopped, safe to show; empty if it did not.
    """

    done: int = 0
    known: int = 0
    name: str = ""
    receipts: tuple[Receipt, ...] | None = None
    error: str = ""


class Uploads:
    """Uploads of one installation.

    Parameters
    ----------
    folder
        Made at the first upload.
    receive
        Receives the files of one upload.
    """

    def __init__(self, folder: Path, receive: Receive) -> None:
        self._folder, self._receive = folder, receive
        self._lock = Lock()
        self._progress: dict[str, Progress] = {}
        self._threads: set[Thread] = set()

    def begin(self, files: Sequence[Incoming], *, actor: str) -> str:
        """Spool files to disk, begin to receive them, and return the ID of the upload; those with a path are moved.

        Raises
        ------
        StorageError
            If the disk did not take them; nothing of them is kept.
        """
        upload_id, came = uuid4().hex, replace(origin.current(), actor=actor)
        folder = self._folder / upload_id
        try:
            folder.mkdir(parents=True)
            whole = _written(folder / NAMES, {"origin": asdict(came), "names": [one.name for one in files]})
            for number, one in enumerate(files):
                if one.path is not None:
                    shutil.move(one.path, folder / str(number))
                else:
                    (folder / str(number)).write_bytes(one.data or b"")
            whole.replace(folder / NAMES)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise storage_error(error) from error
        self._start(upload_id)
        return upload_id

    def progress(self, upload_id: str) -> Progress | None:
        """Return the state of an upload, also of one that another process receives; None if there is none."""
        if not ID_FORM.fullmatch(upload_id):
            return None
        with self._lock:
            if known := self._progress.get(upload_id):
                return known
        folder = self._folder / upload_id
        whole = (folder / NAMES).exists()  # before the receipts, which replace it
        with suppress(OSError, ValidationError):
            return Progress(receipts=tuple(_RECEIPTS.validate_json((folder / RECEIPTS).read_bytes())))
        return Progress() if whole else None

    def resume(self) -> None:
        """Receive what a process that died left."""
        for folder in self._folder.glob("*"):
            if (folder / NAMES).exists() and not (folder / RECEIPTS).exists():
                self._start(folder.name)

    def sweep(self, age: float = ABANDONED_AFTER) -> int:
        """Remove receipts older than a day, and uploads that never became whole and are so old; return their number."""
        left = self.left(age)
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def left(self, age: float = ABANDONED_AFTER) -> list[Path]:
        """Return the folders that `sweep` removes."""
        now, found = time.time(), []
        for folder in self._folder.glob("*"):
            with suppress(FileNotFoundError):
                is_done = (folder / RECEIPTS).exists()
                spared = ABANDONED_AFTER if is_done else age
                if (is_done or not (folder / NAMES).exists()) and now - folder.stat().st_mtime > spared:
                    found.append(folder)
        return found

    def close(self) -> None:
        """Wait until everything that was sent is received."""
        for thread in list(self._threads):
            thread.join()

    def _start(self, upload_id: str) -> None:
        with self._lock:
            if upload_id in self._progress:
                return
            self._progress[upload_id] = Progress()
            thread = Thread(target=self._run, args=(upload_id,), name="upload")
            self._threads.add(thread)
        thread.start()

    def _run(self, upload_id: str) -> None:
        folder = self._folder / upload_id
        try:
            with _alone(folder / LOCK) as alone:
                if alone and not (folder / RECEIPTS).exists():
                    self._store(upload_id, folder)
        except Exception as error:
            logger.exception("an upload was not received")
            message = str(error) if isinstance(error, StorageError) else FAILED
            self._note(upload_id, Progress(error=message))
        else:
            with self._lock:
                del self._progress[upload_id]
        finally:
            self._threads.discard(current_thread())

    def _store(self, upload_id: str, folder: Path) -> None:
        sent = json.loads((folder / NAMES).read_bytes())
        files = [Incoming(name, path=folder / str(number)) for number, name in enumerate(sent["names"])]
        came = Origin(**sent["origin"]) if "origin" in sent else Origin(sent["actor"])  # of an earlier version
        with origin.coming_from(came):
            receipts = self._receive(
                files, came.actor, lambda done, known, name: self._note(upload_id, Progress(done, known, name))
            )
        _write(folder / RECEIPTS, [asdict(receipt) for receipt in receipts])
        for name in (*(str(number) for number in range(len(files))), NAMES):
            (folder / name).unlink(missing_ok=True)

    def _note(self, upload_id: str, progress: Progress) -> None:
        with self._lock:
            self._progress[upload_id] = progress


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Give whether no other process receives this upload; its lock ends with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _write(path: Path, value: object) -> None:
    _written(path, value).replace(path)


def _written(path: Path, value: object) -> Path:
    """Return a file beside a path that holds what is to be there."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    return part
