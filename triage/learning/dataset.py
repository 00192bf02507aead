"""The data set of signed readings, one entry a study: `write_dataset` exports it, `read_dataset` reads it back.

An export holds each slice as the network received it, so training does not depend on the format of the original file.
``docs/readings-export.md`` documents the files and their columns.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from triage.domain import Finding, Reading, Series, Slice, likeliest
from triage.errors import NotFoundError, RefusedError
from triage.learning.discreet import Discretion, known_words
from triage.learning.entries import (
    ORIGINALS_FOLDER,
    READING_COLUMNS,
    READINGS_TABLE,
    README,
    SLICE_COLUMNS,
    SLICES_FOLDER,
    SLICES_TABLE,
    DatasetError,
    Export,
    SliceEntry,
    StudyEntry,
)
from triage.learning.labels import LabelledStudy, answered
from triage.learning.outlines import Outlines
from triage.learning.readme import readme
from triage.learning.tables import Table, replacing, table
from triage.reading import superseded
from triage.records.files import FileStore
from triage.records.marks import SignedMarks
from triage.records.signed import SignedStudy
from triage.records.views import UNBOUND, Instance, Study

#: State of a reading that a later one took the place of.
SUPERSEDED = "superseded"
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "DICOM": ".dcm", "NIFTI": ".nii"}
GZIP_SIGNATURE = b"\x1f\x8b"
#: What the library raises for an archive that is damaged, encrypted or packed in a way that it does not know.
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
#: Largest table that is read: bytes.
MAX_TABLE = 256 * 2**20
#: Columns of which an export without them cannot be read.
NEEDED = {
    READINGS_TABLE: ("study", "patient", "current", "label"),
    SLICES_TABLE: ("study", "series", "slice", "file", "label", "lesion", "note", "plane", "sequence"),
}


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
    """Write an export as a ZIP, whole or not at all. It holds one study at a time in memory.

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
    with (
        replacing(target) as file,
        zipfile.ZipFile(file, "w", strict_timestamps=False) as archive,
        table(READING_COLUMNS, target.parent) as readings,
        table(SLICE_COLUMNS, target.parent) as slices,
    ):
        writer = _Writer(archive, readings, slices, Discretion() if deidentified else None)
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
        readings.copy_to(archive, READINGS_TABLE)
        slices.copy_to(archive, SLICES_TABLE)
        archive.writestr(README, readme(writer.notes, deidentified=deidentified), zipfile.ZIP_DEFLATED)
    if progress is not None:
        progress(len(signed), len(signed))
    return Export(len(signed), readings.rows, slices.rows, writer.labelled, tuple(writer.notes))


def is_dataset(root: Path) -> bool:
    """Tell whether a folder or a file is an export of readings."""
    return {READINGS_TABLE, SLICES_TABLE} <= set(_names(root))


def read_dataset(root: Path) -> tuple[StudyEntry, ...]:
    """Read an export from its ZIP or from the folder that it was unpacked into.

    Raises
    ------
    DatasetError
        If a table or a column is missing, or a value is not one that `write_dataset` writes.
    """
    slices: dict[str, list[SliceEntry]] = defaultdict(list)
    try:
        for row in _rows(root, SLICES_TABLE):
            slices[row["study"]].append(_slice_entry(row))
        current = [row for row in _rows(root, READINGS_TABLE) if row["current"] == "1"]
        _refuse_repeated(root, READINGS_TABLE, [row["study"] for row in current])
        _refuse_repeated(root, SLICES_TABLE, [entry.file for entries in slices.values() for entry in entries])
        return tuple(
            StudyEntry(row["study"], row["patient"], _label(row), tuple(slices[row["study"]])) for row in current
        )
    except (ValueError, csv.Error) as error:
        raise DatasetError(f"A table of {root} has a value that cannot be read ({error}). Export again.") from error


