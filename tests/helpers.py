"""What several tests need and is no fixture."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset, dcmwrite

from triage.domain import Conclusion, Finding, ReasonCode, Receipt
from triage.phantoms import VOLUME, VOLUME_MM, volume
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.reading import Entries, sign
from triage.records.files import FileStore
from triage.scans.isolation.door import Door
from triage.settings import Settings


class LastingDoor(Door):
    """A door that serves one installation after the other: none of them closes it."""

    def close(self) -> None:
        """Do nothing: `close_for_good` does it."""

    def close_for_good(self) -> None:
        """End all processes."""
        super().close()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str:
    """Return where Chromium is, or skip the test.

    Its shell draws the same pages without the windows around them, which take a quarter of the time of a new page.
    """
    found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds. Playwright's own `wait_for_function` needs `eval`, which the app's pages forbid."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def by_another_clock(milliseconds: int) -> str:
    """Return a script for a page whose browser has a clock that is ahead by so much."""
    return f"""
      const Right = Date;
      globalThis.Date = class extends Right {{
        constructor(...given) {{ given.length ? super(...given) : super(Right.now() + {milliseconds}); }}
        static now() {{ return Right.now() + {milliseconds}; }}
      }};
    """


def encode(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """Encode an array as a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def keep(files: FileStore, data: bytes) -> str:
    """Keep a file among the received ones, and return its sha256."""
    sha256 = hashlib.sha256(data).hexdigest()
    descriptor, part = tempfile.mkstemp(dir=files.folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    files.keep(Path(part), sha256)
    return sha256


def receive(installation: Installation, files: Mapping[str, bytes]) -> list[Receipt]:
    """Hand files over, wait until what was accepted is judged, and return the receipts."""
    receipts = installation.receive([Incoming(name, data=data) for name, data in files.items()], actor="test")
    assert installation.wait({receipt.study_id for receipt in receipts if receipt.study_id}, timeout=180) == []
    return receipts


def take_in(installation: Installation, files: Mapping[str, bytes]) -> list[str]:
    """Hand files over, wait until they are judged, and return the study of each."""
    return [str(receipt.study_id) for receipt in receive(installation, files)]


def sign_study(
    installation: Installation,
    study_id: str,
    finding: Conclusion,
    *,
    reader: str = "Dr. A",
    comment: str = "seen",
    second_read: bool = False,
) -> None:
    """Sign a study as a reader would who sees what is on the record now."""
    study = installation.store.study(study_id)
    reading = sign(
        reader=reader,
        entries=Entries(finding, "cyst", reason=ReasonCode.WRONG_CLASS, comment=comment),
        result=study.result,
        earlier=study.readings,
        status=study.status,
        second_read=second_read,
        now=datetime.now(UTC),
        contents=study.contents,
    )
    installation.store.readings.sign(study_id, reading, seen=len(study.readings))


def redrawn(file: bytes, **elements: object) -> bytes:
    """Return a DICOM file with other elements."""
    header = pydicom.dcmread(io.BytesIO(file))
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    buffer = io.BytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def run_queue(home: Path, database_url: str = "") -> None:
    """Run an installation's queue as `python -m triage worker` does, until the process is killed."""
    installation = Installation(Settings(home=home, threads=1, database_url=database_url))
    _ = installation.runtime
    installation.run()
    threading.Event().wait()


@contextmanager
def without_triggers(database: sqlite3.Connection) -> Iterator[None]:
    """Let a database change anything, as its owner can; the triggers are back at the end, so that none is missed."""
    found = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in found:
        database.execute(f"DROP TRIGGER {name}")
    yield
    for _, definition in found:
        database.execute(definition)
    database.commit()


def lying_index(path: Path, name: str, rows: str) -> None:
    """Make an index of a SQLite file that has only some rows, by a condition, and looks as it did before."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        (definition,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", [name]).fetchone()
        database.execute(f"DROP INDEX {name}")
        database.execute(f"{definition} WHERE {rows}")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", [definition, name])


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond `room` bytes: writing on fails as on a full disk, in the middle of the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def nifti_phantom(finding: Finding, slices: int) -> bytes:
    """Return a phantom volume as a NIfTI file; its axes run to the left, the back and the top."""
    step = (VOLUME[1] - VOLUME[0]) / (slices - 1)
    voxels = np.stack(list(volume(finding, slices, 0))).transpose(2, 1, 0).astype(np.int16)
    return nibabel.Nifti1Image(voxels, np.diag([-VOLUME_MM, -VOLUME_MM, step, 1.0])).to_bytes()


def complaints(report: Dataset, folder: Path) -> list[str]:
    """Return the errors that dciodvfy finds in a DICOM object."""
    tool = shutil.which("dciodvfy")
    if tool is None:
        pytest.skip("dicom3tools is not installed")
    path = folder / "validated.dcm"
    dcmwrite(path, report, enforce_file_format=True)
    said = subprocess.run([tool, path], capture_output=True, text=True, timeout=60)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]
