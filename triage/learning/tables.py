"""Files of an export that are written step by step: a CSV in an archive, and the archive itself."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from triage.errors import StorageError
from triage.text import csv_cell


class Table:
    """A CSV that grows in a file of its own until it is copied into an archive.

    Parameters
    ----------
    file
        Open for writing and reading bytes; it gets the names of the columns at once.
    columns
        Names of the columns.

    Attributes
    ----------
    rows
        Number of rows below the names.
    """

    def __init__(self, file: IO[bytes], columns: Iterable[str]) -> None:
        self.rows = 0
        self._file = file
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, quoting=csv.QUOTE_ALL)
        self._writer.writerow(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Add a row. No cell can act as a formula in a spreadsheet."""
        self._writer.writerow([csv_cell(str(cell)) for cell in cells])
        self.rows += 1

    def copy_to(self, archive: zipfile.ZipFile, name: str) -> None:
        """Copy the table into the archive."""
        self._text.flush()
        self._file.seek(0)
        entry = zipfile.ZipInfo(name, time.localtime()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as member:
            shutil.copyfileobj(self._file, member)


@contextmanager
def table(columns: Iterable[str], folder: Path) -> Iterator[Table]:
    """Open an empty table. Its file is on the disk of the folder without a name, so a killed process leaves nothing."""
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Table(file, columns)


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of the target when the block ends without an error.

    Raises
    ------
    StorageError
        If it cannot be written; the target stays as it was.
    """
    try:
        # A name of its own: two exports to one target must not mix.
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            part = Path(file.name)
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{target} was not written: {error.strerror or error}. Free disk space or name another folder, then export "
            "again."
        ) from error
