"""Recognise the layout of a data set and read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from triage.errors import RefusedError
from triage.learning.dataset import is_dataset as is_export
from triage.training.layouts import figshare, folders, manifest, readings, volumes
from triage.training.layouts.items import Dataset, Item, LayoutError, Skipped, label_of
from triage.training.layouts.loading import in_threads, load_slice

KNOWN = """\
    DIR
    ├── manifest.csv                         path,dataset,label,cluster,fold[,patient,sequence,mask]
    ├── readings.csv slices.csv slices/      an export of readings (the folder or its ZIP)
    ├── Training/glioma_tumor/*.jpg          four classes, Training/ Testing/ (or none)
    ├── yes/*.jpg  no/*.jpg                  tumour or not
    ├── images/<n>.jpg  borders.json         figshare, as pictures
    ├── <n>.mat                              figshare, as published (v7.3)
    ├── kaggle_3m/<patient>/*.tif *_mask.tif LGG
    └── <patient>/*_Scan_*.nii.gz *_Mask.nii.gz   NIfTI with masks"""

Reader = Callable[[Path], Dataset]
#: In order of precedence: a manifest holds more than the folders beside it.
READERS: tuple[tuple[Callable[[Path], bool], Reader], ...] = (
    (lambda root: (root / manifest.FILE).is_file(), manifest.read_manifest),
    (is_export, readings.read_readings),
    (lambda root: (root / "borders.json").is_file() and (root / "images").is_dir(), figshare.read_pictures),
    (lambda root: bool(figshare.mat_files(root)), figshare.read_mat_files),
    (lambda root: bool(volumes.lgg_masks(root)), volumes.read_lgg),
    (lambda root: bool(volumes.volume_masks(root)), volumes.read_volumes),
    (folders.has_class_folders, folders.read_class_folders),
)


def read_dataset(root: Path, verify: bool = True) -> Dataset:
    """Read a data set in any known layout.

    Parameters
    ----------
    root
        The folder, or the ZIP of an export of readings.
    verify
        Open every picture, and skip and list the damaged ones; otherwise open only what the labels need.

    Raises
    ------
    LayoutError
        If the layout is unknown (the message shows the known ones), if no picture can be read, or if a mask and its
        picture differ in size.
    """
    dataset = _reader(root)(root)
    if verify:
        dataset = without_damaged(dataset)
    if not dataset.items:
        reasons = "; ".join(f"{entry.path}: {entry.reason}" for entry in dataset.skipped[:3])
        raise LayoutError(f"{root} has the layout {dataset.layout}, but holds no readable picture. {reasons}".rstrip())
    return dataset


def without_damaged(dataset: Dataset) -> Dataset:
    """Open every picture, and move those that cannot be opened to `Dataset.skipped`."""

    def reason(item: Item) -> str | None:
        try:
            load_slice(dataset.root, item)
        except RefusedError as error:
            return str(error)
        return None

    reasons = list(in_threads(reason, dataset.items, "Opening the pictures"))
    return leave_out(dataset, reasons)


def leave_out(dataset: Dataset, reasons: list[str | None]) -> Dataset:
    """Move the items that have a reason to `Dataset.skipped`.

    A class folder that loses all its items is listed as empty.
    """
    pairs = list(zip(dataset.items, reasons, strict=True))
    kept = tuple(item for item, reason in pairs if reason is None)
    skipped = tuple(Skipped(item.name, reason) for item, reason in pairs if reason is not None)
    left = {PurePosixPath(item.path).parent for item in kept}
    emptied = sorted({PurePosixPath(item.path).parent for item in dataset.items} - left)
    empty = [folder.as_posix() for folder in emptied if label_of(folder.name)]
    return replace(dataset, items=kept, skipped=(*dataset.skipped, *skipped), empty=(*dataset.empty, *empty))


def _reader(root: Path) -> Reader:
    if root.is_file():
        if is_export(root):
            return readings.read_readings
        raise LayoutError(
            f"{root} is a file, and not the ZIP of an export of readings in today's format. Export the readings again, "
            f"or name the folder of a data set:\n{KNOWN}"
        )
    if not root.is_dir():
        raise LayoutError(f"{root} does not exist. Name the folder of a data set:\n{KNOWN}")
    for recognises, reader in READERS:
        if recognises(root):
            return reader
    inner = [folder for folder in folders.subfolders(root) if any(known(folder) for known, _ in READERS)]
    hint = f"\n{inner[0]} has a known layout." if inner else ""
    raise LayoutError(f"{root} has none of the known layouts:\n{KNOWN}{hint}")
