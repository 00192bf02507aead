"""Files of an export that are written step by step: a CSV in an archive, and the archive itself."""

from __future__ import annotations

import csv
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from triage.errors import StorageError
from triage.text import csv_cell


class Table:
    """A CSV that grows in a file of its own until it is copied into an archive.

    Parameters
    ----------
    file
        Open for writing, with a name; it gets the names of the columns at once.
    columns
        Names of the columns.

    Attributes
    ----------
    rows
        Number of rows below the names.
    """

    def __init__(self, file: IO[str], columns: Iterable[str]) -> None:
        self.rows = 0
        self._file = file
        self._writer = csv.writer(file)
        self._writer.writerow(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Add a row. No cell can act as a formula in a spreadsheet."""
        self._writer.writerow([csv_cell(str(cell)) for cell in cells])
        self.rows += 1

    def copy_to(self, archive: zipfile.ZipFile, name: str) -> None:
        """Copy the table into the archive."""
        self._file.flush()
        archive.write(self._file.name, name, zipfile.ZIP_DEFLATED)


@contextmanager
def table(columns: Iterable[str], folder: Path) -> Iterator[Table]:
    """Open an empty table whose file is in the folder while the block runs."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=folder, suffix=".part") as file:
        yield Table(file, columns)


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of the target when the block ends without an error.

    Raises
    ------
    StorageError
        If it cannot be written; the target stays as it was.
    """
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(target)
    except OSError as error:
        raise StorageError(
            f"{target} was not written: {error.strerror or error}. Free disk space or name another folder, then export "
            "again."
        ) from error
    finally:
        with suppress(OSError):  # it took the place of the target, or could not be made
            part.unlink()
