"""A manifest: one row for each picture, with its source, label and fold, and with what else is known about it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from os.path import commonpath
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.training.layouts.figshare import read_borders
from triage.training.layouts.items import STRANGER, UNTYPED, Dataset, Item, LayoutError, Skipped
from triage.training.layouts.loading import read_bytes

FILE = "manifest.csv"
REQUIRED = ("path", "dataset", "label", "cluster", "fold")
SEQUENCES = ("t1", "t1c", "t2", "flair", "pd")
#: Boxes around tumours, in the folder of a source: ``{path: [[x, y, width, height], ...]}`` in shares of the picture,
#: x and y of the centre.
BOXES = "boxes.json"

Box = tuple[float, float, float, float]


def read_manifest(root: Path) -> Dataset:
    """Read ``manifest.csv`` with its guard rows, and the outlines and boxes of each source that it names.

    The columns ``patient``, ``sequence`` and ``mask`` are optional. Rows labelled ``stranger`` become
    `Dataset.strangers`.
    """
    items: list[Item] = []
    skipped: list[Skipped] = []
    outlines: dict[str, NDArray[np.float32]] = {}
    boxes: dict[str, Box] = {}
    folders: set[PurePosixPath] = set()
    for row in _rows(root):
        reason = _why_not(root, row)
        if reason:
            skipped.append(Skipped(row["path"], reason))
            continue
        source = PurePosixPath(row["path"]).parent
        if source not in folders:
            folders.add(source)
            boxes.update(_read_boxes(root, source.parent))
            if source.name == "images":
                outlines.update(read_borders(root / source.parent, prefix=source.as_posix().removesuffix("images")))
        items.append(
            Item(
                row["path"],
                row["dataset"],
                row["label"],
                patient=row.get("patient") or None,
                cluster=int(row["cluster"]) if row["cluster"].isdigit() else None,
                fold=row["fold"] or None,
                outline=outlines.get(row["path"]),
                mask=row.get("mask") or None,
                box=boxes.get(row["path"]),
                sequence=row["sequence"].lower() if row.get("sequence", "").lower() in SEQUENCES else None,
            )
        )
    return Dataset(
        root,
        "manifest",
        tuple(item for item in items if item.label != STRANGER),
        tuple(skipped),
        strangers=tuple(item for item in items if item.label == STRANGER),
    )


def joined(dataset: Dataset, more: Dataset) -> Dataset:
    """Return both data sets as one, whose root is the folder that holds both.

    Clusters are numbered anew, so that those of one data set are not those of the other. Copies of a picture must
    not be in both.
    """
    root = Path(commonpath([dataset.root.resolve(), more.root.resolve()]))
    first = max((item.cluster or 0 for item in dataset.items), default=0) + 1
    parts = (_moved(dataset, root), _moved(more, root, first))
    return Dataset(
        root,
        " and ".join(sorted({dataset.layout, more.layout})),
        parts[0].items + parts[1].items,
        parts[0].skipped + parts[1].skipped,
        parts[0].empty + parts[1].empty,
        parts[0].strangers + parts[1].strangers,
    )


def _moved(dataset: Dataset, root: Path, first_cluster: int = 0) -> Dataset:
    below = dataset.root.resolve().relative_to(root)

    def moved(item: Item) -> Item:
        return replace(
            item,
            path=(below / item.path).as_posix(),
            mask=item.mask and (below / item.mask).as_posix(),
            cluster=None if item.cluster is None else item.cluster + first_cluster,
        )

    return replace(
        dataset,
        items=tuple(map(moved, dataset.items)),
        strangers=tuple(map(moved, dataset.strangers)),
        skipped=tuple(replace(entry, path=(below / entry.path).as_posix()) for entry in dataset.skipped),
        empty=tuple((below / folder).as_posix() for folder in dataset.empty),
    )


def _why_not(root: Path, row: dict[str, str]) -> str | None:
    if not _is_file(root, row["path"]):
        return f"Named in {FILE}, not in the folder."
    labels = (*Finding, UNTYPED, STRANGER)
    if row["label"] not in labels:
        return f"The label {row['label']!r} is not a class. Use one of {', '.join(labels)}."
    if row.get("mask") and not _is_file(root, row["mask"]):
        return f"Its mask {row['mask']} is not in the folder."
    return None


def _read_boxes(root: Path, folder: PurePosixPath) -> dict[str, Box]:
    """Return the largest box of each picture."""
    path = root / folder / BOXES
    if not path.is_file():
        return {}
    try:
        table = json.loads(path.read_text())
        return {
            name: max((_box(*each) for each in found), key=lambda box: box[2] * box[3]) for name, found in table.items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise LayoutError(
            f"{path} is not a table of boxes: {{path: [[x, y, width, height], ...]}}. Copy it again."
        ) from error


def _box(x: float, y: float, width: float, height: float) -> Box:
    return float(x), float(y), float(width), float(height)


def _rows(root: Path) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(read_bytes(root, FILE).decode("utf-8-sig"), newline=""))
    missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
    if missing:
        raise LayoutError(f"{root / FILE} lacks the column {', '.join(missing)}; it needs {', '.join(REQUIRED)}.")
    return list(reader)


def _is_file(root: Path, path: str) -> bool:
    return (root / path).resolve().is_relative_to(root.resolve()) and (root / path).is_file()
