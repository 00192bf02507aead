"""The files of one study to its series, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom

from triage.domain import Kind, Series, SeriesHeader, Slice
from triage.scans.identify import identify
from triage.scans.inspect import series_of
from triage.scans.raster import decode


def decode_study(paths: Sequence[Path]) -> tuple[Series, ...]:
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
