"""Decode the files of one study to its series, with slices in order along their normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from triage.domain import Kind, Series, SeriesHeader
from triage.scans.formats import dicom, nifti, raster
from triage.scans.formats.inspect import kind_of
from triage.scans.formats.page import cut_from_page
from triage.scans.formats.stacks import arrange


def decode_study(paths: Sequence[Path]) -> tuple[Series, ...]:
    """Decode the files of one study.

    Parameters
    ----------
    paths
        DICOM files, or one picture or NIfTI file; `Slice.instance` is the index in this list.

    Returns
    -------
    tuple of Series
        Stacks of slices, ordered by series number; see `triage.scans.formats.stacks`. A series that is set aside has
        no slices; its header has the reason.

    Raises
    ------
    RefusedError
        If a file cannot be decoded.
    """
    dicom_files = {}
    series: list[Series] = []
    for index, path in enumerate(paths):
        kind = kind_of(path)
        if kind is Kind.DICOM:
            dicom_files[index] = path
        elif kind is Kind.NIFTI:
            for volume in nifti.decode(path):
                series.append(Series(volume.header, tuple(replace(item, instance=index) for item in volume.slices)))
        else:
            series.append(Series(SeriesHeader(), (replace(cut_from_page(raster.read(path)), instance=index),)))
    return arrange(series + dicom.decode(dicom_files))
