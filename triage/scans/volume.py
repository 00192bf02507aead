"""The files of one study to its series, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.domain import Series, SeriesHeader
from triage.scans.raster import decode


def decode_study(paths: Sequence[Path]) -> tuple[Series, ...]:
    """Decode pictures, each as a series of its own slice."""
    return (Series(SeriesHeader(), tuple(decode(path.read_bytes()) for path in paths)),)
