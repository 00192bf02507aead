"""The received files, each once, under its sha256. A file is there whole or not at all, also after a power cut."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
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


def _sync(folder: Path) -> None:
    # A rename is durable once its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
