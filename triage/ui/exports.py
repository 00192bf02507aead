"""An export of readings that a session made and can download. Tested in tests/pages/test_pages.py."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

from triage.learning.entries import Export
from triage.pipeline.installation import Installation
from triage.records.files import UNFINISHED


class ReadyExport:
    """A ZIP on disk that is removed when the session ends or makes another one.

    Parameters
    ----------
    installation
        Whose readings are exported.
    reader
        Only studies that this reader signed.
    progress
        Called with the number of studies written and the number of all studies.

    Raises
    ------
    StorageError
        If the ZIP cannot be written.
    """

    def __init__(self, installation: Installation, reader: str, progress: Callable[[int, int], None]) -> None:
        # The prefix lets the next start remove what a killed process left.
        folder = Path(tempfile.mkdtemp(dir=installation.files.folder, prefix=UNFINISHED))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / "neurotriage-readings.zip"
        self.reader = reader
        self.export: Export = installation.export_readings(self.path, reader=reader, progress=progress)
