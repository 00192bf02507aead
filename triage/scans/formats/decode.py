"""The files of one study to its series, each in order along its normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from triage.domain import Kind, Series, SeriesHeader
from triage.scans.formats import dicom, nifti, raster
from triage.scans.formats.inspect import kind_of


def decode_study(paths: Sequence[Path]) -> tuple[Series, ...]:
    """Decode the files of one study.

    Parameters
    ----------
    paths
        All DICOM, or one picture or NIfTI file; `Slice.instance` is the place in this list.

    Returns
    -------
    tuple of Series
        By series number. One that is set aside has no slices and says why.

    Raises
    ------
    RefusedError
        If a file cannot be decoded.
    """
    objects = {}
    series: list[Series] = []
    for index, path in enumerate(paths):
        kind = kind_of(path)
        if kind is Kind.DICOM:
            objects[index] = path
        elif kind is Kind.NIFTI:
            for volume in nifti.decode(path):
                series.append(Series(volume.header, tuple(replace(item, instance=index) for item in volume.slices)))
        else:
            series.append(Series(SeriesHeader(), (replace(raster.read(path), instance=index),)))
    series += dicom.decode(objects)
    return tuple(sorted(series, key=lambda item: (item.header.number, item.header.uid)))
