"""An export of signed readings as items of training; see `triage.learning.dataset`."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

from triage.learning import dataset
from triage.learning.entries import SLICES_FOLDER, SLICES_TABLE, DatasetError, StudyEntry
from triage.learning.pictures import faults_of
from triage.training.layouts.items import Dataset, Item, LayoutError, Skipped

SOURCE = "readings"
NO_SLICES = f"No slice of this study is in {SLICES_TABLE}; README.txt of the export says why."


def read_readings(root: Path) -> Dataset:
    """Read an export from its folder or its ZIP: one item per slice with a label, grouped by patient.

    Slices without a label are listed in `Dataset.skipped`, one entry per study and reason. So are slices whose picture
    or outline is missing, or has another sha256 than the tables say.

    Raises
    ------
    LayoutError
        If a table of the export is missing or damaged.
    """
    try:
        studies = dataset.read_dataset(root).studies
        faults = faults_of(root, [one for study in studies for one in study.slices if one.label is not None])
    except DatasetError as error:
        raise LayoutError(str(error)) from error
    items: list[Item] = []
    skipped: list[Skipped] = []
    for study in studies:
        for entry in study.slices:
            if entry.label is None:
                continue
            if entry.file not in faults:
                scan = f"{study.study}/{entry.series}"
                mask = entry.outline or None
                items.append(
                    Item(
                        entry.file,
                        SOURCE,
                        entry.label.value,
                        split=study.split,
                        patient=study.patient,
                        mask=mask,
                        scan=scan,
                    )
                )
            else:
                skipped.append(Skipped(entry.file, faults[entry.file]))
        skipped += _unlabelled(study)
    listed = {entry.file for study in studies for entry in study.slices}
    skipped += [Skipped(path, f"{SLICES_TABLE} does not name it.") for path in sorted(_pictures(root) - listed)]
    return Dataset(root, "export of readings", tuple(items), tuple(skipped))


def _unlabelled(study: StudyEntry) -> list[Skipped]:
    folder = f"{SLICES_FOLDER}/{study.study}/"
    if not study.slices:
        return [Skipped(folder, NO_SLICES)]
    reasons = Counter(entry.note for entry in study.slices if entry.label is None)
    return [Skipped(folder, f"{count:,} without a label: {reason}.") for reason, count in reasons.items()]


def _pictures(root: Path) -> set[str]:
    """Return the names of all files among the slices; a name that a table makes up is not among them."""
    if root.is_dir():
        return {path.relative_to(root).as_posix() for path in (root / SLICES_FOLDER).rglob("*") if path.is_file()}
    with zipfile.ZipFile(root) as archive:
        return {name for name in archive.namelist() if name.startswith(f"{SLICES_FOLDER}/") and name[-1] != "/"}
