"""Write signed readings as a data set: a ZIP with one entry per study, whatever format the study arrived in.

It holds each slice as the network received it, so training does not depend on the format of the original file. The
same record makes the same bytes. ``docs/readings-export.md`` documents the files and their columns.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from triage.copies.seen import Pictures, SeenBy
from triage.domain import Series
from triage.errors import NotFoundError, RefusedError
from triage.learning.cells import Cells, reading_cells, scanner_of, slice_cells, study_cells
from triage.learning.data_card import Tables, data_card
from triage.learning.dataset import digest_of
from triage.learning.discreet import Discretion
from triage.learning.entries import (
    DATA_CARD,
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
from triage.learning.repeats import mark_repeats, mark_studies
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
    seen: SeenBy | None = None,
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
    seen
        What the serving model was trained and tested on, to mark copies of it; None if nobody knows.
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
        tables = writer.tables(seen)
        digest = _add_tables(archive, tables)
        add(archive, README, readme(writer.notes, digest, deidentified=deidentified).encode())
        add(archive, DATA_CARD, data_card(tables, digest, deidentified=deidentified).encode())
    if progress is not None:
        progress(len(signed), len(signed))
    return Export(
        studies=len(signed),
        readings=len(tables.readings),
        slices=len(tables.slices),
        labelled=sum(bool(cells["label"]) for cells in tables.slices),
        digest=digest,
        notes=tuple(writer.notes),
        compared_with=tables.compared_with,
        copies=sum(bool(cells["copy_of"]) for cells in tables.slices),
        contradicted=sum(bool(cells["contradicted"]) for cells in tables.slices),
    )


class _Writer:
    """Adds the pictures of studies to the archive, and remembers what the tables say of them."""

    def __init__(self, archive: zipfile.ZipFile, discretion: Discretion | None) -> None:
        self.notes: list[tuple[str, str]] = []
        self._studies: list[Cells] = []
        self._readings: list[Cells] = []
        self._slices: list[Cells] = []
        self._pictures: list[Pictures] = []
        self._signed: list[tuple[datetime, str]] = []
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
            self._readings.append(self._discretion.reading(cells) if self._discretion else cells)
        try:
            series = decode(study)
        except (NotFoundError, RefusedError) as error:
            self.notes.append((study.study_id, f"No slices, the study cannot be decoded: {error}"))
            self._add_study(study, patient, "")
            return
        self._signed.append((study.readings[0].signed_at, study.study_id))
        outlines = Outlines(study, series, marks)
        labelled = LabelledStudy(study, series, outlines.lesions)
        self._add_study(study, patient, scanner_of(series, labelled.places))
        if labelled.note:
            self.notes.append((study.study_id, f"No slice has a label: {labelled.note}."))
        for place in labelled.places:
            cells = slice_cells(study, patient, series, labelled, place)
            cells = self._discretion.slice(cells) if self._discretion else cells
            self._slices.append(cells | self._add_pictures(study.study_id, series, outlines, place))
        self._pictures.append(Pictures.of([series[number].slices[at].pixels for number, at in labelled.places]))

    def add_originals(self, study: Study, files: FileStore) -> None:
        for instance in study.instances:
            try:
                data = files.get(instance.sha256)
            except (NotFoundError, OSError) as error:
                self.notes.append((study.study_id, f"An original is missing: {error}"))
                continue
            # The name that the file came with can hold the name of the patient.
            add(self._archive, f"{ORIGINALS_FOLDER}/{study.study_id}/{instance.sha256}{_suffix(instance, data)}", data)

    def tables(self, seen: SeenBy | None) -> Tables:
        """Return the rows of all tables, copies marked."""
        order = {study_id: place for place, (_, study_id) in enumerate(sorted(self._signed))}
        mark_repeats(self._slices, Pictures.joined(self._pictures), order, seen.pictures if seen else None)
        mark_studies(self._studies, self._slices, seen.model_sha256 if seen else "")
        return Tables(self._studies, self._readings, self._slices, seen.name if seen else "")

    def _add_study(self, study: Study, patient: str, scanner: str) -> None:
        cells = study_cells(study, patient, scanner)
        self._studies.append(self._discretion.study(cells) if self._discretion else cells)

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


def _add_tables(archive: zipfile.ZipFile, tables: Tables) -> str:
    """Add the tables, and return the digest of the data set."""
    written = {
        READINGS_TABLE: table(READING_COLUMNS, tables.readings),
        SLICES_TABLE: table(SLICE_COLUMNS, tables.slices),
        STUDIES_TABLE: table(STUDY_COLUMNS, tables.studies),
    }
    for name, data in written.items():
        add(archive, name, data)
    return digest_of({name: hashlib.sha256(data).hexdigest() for name, data in written.items()})


def _suffix(instance: Instance, data: bytes) -> str:
    compressed = instance.kind == "NIFTI" and data.startswith(GZIP_SIGNATURE)
    return SUFFIXES[instance.kind] + (".gz" if compressed else "")
