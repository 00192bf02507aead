"""Class folders (with or without splits), and a manifest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.training.layouts.figshare import read_borders
from triage.training.layouts.items import PUBLISHED, UNTYPED, Dataset, Item, LayoutError, Skipped, label_of
from triage.training.layouts.loading import read_bytes

#: Files that file managers leave behind; they are ignored, while other files that are not pictures are listed.
IGNORED = {"thumbs.db", "desktop.ini"}


def has_class_folders(root: Path) -> bool:
    """Tell whether a folder named after a class is in this folder or in a split of it."""
    parts = [root, *(folder for folder in subfolders(root) if folder.name.lower() in PUBLISHED)]
    return any(label_of(folder.name) for part in parts for folder in subfolders(part))


def read_class_folders(root: Path) -> Dataset:
    """Read ``glioma_tumor/ ...`` or ``yes/ no/``, directly in the folder or in ``Training/ Testing/``."""
    items: list[Item] = []
    skipped: list[Skipped] = []
    empty: list[str] = []
    for folder, split in _class_folders(root, skipped):
        label = label_of(folder.name)
        assert label is not None
        found = [
            Item(path.relative_to(root).as_posix(), root.resolve().name, label, split=split) for path in _files(folder)
        ]
        items += found
        if not found:
            empty.append(folder.relative_to(root).as_posix())
    return Dataset(root, "class folders", tuple(items), tuple(skipped), tuple(empty))


def read_manifest_items(root: Path) -> Dataset:
    """Read ``manifest.csv`` with its guard rows, and the outlines of each figshare folder that it names."""
    items, skipped = [], []
    places: set[PurePosixPath] = set()
    outlines: dict[str, NDArray[np.float32]] = {}
    for row in _rows(root, "manifest.csv", ("path", "dataset", "label", "cluster", "fold")):
        if not _inside(root, row["path"]) or not (root / row["path"]).is_file():
            skipped.append(Skipped(row["path"], "Named in manifest.csv, not in the folder."))
            continue
        if row["label"] not in {*Finding, UNTYPED}:
            classes = ", ".join((*Finding, UNTYPED))
            skipped.append(Skipped(row["path"], f"The label {row['label']!r} is not a class. Use one of {classes}."))
            continue
        place = PurePosixPath(row["path"]).parent
        if place.name == "images" and place not in places:
            places.add(place)
            outlines.update(read_borders(root / place.parent, prefix=place.as_posix().removesuffix("images")))
        items.append(
            Item(
                row["path"],
                row["dataset"],
                row["label"],
                cluster=int(row["cluster"]) if row["cluster"].isdigit() else None,
                fold=row["fold"] or None,
                outline=outlines.get(row["path"]),
            )
        )
    return Dataset(root, "manifest", tuple(items), tuple(skipped))


def subfolders(root: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _class_folders(root: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, str | None]]:
    for folder in subfolders(root):
        if label_of(folder.name):
            yield folder, None
        elif folder.name.lower() in PUBLISHED:
            for inner in subfolders(folder):
                if label_of(inner.name):
                    yield inner, folder.name
                else:
                    skipped.append(_no_class(root, inner))
        else:
            skipped.append(_no_class(root, folder))


def _no_class(root: Path, folder: Path) -> Skipped:
    return Skipped(folder.relative_to(root).as_posix() + "/", "The folder is not named after a class.")


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if not path.name.startswith(".") and path.name.lower() not in IGNORED)


def _rows(root: Path, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(read_bytes(root, name).decode("utf-8-sig"), newline=""))
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise LayoutError(f"{root / name} lacks the column {', '.join(missing)}; it needs {', '.join(columns)}.")
    return list(reader)


def _inside(root: Path, path: str) -> bool:
    return (root / path).resolve().is_relative_to(root.resolve())
