"""The door: everything that comes in is looked at here."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.domain import Series, SeriesHeader
from triage.scans.inspect import Inspected, inspect
from triage.scans.raster import decode


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive, and what did not."""

    members: list[Member]
    refused: list[tuple[str, str]]


class Door:
    """Decode files."""

    def inspect(self, path: Path) -> Inspected:
        """Return what a file says of itself."""
        return inspect(path)

    def decode(self, paths: Sequence[Path]) -> tuple[Series, ...]:
        """Decode the files of one study."""
        return (Series(SeriesHeader(), tuple(decode(path.read_bytes()) for path in paths)),)

    def unpack(self, path: Path, into: Path) -> Unpacked:
        """Unpack an archive."""
        members = []
        with zipfile.ZipFile(path) as archive:
            for number, info in enumerate(archive.infolist()):
                target = into / f"{number}"
                target.write_bytes(archive.read(info))
                members.append(Member(info.filename, target))
        return Unpacked(members, [])

    def close(self) -> None:
        """Release what the door holds."""
