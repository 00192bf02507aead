"""Class folders, with or without splits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from triage.training.layouts.items import PUBLISHED, Dataset, Item, Skipped, label_of

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
