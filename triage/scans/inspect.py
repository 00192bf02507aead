"""Look at one file whole: what it is, whose, and that its pixels decode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from triage.domain import Kind, SeriesHeader, StudyHeader
from triage.scans.raster import decode, identify


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file says of itself."""

    kind: Kind
    study: StudyHeader
    series: SeriesHeader
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""
    frames: int = 1


def inspect(path: Path) -> Inspected:
    """Decode a file and return what it says of itself."""
    data = path.read_bytes()
    decode(data)
    return Inspected(Kind(identify(data)), StudyHeader(), SeriesHeader())
