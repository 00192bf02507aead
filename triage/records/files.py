"""The received files, each once, under its sha256. A file is there whole or not at all, also after a power cut."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import NotFoundError


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

    def put(self, source: Path | bytes) -> str:
        """Write a file durably and return its sha256 in hex; writing the same bytes again costs nothing."""
        with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as data:
            sha256 = hashlib.file_digest(data, "sha256").hexdigest()
            path = self.path(sha256)
            if path.exists():
                return sha256
            data.seek(0)
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-", delete=False) as file:
                try:
                    shutil.copyfileobj(data, file)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        self._made_durable(path.parent)
        return sha256

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the names of files that are put within the block durable at its end, all at once.

        Nothing may be acknowledged before.
        """
        self._waiting.folders = set()
        try:
            yield
        finally:
            folders, self._waiting.folders = self._waiting.folders, None
        for folder in sorted(folders):
            _sync(folder)

    def _made_durable(self, parent: Path) -> None:
        # A rename is durable once its folder is.
        folders = {parent, self.folder}
        if self._waiting.folders is None:
            for folder in folders:
                _sync(folder)
        else:
            self._waiting.folders |= folders

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

    def path(self, sha256: str) -> Path:
        """Return where the bytes with this sha256 lie."""
        return self.folder / sha256[:2] / sha256


class _Waiting(threading.local):
    """Folders that a thread has yet to make durable; None while it does so file by file."""

    folders: set[Path] | None = None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
