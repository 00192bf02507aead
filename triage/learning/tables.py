"""Files of an export: the archive that replaces an earlier one, its entries and its tables, equal in every run."""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from triage.errors import StorageError
from triage.text import csv_cell

#: When every entry was changed, the earliest time that a ZIP can say: the same record makes the same bytes.
NO_TIME = (1980, 1, 1, 0, 0, 0)
#: Rights of an unpacked file: its owner may read and write it.
OWNER_ONLY = 0o600
#: `ZipInfo.create_system` of Unix, wherever the export is made.
UNIX = 3


def add(archive: zipfile.ZipFile, name: str, data: bytes, *, packed: bool = True) -> None:
    """Add an entry; what is compressed already is not packed."""
    entry = zipfile.ZipInfo(name, NO_TIME)
    entry.create_system = UNIX
    entry.external_attr = OWNER_ONLY << 16
    entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    archive.writestr(entry, data)


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Return a CSV with the columns in this order. No cell can act as a formula in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([csv_cell(str(row[column])) for column in columns] for row in rows)
    return text.getvalue().encode()


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
