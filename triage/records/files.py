"""The received files, each once, under its sha256. A file is there whole or not at all, also after a power cut."""

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

#: Begins the names of files and folders of a hand-over that is under way; each goes with it, unless the process dies.
UNFINISHED = "incoming-"
#: No hand-over takes as long: seconds.
ABANDONED = 24 * 3600.0
#: Files that are brought to the disk at one time: it takes several for little more than one.
SYNCING = 4


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
        self._waiting = _Waiting()

    def keep(self, part: Path, sha256: str) -> None:
        """Move a file durably to its place; what is there already stays.

        Parameters
        ----------
        part
            Whole, in a folder of ours on the same disk, see `unfinished`.
        sha256
            Of its bytes, in hex.
        """
        path = self.path(sha256)
        if path.exists():
            part.unlink()
            return
        path.parent.mkdir(exist_ok=True)
        if self._waiting.pool is not None:
            self._waiting.written.append(self._waiting.pool.submit(_named, part, path))
            return
        # A rename is durable once its folder is.
        for folder in (_named(part, path), self.folder):
            _sync(folder)

    def unfinished(self) -> tempfile.TemporaryDirectory[str]:
        """Make a folder for files that may come to be kept; it goes with the block that it is used in."""
        return tempfile.TemporaryDirectory(dir=self.folder, prefix=UNFINISHED)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make files that are kept within the block durable until its end, side by side, and then their names at once.

        Nothing may be acknowledged before.

        Raises
        ------
        OSError
            If the disk did not take one of them.
        """
        with ThreadPoolExecutor(SYNCING) as pool:
            self._waiting.pool, self._waiting.written = pool, []
            try:
                yield
            finally:
                written, self._waiting.pool = self._waiting.written, None
            folders = {future.result() for future in written}
            # A rename is durable once its folder is.
            list(pool.map(_sync, folders | {self.folder} if folders else ()))

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises
        ------
        NotFoundError
            If the file is gone or no longer matches its name.
        """
        return self.found(sha256).read_bytes()

    def found(self, sha256: str) -> Path:
        """Return where the bytes with this sha256 lie, once it is sure that they do.

        Raises
        ------
        NotFoundError
            If the file is gone or no longer matches its name.
        """
        path = self.path(sha256)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as error:
            raise NotFoundError("The file of this study is missing. Restore the files folder from a backup.") from error
        if digest != sha256:
            raise NotFoundError("The file of this study was altered on disk. Restore the files folder from a backup.")
        return path

    def check(self, digests: Sequence[str]) -> None:
        """Make sure that several files are there as they were received; they are read side by side.

        Raises
        ------
        NotFoundError
            If one is gone or no longer matches its name.
        """
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self.found, digests))

    def path(self, sha256: str) -> Path:
        """Return where the bytes with this sha256 lie."""
        return self.folder / sha256[:2] / sha256


class _Waiting(threading.local):
    """Files that a thread has yet to see durable; no pool while it does so file by file."""

    pool: ThreadPoolExecutor | None = None
    written: list[Future[Path]]


def sweep(folder: Path) -> None:
    """Remove what hand-overs of a process that died left behind: files as they came, names and all."""
    for left in folder.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # its hand-over has just ended
            if time.time() - left.stat().st_mtime < ABANDONED:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def _named(part: Path, path: Path) -> Path:
    """Give a file its name once its bytes are on the disk, and return its folder."""
    try:
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
