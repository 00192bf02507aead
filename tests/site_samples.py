"""Small exports of signed readings, written by hand: what a retraining reads, without an installation."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from helpers import encode

from bench.loop.attacks import patient_in
from triage.learning.entries import (
    READING_COLUMNS,
    READINGS_TABLE,
    SLICE_COLUMNS,
    SLICES_TABLE,
    STUDIES_TABLE,
    STUDY_COLUMNS,
)


@dataclass(frozen=True)
class Signed:
    """A study of the site: its pictures, and which of them have the label; None says which do not."""

    patient: str
    label: str
    pictures: tuple[np.ndarray, ...]
    split: str = "train"
    readers: int = 1
    lone: bool = False
    contradicted: bool = False
    model_sha256: str = ""
    mask: np.ndarray | None = None


def write_export(target: Path, studies: Iterable[Signed]) -> Path:
    """Write an export as a ZIP, as an installation does; the patient of a study has a key that is of its part."""
    tables = {READINGS_TABLE: READING_COLUMNS, SLICES_TABLE: SLICE_COLUMNS, STUDIES_TABLE: STUDY_COLUMNS}
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in tables}
    with zipfile.ZipFile(target, "w") as archive:
        for one in studies:
            key = patient_in(one.split, one.patient)
            about = {"study": one.patient, "patient": key, "split": one.split, "label": one.label}
            rows[READINGS_TABLE].append(about | {"current": 1, "state": "final", "model_sha256": one.model_sha256})
            rows[STUDIES_TABLE].append(
                about
                | {"readers": one.readers, "model_sha256": one.model_sha256, "contradicted": int(one.contradicted)}
            )
            for number, picture in enumerate(one.pictures):
                file = f"slices/{one.patient}/01-{number + 1:04d}.png"
                archive.writestr(file, data := encode(picture))
                marked = not one.lone or number == len(one.pictures) // 2
                row = about | {"series": 1, "slice": number + 1, "file": file, "contradicted": int(one.contradicted)}
                row["sha256"] = hashlib.sha256(data).hexdigest()
                row |= {"label": one.label if marked else "", "lesion": int(marked and one.label != "notumor")}
                row["note"] = "" if marked else "Not the marked slice: it may or may not show the lesion"
                if one.mask is not None and marked:
                    row["outline"] = f"outlines/{one.patient}/01-{number + 1:04d}.png"
                    archive.writestr(str(row["outline"]), encode((one.mask > 0).astype(np.uint8) * 255))
                rows[SLICES_TABLE].append(row)
        for name, columns in tables.items():
            text = io.StringIO(newline="")
            table = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
            table.writeheader()
            table.writerows(rows[name])
            archive.writestr(name, text.getvalue())
    return target
