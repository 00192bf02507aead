"""Data sets with tumour masks: LGG (TIFF slices) and NIfTI volumes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from triage.domain import Finding
from triage.errors import RefusedError
from triage.training.layouts.items import ALWAYS_TRAIN, GUARD, UNTYPED, Dataset, Item, LayoutError, Skipped, label_of
from triage.training.layouts.loading import VOLUME_SUFFIXES, load_mask, read_volume

LGG_FOLDER = "kaggle_3m"
#: Masks of TCIA Brain-Tumor-Progression, of a visit before and one after; all its patients have a glioblastoma.
GLIOBLASTOMA = re.compile(r"(Pre|Post)_Mask\.nii(\.gz)?")
#: A slice with less tumour than this share of the picture is at its edge and shows neither tumour nor none clearly.
EDGE = 0.002


def lgg_masks(root: Path) -> list[Path]:
    """Return the masks of the LGG set; the folder is ``kaggle_3m`` or its parent."""
    home = root / LGG_FOLDER if (root / LGG_FOLDER).is_dir() else root
    return sorted(home.glob("*/*_mask.tif"), key=lambda path: (path.parent.name, _number(path)))


def read_lgg(root: Path) -> Dataset:
    """Read ``<patient>/<slice>.tif`` with ``<slice>_mask.tif``.

    All patients have a lower-grade glioma. A slice is `glioma` if its mask marks something, and `notumor` if the mask
    is empty. An empty mask means that nothing was outlined, not that the brain is healthy.
    """
    items, skipped = [], []
    masks = lgg_masks(root)
    for mask in masks:
        picture = mask.with_name(mask.name.replace("_mask", ""))
        item = Item(_name(root, picture), "lgg", Finding.GLIOMA, patient=mask.parent.name, mask=_name(root, mask))
        try:
            items.append(_by_mask(root, item))
        except (RefusedError, FileNotFoundError) as error:
            reason = str(error) if isinstance(error, RefusedError) else "The picture of the mask is missing."
            skipped.append(Skipped(item.path, reason))
    known = {item.path for item in items} | {entry.path for entry in skipped}
    for folder in sorted({mask.parent for mask in masks}):
        for path in sorted(folder.glob("*.tif")):
            if not path.stem.endswith("_mask") and _name(root, path) not in known:
                skipped.append(Skipped(_name(root, path), "It has no mask in the same folder."))
    return Dataset(root, "LGG", tuple(items), tuple(skipped))


def volume_masks(root: Path) -> list[Path]:
    """Return the NIfTI masks in the folder and in two levels of folders below it."""
    depths = ("*.nii*", "*/*.nii*", "*/*/*.nii*")
    return sorted(path for depth in depths for path in root.glob(depth) if _is_volume(path) and _is_mask(path))


def read_volumes(root: Path) -> Dataset:
    """Read ``<patient>/<visit>_Scan_*.nii.gz`` with ``<visit>_Mask.nii.gz``, slice by slice.

    Slices without a signal are left out. The label is that of the class folder that holds the mask, glioma for the
    names of Brain-Tumor-Progression, and otherwise an untyped tumour. A slice with an empty mask is `notumor`.
    """
    items: list[Item] = []
    skipped = []
    masks = volume_masks(root)
    scans: dict[Path, Path] = {}
    for mask in masks:
        visit = re.split("mask", mask.name, flags=re.IGNORECASE)[0]
        beside = [path for path in sorted(mask.parent.iterdir()) if path.name.startswith(visit) and _is_volume(path)]
        scans |= {path: mask for path in beside if not _is_mask(path)}
        if not any(path in scans for path in beside):
            skipped.append(Skipped(_name(root, mask), f"No scan {visit}*.nii.gz is in the folder of the mask."))
    for scan, mask in scans.items():
        try:
            items += _slices(root, scan, mask)
        except RefusedError as error:
            skipped.append(Skipped(_name(root, scan), str(error)))
    folders = sorted({mask.parent for mask in masks})
    unmasked = [path for folder in folders for path in sorted(folder.iterdir()) if _is_volume(path)]
    skipped += [
        Skipped(_name(root, path), "It has no mask in the same folder.")
        for path in unmasked
        if path not in scans and not _is_mask(path)
    ]
    return Dataset(root, "NIfTI with masks", tuple(items), tuple(skipped))


def with_volumes(dataset: Dataset, folder: Path) -> Dataset:
    """Add the slices of volumes with masks to a data set that has folds.

    Slices that show neither class clearly are left out: those at the edge of the tumour, and those without tumour next
    to one with tumour. The patients, in order of their names, are distributed to the folds of the data set.

    Parameters
    ----------
    dataset
        As `read_dataset` returns it.
    folder
        A folder of volumes inside the data set.

    Raises
    ------
    LayoutError
        If the folder is elsewhere or holds no volumes, or if the data set has no folds.
    """
    folds = sorted({item.fold for item in dataset.items} - {None, GUARD, ALWAYS_TRAIN}, key=str)
    if not folds:
        raise LayoutError("Volumes need the folds of a data set, and this one has none. Add a manifest.csv with folds.")
    if not folder.resolve().is_relative_to(dataset.root.resolve()) or not volume_masks(folder):
        raise LayoutError(f"{folder} holds no volumes with masks, or is not inside the data set. Move it inside.")
    below = folder.resolve().relative_to(dataset.root.resolve())
    volumes = read_volumes(folder)
    patients = sorted({item.patient or item.path for item in volumes.items})
    first = max((item.cluster or 0 for item in dataset.items), default=0) + 1
    added = [
        replace(
            item,
            path=(below / item.path).as_posix(),
            mask=(below / str(item.mask)).as_posix(),
            cluster=first + number,
            fold=folds[patients.index(item.patient or item.path) % len(folds)],
        )
        for number, item in enumerate(item for item in volumes.items if _is_clear(folder, item))
    ]
    skipped = (replace(entry, path=(below / entry.path).as_posix()) for entry in volumes.skipped)
    return replace(dataset, items=(*dataset.items, *added), skipped=(*dataset.skipped, *skipped))


def _is_clear(root: Path, item: Item) -> bool:
    """Tell whether a slice shows enough of the tumour, or is more than one slice away from it."""
    assert item.index is not None
    marked = read_volume(str(root / str(item.mask))) > 0
    if item.label != Finding.NOTUMOR:
        return bool(marked[..., item.index].mean() >= EDGE)
    return not marked[..., max(item.index - 1, 0) : item.index + 2].any()


def _slices(root: Path, scan: Path, mask: Path) -> list[Item]:
    picture, marked = read_volume(str(scan)), read_volume(str(mask))
    if picture.shape != marked.shape:
        raise LayoutError(
            f"The mask {_name(root, mask)} is {_size(marked.shape)} voxels, its scan {_name(root, scan)} is "
            f"{_size(picture.shape)}. Resample the mask to the scan."
        )
    label = _label(root, mask)
    patient = scan.parent.relative_to(root).as_posix() if scan.parent != root else None
    return [
        Item(
            _name(root, scan),
            root.resolve().name,
            label if marked[..., index].any() else Finding.NOTUMOR.value,
            patient=patient,
            mask=_name(root, mask),
            index=index,
        )
        for index in np.flatnonzero(np.ptp(picture, axis=(0, 1))).tolist()
    ]


def _by_mask(root: Path, item: Item) -> Item:
    mask = load_mask(root, item)
    assert mask is not None
    label = Finding.GLIOMA if mask.any() else Finding.NOTUMOR
    return Item(item.path, item.source, label.value, patient=item.patient, mask=item.mask)


def _label(root: Path, mask: Path) -> str:
    folders = [folder for folder in mask.parent.relative_to(root.parent).parts if label_of(folder)]
    if folders:
        return label_of(folders[-1]) or UNTYPED
    return Finding.GLIOMA.value if GLIOBLASTOMA.fullmatch(mask.name) else UNTYPED


def _is_volume(path: Path) -> bool:
    return path.name.endswith(VOLUME_SUFFIXES)


def _is_mask(path: Path) -> bool:
    return "mask" in path.name.lower()


def _number(path: Path) -> int:
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else 0


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
