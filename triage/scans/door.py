"""The door: everything that comes in is looked at here."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom

from triage.domain import Kind, Series, SeriesHeader, Slice
from triage.scans.identify import identify
from triage.scans.inspect import Inspected, inspect, series_of
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
        if identify(paths[0].read_bytes()[:200]) is not Kind.DICOM:
            return (Series(SeriesHeader(), tuple(decode(path.read_bytes()) for path in paths)),)
        found: dict[str, list[tuple[float, Slice]]] = {}
        headers = {}
        for number, path in enumerate(paths):
            file = pydicom.dcmread(path)
            headers[file.SeriesInstanceUID] = series_of(file)
            slices = found.setdefault(file.SeriesInstanceUID, [])
            if not headers[file.SeriesInstanceUID].set_aside:
                spacing = (float(file.PixelSpacing[0]), float(file.PixelSpacing[1]))
                one = Slice(file.pixel_array, 0.0, spacing, number)
                slices.append((float(file.ImagePositionPatient[2]), one))
        return tuple(
            Series(headers[uid], tuple(one for _, one in sorted(slices, key=lambda pair: pair[0])))
            for uid, slices in found.items()
        )

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
