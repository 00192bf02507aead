"""Write signed readings as a data set: a ZIP with one entry per study, whatever format the study arrived in.

It holds each slice as the network received it, so training does not depend on the format of the original file. The
same record makes the same bytes. ``docs/readings-export.md`` documents the files and their columns.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from triage.domain import Series
from triage.errors import NotFoundError, RefusedError
from triage.learning.cells import Cells, reading_cells, scanner_of, slice_cells, study_cells
from triage.learning.dataset import digest_of
from triage.learning.discreet import Discretion
from triage.learning.entries import (
    ORIGINALS_FOLDER,
    OUTLINE_COLUMNS,
    OUTLINES_FOLDER,
    READING_COLUMNS,
    READINGS_TABLE,
    README,
    SLICE_COLUMNS,
    SLICES_FOLDER,
    SLICES_TABLE,
    STUDIES_TABLE,
    STUDY_COLUMNS,
    Export,
)
from triage.learning.labels import LabelledStudy
from triage.learning.outlines import Outlines, png_of
from triage.learning.readme import readme
from triage.learning.tables import add, replacing, table
from triage.reading import superseded
from triage.records.files import FileStore
from triage.records.marks import SignedMarks
from triage.records.signed import SignedStudy
from triage.records.views import UNBOUND, Instance, Study

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "DICOM": ".dcm", "NIFTI": ".nii"}
GZIP_SIGNATURE = b"\x1f\x8b"


def write_dataset(
    target: Path,
    signed: Sequence[SignedStudy],
    *,
    study: Callable[[str], Study],
    decode: Callable[[Study], tuple[Series, ...]],
    files: FileStore,
    marks: Callable[[str], Sequence[SignedMarks]],
    originals: bool = False,
    deidentified: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Export:
    """Write an export as a ZIP, whole or not at all. It holds the pictures of one study at a time in memory.

    Parameters
    ----------
    target
        The ZIP; an existing one is replaced.
    signed
        The studies to export.
    study
        Returns a study by its ID.
    decode
        Returns the series of a study, in the order in which they are judged.
    files
        Where the received files are.
    marks
        Returns the signed marks of a study by its ID.
    originals
        Add the received files as they are. They can identify the patient.
    deidentified
        Leave out readers' names, free text and exact times; see `triage.learning.discreet`.
    progress
        Called with the number of studies written and the number of all studies.

    Raises
    ------
    StorageError
        If the ZIP cannot be written.
    """
    with replacing(target) as file, zipfile.ZipFile(file, "w") as archive:
        writer = _Writer(archive, Discretion() if deidentified else None)
        for done, item in enumerate(signed):
            if progress is not None:
                progress(done, len(signed))
            one = study(item.study_id)
            if one.unbound:
                writer.notes.append((item.study_id, UNBOUND))
                continue
            writer.add(one, item.patient, decode, marks(item.study_id))
            if originals:
                writer.add_originals(one, files)
        digest = writer.add_tables()
        add(archive, README, readme(writer.notes, digest, deidentified=deidentified).encode())
    if progress is not None:
        progress(len(signed), len(signed))
    labelled = sum(bool(cells["label"]) for cells in writer.slices)
    return Export(len(signed), len(writer.readings), len(writer.slices), labelled, digest, tuple(writer.notes))


class _Writer:
    """Adds studies to the archive, and the tables once all of them are there."""

    def __init__(self, archive: zipfile.ZipFile, discretion: Discretion | None) -> None:
        self.notes: list[tuple[str, str]] = []
        self.studies: list[Cells] = []
        self.readings: list[Cells] = []
        self.slices: list[Cells] = []
        self._archive, self._discretion = archive, discretion

    def add(
        self,
        study: Study,
        patient: str,
        decode: Callable[[Study], tuple[Series, ...]],
        marks: Sequence[SignedMarks],
    ) -> None:
        replaced = superseded(study.readings)
        for reading, is_superseded in zip(study.readings, replaced, strict=True):
            cells = reading_cells(study, patient, reading, is_superseded=is_superseded)
            self.readings.append(self._discretion.reading(cells) if self._discretion else cells)
        try:
            series = decode(study)
        except (NotFoundError, RefusedError) as error:
            self.notes.append((study.study_id, f"No slices, the study cannot be decoded: {error}"))
            self._add_study(study, patient, "")
            return
        outlines = Outlines(study, series, marks)
        labelled = LabelledStudy(study, series, outlines.lesions)
        self._add_study(study, patient, scanner_of(series, labelled.places))
        if labelled.note:
            self.notes.append((study.study_id, f"No slice has a label: {labelled.note}."))
        for place in labelled.places:
            cells = slice_cells(study, patient, series, labelled, place)
            cells = self._discretion.slice(cells) if self._discretion else cells
            pictures = self._add_pictures(study.study_id, series, outlines, place)
            self.slices.append(cells | pictures | {"copy_of": "", "same_as": "", "contradicted": 0})

    def add_originals(self, study: Study, files: FileStore) -> None:
        for instance in study.instances:
            try:
                data = files.get(instance.sha256)
            except (NotFoundError, OSError) as error:
                self.notes.append((study.study_id, f"An original is missing: {error}"))
                continue
            # The name that the file came with can hold the name of the patient.
            add(self._archive, f"{ORIGINALS_FOLDER}/{study.study_id}/{instance.sha256}{_suffix(instance, data)}", data)

    def add_tables(self) -> str:
        """Add the tables, and return the digest of the data set."""
        tables = {
            READINGS_TABLE: table(READING_COLUMNS, self.readings),
            SLICES_TABLE: table(SLICE_COLUMNS, self.slices),
            STUDIES_TABLE: table(STUDY_COLUMNS, self.studies),
        }
        for name, data in tables.items():
            add(self._archive, name, data)
        return digest_of({name: hashlib.sha256(data).hexdigest() for name, data in tables.items()})

    def _add_study(self, study: Study, patient: str, scanner: str) -> None:
        cells = study_cells(study, patient, scanner)
        cells = self._discretion.study(cells) if self._discretion else cells
        self.studies.append(cells | {"copy_of": "", "contradicted": 0, "compared_with": ""})

    def _add_pictures(
        self, study_id: str, series: Sequence[Series], outlines: Outlines, place: tuple[int, int]
    ) -> Cells:
        """Add a slice and its outline; return the cells that name both."""
        number, at = place
        name = f"{study_id}/{number + 1:02d}-{at + 1:04d}.png"
        file, sha256 = self._add_picture(f"{SLICES_FOLDER}/{name}", png_of(series[number].slices[at].pixels))
        cells: Cells = {"file": file, "sha256": sha256}
        mask = outlines.png(place)
        if mask is None:
            return cells | dict.fromkeys(OUTLINE_COLUMNS, "")
        told = (*self._add_picture(f"{OUTLINES_FOLDER}/{name}", mask), outlines.reading, outlines.origin(place))
        return cells | dict(zip(OUTLINE_COLUMNS, told, strict=True))

    def _add_picture(self, name: str, png: bytes) -> tuple[str, str]:
        """Add a picture; return its name and its digest."""
        add(self._archive, name, png, packed=False)  # a PNG is compressed already
        return name, hashlib.sha256(png).hexdigest()


def _suffix(instance: Instance, data: bytes) -> str:
    compressed = instance.kind == "NIFTI" and data.startswith(GZIP_SIGNATURE)
    return SUFFIXES[instance.kind] + (".gz" if compressed else "")