class _Writer:
    """Adds studies to the archive and to the tables."""

    def __init__(self, archive: zipfile.ZipFile, readings: Table, slices: Table, discretion: Discretion | None) -> None:
        self.notes: list[tuple[str, str]] = []
        self.labelled = 0
        self._archive, self._readings, self._slices = archive, readings, slices
        self._discretion = discretion

    def add(
        self,
        study: Study,
        patient: str,
        decode: Callable[[Study], tuple[Series, ...]],
        marks: Sequence[SignedMarks],
    ) -> None:
        replaced = superseded(study.readings)
        for reading, is_superseded in zip(study.readings, replaced, strict=True):
            cells = _reading_cells(study, patient, reading, is_superseded=is_superseded)
            cells = self._discretion.reading(cells) if self._discretion else cells
            self._readings.add([cells[name] for name in READING_COLUMNS])
        try:
            series = decode(study)
        except (NotFoundError, RefusedError) as error:
            self.notes.append((study.study_id, f"No slices, the study cannot be decoded: {error}"))
            return
        outlines = Outlines(study, series, marks)
        labelled = LabelledStudy(study, series, outlines.lesions)
        if labelled.note:
            self.notes.append((study.study_id, f"No slice has a label: {labelled.note}."))
        for place in labelled.places:
            self._add_slice(study, patient, series, labelled, outlines, place)

    def add_originals(self, study: Study, files: FileStore) -> None:
        for instance in study.instances:
            try:
                data = files.get(instance.sha256)
            except (NotFoundError, OSError) as error:
                self.notes.append((study.study_id, f"An original is missing: {error}"))
                continue
            # The name that the file came with can hold the name of the patient.
            name = f"{ORIGINALS_FOLDER}/{study.study_id}/{instance.sha256}{_suffix(instance, data)}"
            self._archive.writestr(name, data, zipfile.ZIP_DEFLATED)

    def _add_slice(
        self,
        study: Study,
        patient: str,
        series: Sequence[Series],
        labelled: LabelledStudy,
        outlines: Outlines,
        place: tuple[int, int],
    ) -> None:
        number, at = place
        header, slice_ = series[number].header, series[number].slices[at]
        file = f"{SLICES_FOLDER}/{study.study_id}/{number + 1:02d}-{at + 1:04d}.png"
        self._archive.writestr(file, _png(slice_))  # stored as it is: a PNG is compressed already
        label, note = labelled.label(number, at)
        scores = labelled.scores(number, at)
        self.labelled += label is not None
        about = (study.study_id, patient, number + 1, at + 1, file)
        reading = (label or "", int(label not in (None, Finding.NOTUMOR)), note)
        geometry = (
            *(slice_.spacing or ("", "")),
            header.spacing[2] if header.spacing else "",
            *slice_.pixels.shape,
        )
        probabilities = [scores[finding] if scores else "" for finding in Finding]
        ai = (
            likeliest(scores) if scores else "",
            *probabilities,
            labelled.result.model_sha256 if scores and labelled.result else "",
        )
        original = study.instances[slice_.instance].sha256
        sequence = known_words(header.description) if self._discretion else header.description
        outline = outlines.add_to(self._archive, place)
        self._slices.add((*about, *reading, header.plane or "", sequence, *geometry, original, *ai, *outline))


def _reading_cells(study: Study, patient: str, reading: Reading, *, is_superseded: bool) -> dict[str, object]:
    seen = answered(study, reading)
    in_class = isinstance(reading.finding, Finding)
    return {
        "study": study.study_id,
        "patient": patient,
        "current": int(reading is study.readings[-1]),
        "ai_label": seen.predicted if seen else "",
        "label": reading.finding if in_class else "",
        "beyond": "" if in_class else reading.finding,
        "lesion": reading.lesion,
        "blind_label": reading.blind or "",
        "confidence": reading.confidence or "",
        "decision": reading.decision,
        "reason": reading.reason or "",
        "comment": reading.comment,
        "role": reading.role,
        "reader": reading.reader,
        "signed_at": reading.signed_at.isoformat(timespec="seconds"),
        "state": SUPERSEDED if is_superseded else reading.state,
        "model_sha256": reading.model_sha256 or "",
    }


def _png(slice_: Slice) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(slice_.pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _suffix(instance: Instance, data: bytes) -> str:
    compressed = instance.kind == "NIFTI" and data.startswith(GZIP_SIGNATURE)
    return SUFFIXES[instance.kind] + (".gz" if compressed else "")


def _names(root: Path) -> list[str]:
    """Return the names at the top of a folder or in a ZIP; none of anything else."""
    if root.is_dir():
        return [path.name for path in root.iterdir()]
    if not zipfile.is_zipfile(root):
        return []
    try:
        with zipfile.ZipFile(root) as archive:
            return archive.namelist()
    except DAMAGED_ZIP:
        return []


def _rows(root: Path, name: str) -> list[dict[str, str]]:
    try:
        data = _table_bytes(root, name)
    except (OSError, KeyError, *DAMAGED_ZIP) as error:
        raise DatasetError(f"{name} of {root} is missing or damaged. Export the readings again.") from error
    if len(data) > MAX_TABLE:
        raise DatasetError(f"{name} of {root} is larger than {MAX_TABLE >> 20} MB. Export fewer readings at a time.")
    csv.field_size_limit(MAX_TABLE)
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), restval="")
    missing = [column for column in NEEDED[name] if column not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"{name} of {root} lacks the column {', '.join(missing)}. Export the readings again.")
    return list(reader)


def _table_bytes(root: Path, name: str) -> bytes:
    """Return a table; of one that is too large, no more than tells so."""
    if root.is_dir():
        with (root / name).open("rb") as file:
            return file.read(MAX_TABLE + 1)
    with zipfile.ZipFile(root) as archive, archive.open(name) as member:
        return member.read(MAX_TABLE + 1)


def _refuse_repeated(root: Path, name: str, keys: Sequence[str]) -> None:
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise DatasetError(f"{name} of {root} has more than one row for {repeated[0]}. Export the readings again.")


def _label(row: dict[str, str]) -> Finding | None:
    """Return the class of a reading; one that is none of them says so in a column of its own."""
    return Finding(row["label"]) if row["label"] or not row.get("beyond") else None


def _slice_entry(row: dict[str, str]) -> SliceEntry:
    return SliceEntry(
        file=row["file"],
        series=int(row["series"]),
        number=int(row["slice"]),
        label=Finding(row["label"]) if row["label"] else None,
        lesion=row["lesion"] == "1",
        note=row["note"],
        plane=row["plane"],
        sequence=row["sequence"],
        outline=row.get("outline", ""),
    )
