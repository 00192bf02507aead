"""The figshare set (1512427), as pictures with ``borders.json`` or as the original ``.mat`` files."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.errors import RefusedError
from triage.training.layouts.items import Dataset, Item, LayoutError, Skipped
from triage.training.layouts.loading import DAMAGED, read_mat

#: Values of ``cjdata.label``, from the README of the set.
MAT_LABELS = {1: Finding.MENINGIOMA.value, 2: Finding.GLIOMA.value, 3: Finding.PITUITARY.value}
#: First number and class of each run of files: ``<n>.jpg`` has the class of ``<n>.mat``, and the classes form runs.
RUNS = (
    (1, Finding.MENINGIOMA),
    (59, Finding.PITUITARY),
    (60, Finding.MENINGIOMA),
    (209, Finding.GLIOMA),
    (211, Finding.MENINGIOMA),
    (709, Finding.PITUITARY),
    (715, Finding.GLIOMA),
    (918, Finding.PITUITARY),
    (1841, Finding.GLIOMA),
    (3030, Finding.MENINGIOMA),
    (3031, Finding.GLIOMA),
    (3063, Finding.MENINGIOMA),
)
#: Number of the last file.
LAST = 3064
SOURCE = "figshare"


def read_pictures(root: Path) -> Dataset:
    """Read ``images/<n>.jpg`` with the outlines of ``borders.json``."""
    outlines = read_borders(root)
    items, skipped = [], []
    for path in sorted((root / "images").iterdir(), key=lambda path: (len(path.name), path.name)):
        name = path.relative_to(root).as_posix()
        number = int(path.stem) if path.stem.isdigit() else 0
        if 1 <= number <= LAST:
            label = next(finding for first, finding in reversed(RUNS) if number >= first)
            items.append(Item(name, SOURCE, label.value, outline=outlines.get(name)))
        else:
            skipped.append(Skipped(name, f"Not one of the pictures 1 to {LAST} of figshare 1512427."))
    return Dataset(root, "figshare pictures", tuple(items), tuple(skipped))


def mat_files(root: Path) -> list[Path]:
    """Return the ``.mat`` files by number, from the folder or from the four folders of the published set."""
    paths = [path for path in (*root.glob("*.mat"), *root.glob("*/*.mat")) if path.stem.isdigit()]
    return sorted(paths, key=lambda path: int(path.stem))


def read_mat_files(root: Path) -> Dataset:
    """Read the original files, each with its patient, outline and mask."""
    items, skipped = [], []
    for path in mat_files(root):
        name = path.relative_to(root).as_posix()
        try:
            items.append(_read_mat_item(path, name))
        except RefusedError as error:
            skipped.append(Skipped(name, str(error)))
    return Dataset(root, "figshare .mat", tuple(items), tuple(skipped))


def read_borders(root: Path, prefix: str = "") -> dict[str, NDArray[np.float32]]:
    """Return the outlines of ``borders.json`` by path below ``prefix``; none without that file."""
    path = root / "borders.json"
    if not path.is_file():
        return {}
    try:
        borders = json.loads(path.read_text())
        return {f"{prefix}images/{number}.jpg": np.array(points, np.float32) for number, points in borders.items()}
    except (ValueError, AttributeError) as error:
        raise LayoutError(f"{path} is not a table of outlines: {{number: [[x, y], ...]}}. Copy it again.") from error


def _read_mat_item(path: Path, name: str) -> Item:
    try:
        with h5py.File(path) as file:
            data = file["cjdata"]
            label = MAT_LABELS[int(np.asarray(data["label"]).item())]
            patient = "".join(chr(code) for code in np.asarray(data["PID"]).ravel())
            border = np.asarray(data["tumorBorder"], np.float32).reshape(-1, 2)
    except DAMAGED as error:
        raise RefusedError("The .mat file is damaged or not of figshare 1512427. Download it again.") from error
    outline = _as_x_y(border, read_mat(path, "tumorMask") > 0)
    return Item(name, SOURCE, label, patient=patient, outline=outline, mask=name)


def _as_x_y(border: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the outline as x, y of the upright picture.

    The README of the set calls the coordinates "x1, y1, x2, y2" without defining the direction of x, and programs that
    read it disagree. The mask is an image, so it decides.
    """
    if not mask.any():
        return border
    rows, columns = np.nonzero(mask)
    centre = np.array([columns.mean(), rows.mean()])
    middle = (border.min(axis=0) + border.max(axis=0)) / 2
    swapped = np.abs(middle[::-1] - centre).sum() < np.abs(middle - centre).sum()
    return np.ascontiguousarray(border[:, ::-1]) if swapped else border
