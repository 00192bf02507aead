"""The pictures of an export as they are read: files of the export alone, with the content that its tables name."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from triage.learning.entries import SLICES_TABLE, DatasetError, SliceEntry

#: Largest picture that is read: bytes.
MAX_PICTURE = 64 * 2**20
MISSING = f"{SLICES_TABLE} names it, but it is missing. Export again."
ALTERED = f"It was altered since {SLICES_TABLE} was written. Export again."
#: What the library raises for a member of an archive that cannot be unpacked.
DAMAGED_MEMBER = (OSError, KeyError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)

Read = Callable[[str], bytes | None]


def is_inside(name: str, folder: str) -> bool:
    """Tell whether a name is that of a file in a folder of an export, and leads nowhere else."""
    path = PurePosixPath(name)
    plain = str(path) == name and "\\" not in name and "\0" not in name
    return plain and len(path.parts) > 1 and path.parts[0] == folder and ".." not in path.parts


def picture_of(root: Path, entry: SliceEntry) -> bytes:
    """Return the PNG of a slice.

    Raises
    ------
    DatasetError
        If it is missing, or not the picture that the tables name.
    """
    with _reading(root) as read:
        data = read(entry.file)
    if reason := _why_not(data, entry.sha256):
        raise DatasetError(f"{entry.file} of {root}: {reason}")
    assert data is not None
    return data


def faults_of(root: Path, entries: Iterable[SliceEntry]) -> dict[str, str]:
    """Return of which slices the picture or its outline is missing or altered, by `SliceEntry.file`, and why."""
    found: dict[str, str] = {}
    with _reading(root) as read:
        for entry in entries:
            reason = _why_not(read(entry.file), entry.sha256)
            if entry.outline:
                reason = reason or _why_not(read(entry.outline), entry.outline_sha256)
            if reason:
                found[entry.file] = reason
    return found


def _why_not(data: bytes | None, sha256: str) -> str:
    if data is None:
        return MISSING
    # Exports of earlier versions have no digests.
    return ALTERED if len(data) > MAX_PICTURE or sha256 not in ("", hashlib.sha256(data).hexdigest()) else ""


@contextmanager
def _reading(root: Path) -> Iterator[Read]:
    """Give what reads a file of an export, no more than one byte too much of it; None if it is not there."""
    if root.is_dir():
        yield lambda name: _from_folder(root.resolve(), name)
        return
    try:
        archive = zipfile.ZipFile(root)
    except (OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{root} is damaged. Export the readings again.") from error
    with archive:
        yield lambda name: _from_archive(archive, name)


def _from_folder(root: Path, name: str) -> bytes | None:
    try:
        path = (root / name).resolve(strict=True)
        # A link may lead out of the export, and a device never ends.
        if not (path.is_relative_to(root) and path.is_file()):
            return None
        with path.open("rb") as file:
            return file.read(MAX_PICTURE + 1)
    except OSError:
        return None


def _from_archive(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        with archive.open(name) as member:
            return member.read(MAX_PICTURE + 1)
    except DAMAGED_MEMBER:
        return None
