"""The data set of signed readings, one entry a study, read from an export; `triage.learning.export` writes it.

``docs/readings-export.md`` documents the files and their columns.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from triage.domain import Finding, ReadingState
from triage.learning.entries import (
    OUTLINES_FOLDER,
    READINGS_TABLE,
    SLICES_FOLDER,
    SLICES_TABLE,
    STUDIES_TABLE,
    Dataset,
    DatasetError,
    SliceEntry,
    StudyEntry,
)
from triage.learning.parts import part_of
from triage.learning.pictures import is_inside

#: What the library raises for an archive that is damaged, encrypted or packed in a way that it does not know.
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)
#: Largest table that is read: bytes.
MAX_TABLE = 256 * 2**20
#: Columns of which an export without them cannot be read.
NEEDED = {
    READINGS_TABLE: ("study", "patient", "current", "label"),
    SLICES_TABLE: ("study", "series", "slice", "file", "label", "lesion", "note", "plane", "sequence"),
    STUDIES_TABLE: ("study", "split", "label", "readers"),
}

Row = Mapping[str, str]


def is_dataset(root: Path) -> bool:
    """Tell whether a folder or a file is an export of readings."""
    return {READINGS_TABLE, SLICES_TABLE} <= set(_names(root))


def read_dataset(root: Path) -> Dataset:
    """Read an export from its ZIP or from the folder that it was unpacked into.

    Raises
    ------
    DatasetError
        If a table or a column is missing, or a value is not one that `triage.learning.export` writes: a file elsewhere
        than in the export, or another part than the patient's.
    """
    tables = {name: _table_bytes(root, name) for name in _tables(root)}
    slices: dict[str, list[SliceEntry]] = defaultdict(list)
    try:
        for row in _rows(root, SLICES_TABLE, tables):
            slices[row["study"]].append(_slice_entry(row))
        about = {row["study"]: row for row in _rows(root, STUDIES_TABLE, tables)} if STUDIES_TABLE in tables else {}
        current = [row for row in _rows(root, READINGS_TABLE, tables) if row["current"] == "1"]
        _refuse_repeated(root, READINGS_TABLE, [row["study"] for row in current])
        _refuse_repeated(root, SLICES_TABLE, [entry.file for entries in slices.values() for entry in entries])
        studies = tuple(_study_entry(row, about.get(row["study"], {}), tuple(slices[row["study"]])) for row in current)
    except (ValueError, csv.Error) as error:
        raise DatasetError(f"A table of {root} has a value that cannot be read ({error}). Export again.") from error
    return Dataset(digest_of({name: hashlib.sha256(data).hexdigest() for name, data in tables.items()}), studies)


def digest_of(tables: Mapping[str, str]) -> str:
    """Return the digest of a data set from the sha256 of its tables, by name; they name all pictures by digest."""
    return hashlib.sha256("".join(f"{name} {tables[name]}\n" for name in sorted(tables)).encode()).hexdigest()


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


def _tables(root: Path) -> list[str]:
    """Return the tables that an export has; exports of earlier versions have none of studies."""
    return [READINGS_TABLE, SLICES_TABLE, *({STUDIES_TABLE} & set(_names(root)))]


def _table_bytes(root: Path, name: str) -> bytes:
    try:
        if root.is_dir():
            with (root / name).open("rb") as file:
                data = file.read(MAX_TABLE + 1)
        else:
            with zipfile.ZipFile(root) as archive, archive.open(name) as member:
                data = member.read(MAX_TABLE + 1)
    except (OSError, KeyError, *DAMAGED_ZIP) as error:
        raise DatasetError(f"{name} of {root} is missing or damaged. Export the readings again.") from error
    if len(data) > MAX_TABLE:
        raise DatasetError(f"{name} of {root} is larger than {MAX_TABLE >> 20} MB. Export fewer readings at a time.")
    return data


def _rows(root: Path, name: str, tables: Mapping[str, bytes]) -> list[dict[str, str]]:
    csv.field_size_limit(MAX_TABLE)
    reader = csv.DictReader(io.StringIO(tables[name].decode("utf-8-sig"), newline=""), restval="")
    missing = [column for column in NEEDED[name] if column not in (reader.fieldnames or ())]
    if missing:
        raise DatasetError(f"{name} of {root} lacks the column {', '.join(missing)}. Export the readings again.")
    return list(reader)


def _refuse_repeated(root: Path, name: str, keys: Sequence[str]) -> None:
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise DatasetError(f"{name} of {root} has more than one row for {repeated[0]}. Export the readings again.")


def _study_entry(reading: Row, about: Row, slices: tuple[SliceEntry, ...]) -> StudyEntry:
    """Return a study from its latest reading and from what the table of studies says, which older exports lack."""
    label, part = _label(reading), part_of(reading["patient"])
    if about:
        if about["split"] != part:
            raise ValueError(f"the patient of study {reading['study']} is of the part {part}, not {about['split']}")
        label = Finding(about["label"]) if about["label"] else None
    return StudyEntry(
        study=reading["study"],
        patient=reading["patient"],
        label=label,
        slices=slices,
        split=part,
        readers=int(about["readers"]) if about else int(label is not None),
        first_label=about.get("first_label", ""),
        second_label=about.get("second_label", ""),
        blind_label=reading.get("blind_label", ""),
        probabilities=_probabilities(about),
        prediction_set=tuple(Finding(name) for name in about.get("prediction_set", "").split()),
        model_sha256=about.get("model_sha256", reading.get("model_sha256", "")),
        reason=reading.get("reason", ""),
        scanner=about.get("scanner", ""),
        sex=about.get("sex", ""),
        age_band=about.get("age_band", ""),
        copy_of=about.get("copy_of", ""),
        contradicted=about.get("contradicted") == "1",
        compared_with=about.get("compared_with", ""),
    )


def _label(row: Row) -> Finding | None:
    """Return the class of a reading; one that is none of them says so in a column of its own."""
    if row.get("state") == ReadingState.PRELIMINARY:
        return None
    return Finding(row["label"]) if row["label"] or not row.get("beyond") else None


def _slice_entry(row: Row) -> SliceEntry:
    for folder, name in ((SLICES_FOLDER, row["file"]), (OUTLINES_FOLDER, row.get("outline") or f"{OUTLINES_FOLDER}/-")):
        if not is_inside(name, folder):
            raise ValueError(f"{name} is no file in {folder}/")
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
        scanner=row.get("scanner", ""),
        probabilities=_probabilities(row),
        model_sha256=row.get("model_sha256", ""),
        sha256=row.get("sha256", ""),
        copy_of=row.get("copy_of", ""),
        same_as=row.get("same_as", ""),
        contradicted=row.get("contradicted") == "1",
        outline_sha256=row.get("outline_sha256", ""),
    )


def _probabilities(row: Row) -> dict[Finding, float] | None:
    if not row.get("ai_label"):
        return None
    return {finding: float(row.get(f"p_{finding}", "")) for finding in Finding}
