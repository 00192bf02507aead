"""Signed readings as a data set: a ZIP with one folder per class, as the Kaggle sets have it, and ``readings.csv``.

The folder is the label that stands in the end, so the ZIP trains as it is; the CSV keeps every reading, amendments
included, with what the AI had said.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import IO

from triage.records.files import FileStore
from triage.records.views import SignedReading

COLUMNS = (
    "study",
    "file",
    "original",
    "final",
    "decision",
    "reason",
    "comment",
    "reader",
    "signed_at",
    "state",
    "model_sha256",
)
#: A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_export(readings: Sequence[SignedReading], files: FileStore, target: IO[bytes]) -> int:
    """Write the ZIP and return the number of pictures in it.

    Parameters
    ----------
    readings
        Newest first, as `Readings.signed` returns them.
    files
        Where the pictures lie.
    target
        A binary file open for writing.
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    written: dict[str, str] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for item in readings:
            sha256, reading = item.instance.sha256, item.reading
            if sha256 not in written:  # the newest reading of a picture comes first and names its folder
                written[sha256] = f"{reading.finding}/{sha256[:16]}.{_suffix(item.instance.kind)}"
                archive.writestr(written[sha256], files.get(sha256))
            row = (
                item.study_id,
                written[sha256],
                item.predicted or "",
                reading.finding,
                reading.decision,
                reading.reason or "",
                reading.comment,
                reading.reader,
                reading.signed_at.isoformat(timespec="seconds"),
                reading.state,
                reading.model_sha256 or "",
            )
            writer.writerow([_inert(str(cell)) for cell in row])
        archive.writestr("readings.csv", table.getvalue(), zipfile.ZIP_DEFLATED)
    return len(written)


def _suffix(kind: str) -> str:
    return {"JPEG": "jpg", "PNG": "png", "DICOM": "dcm", "NIFTI": "nii"}[kind]


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
