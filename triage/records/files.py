"""The received files, each once, under its sha256. A file is there whole or not at all, also after a power cut."""

from __future__ import annotations

import hashlib
import os
import tempfile
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

    def put(self, data: bytes) -> str:
        """Write the bytes durably and return their sha256 in hex; writing the same bytes again costs nothing."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if path.exists():
            return sha256
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _sync(path.parent)
        _sync(self.folder)
        return sha256

    def get(self, sha256: str) -> bytes:
        """Return the bytes.

        Raises
        ------
        NotFoundError
            If the file is gone or no longer matches its name.
        """
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError("The file of this study is missing. Restore the files folder from a backup.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotFoundError("The file of this study was altered on disk. Restore the files folder from a backup.")
        return data

    def path(self, sha256: str) -> Path:
        """Return where the bytes with this sha256 lie."""
        return self.folder / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    # A rename is durable once its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
