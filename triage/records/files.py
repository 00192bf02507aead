"""The received files, each stored once under its sha256, whole or not at all, also after a power cut."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from triage.errors import NotFoundError

#: Prefix of the files and folders of a hand-over in progress; they are removed with it, unless the process dies.
UNFINISHED = "incoming-"
#: No hand-over takes as long: seconds.
ABANDONED_AFTER = 24 * 3600.0
#: Files synced at one time: several take the disk little longer than one.
SYNC_THREADS = 4


class FileStore:
    """Content-addressed files below one folder.

    Parameters
    ----------
    folder
        Made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._batch = _Batch()

    def keep(self, part: Path, sha256: str) -> None:
        """Move a file durably to its place; a whole file that is already there stays, a damaged one is replaced.

        Parameters
        ----------
        part
            A complete file in a folder of `unfinished`, so on the same disk.
        sha256
            Of its bytes, in hex.
        """
        path = self.path(sha256)
        path.parent.mkdir(exist_ok=True)
        if self._batch.pool is not None:
            self._batch.written.append(self._batch.pool.submit(_put, part, path, sha256))
            return
        # A rename is durable once its folder is.
        for folder in (_put(part, path, sha256), self.folder):
            _sync(folder)

    def holds(self, sha256: str) -> bool:
        """Whether the file with this sha256 is there, with all of its bytes."""
        return _digest(self.path(sha256)) == sha256

    def unfinished(self) -> tempfile.TemporaryDirectory[str]:
        """Make a folder for files that may be kept; it is removed at the end of the `with` block."""
        return tempfile.TemporaryDirectory(dir=self.folder, prefix=UNFINISHED)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Sync the files that are kept within the block in parallel, and their folders at its end.

        Nothing may be acknowledged before the block ends.

        Raises
        ------
        OSError
            If the disk did not take one of the files.
        """
        with ThreadPoolExecutor(SYNC_THREADS) as pool:
            self._batch.pool, self._batch.written = pool, []
            try:
                yield
            finally:
                written, self._batch.pool = self._batch.written, None
            folders = {future.result() for future in written}
            # A rename is durable once its folder is.
            list(pool.map(_sync, folders | {self.folder} if folders else ()))

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises
        ------
        NotFoundError
            If the file is missing or its bytes were altered.
        """
        return self.found(sha256).read_bytes()

    def found(self, sha256: str) -> Path:
        """Return the path of the file with this sha256 after checking its bytes.

        Raises
        ------
        NotFoundError
            If the file is missing or its bytes were altered.
        """
        path = self.path(sha256)
        digest = _digest(path)
        if digest is None:
            raise NotFoundError("A file of this study is missing. Restore the files folder from a backup.")
        if digest != sha256:
            raise NotFoundError("A file of this study was altered on disk. Restore the files folder from a backup.")
        return path

    def check(self, digests: Sequence[str]) -> None:
        """Check in parallel that files are there as they were received.

        Raises
        ------
        NotFoundError
            If a file is missing or its bytes were altered.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.found, digests))

    def discard(self, sha256: str, age: float) -> bool:
        """Remove a file that no study holds, unless somebody kept it again within so many seconds."""
        path = self.path(sha256)
        taken = self.folder / f"{UNFINISHED}{sha256}"
        try:
            path.replace(taken)
        except FileNotFoundError:
            return False
        # Looked at only now: nobody can find it any more and rely on it.
        if time.time() - taken.stat().st_mtime > age:
            taken.unlink()
            return True
        taken.replace(path)
        return False

    def path(self, sha256: str) -> Path:
        """Return the path for the file with this sha256, whether or not it exists."""
        return self.folder / sha256[:2] / sha256


class _Batch(threading.local):
    """Files of one thread that are not durable yet; outside `together` it has no pool and syncs file by file."""

    pool: ThreadPoolExecutor | None = None
    written: list[Future[Path]]


def sweep(folder: Path, age: float = ABANDONED_AFTER) -> int:
    """Remove the unfinished hand-overs of processes that died, and return their number; they may name a patient.

    Parameters
    ----------
    folder
        Where they lie.
    age
        Seconds for which nobody has written there.
    """
    removed = 0
    for left in folder.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its hand-over just ended
            if time.time() - left.stat().st_mtime < age:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
            removed += 1
    return removed


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _put(part: Path, path: Path, sha256: str) -> Path:
    """Sync a file, then move it to its place; return the folder, whose sync makes the move durable."""
    try:
        if _digest(path) == sha256:
            os.utime(path)  # `discard` spares it: its row may not be committed yet
            _sync(path)  # whoever put it there may have failed before the sync
            part.unlink()
            return path.parent
        _sync(part)
        part.chmod(0o600)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return path.parent


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
