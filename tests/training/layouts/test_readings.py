"""An export of readings as items of training."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from drawn import picture

from triage.learning.entries import READING_COLUMNS, SLICE_COLUMNS
from triage.training.layouts import LayoutError, load_picture, read_dataset

READINGS = (
    {"study": "s1", "patient": "s1", "current": "0", "label": "meningioma"},
    {"study": "s1", "patient": "s1", "current": "1", "label": "glioma"},
    {"study": "s2", "patient": "s1", "current": "1", "label": "notumor"},
    {"study": "s3", "patient": "s3", "current": "1", "label": "glioma"},
    {"study": "s4", "patient": "s4", "current": "1", "label": "notumor"},
)
SLICES = (
    {"study": "s1", "series": "1", "slice": "1", "note": "unknown"},
    {"study": "s1", "series": "1", "slice": "2", "label": "glioma", "lesion": "1"},
    {"study": "s1", "series": "1", "slice": "3", "note": "unknown"},
    {"study": "s2", "series": "2", "slice": "1", "label": "notumor", "lesion": "0"},
    {"study": "s4", "series": "1", "slice": "1", "label": "notumor", "lesion": "0"},
)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Four studies of three patients: one could not be decoded, the slice of another is missing."""
    root = tmp_path / "export"
    rows = [row | {"file": f"slices/{row['study']}/{row['series']}-{row['slice']}.png"} for row in SLICES]
    for seed, row in enumerate(rows[:-1]):
        picture(root / row["file"], seed=seed)
    picture(root / "slices" / "s1" / "stray.png")
    picture(root / "originals" / "s1" / "a.png")
    for name, columns, table in (("readings.csv", READING_COLUMNS, READINGS), ("slices.csv", SLICE_COLUMNS, rows)):
        with (root / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(table)
    return root


def test_slices_with_a_label_are_items_and_the_others_are_listed(export: Path) -> None:
    dataset = read_dataset(export)
    assert [(item.path, item.source, item.label, item.patient, item.scan) for item in dataset.items] == [
        ("slices/s1/1-2.png", "readings", "glioma", "s1", "s1/1"),
        ("slices/s2/2-1.png", "readings", "notumor", "s1", "s2/2"),
    ]
    assert {entry.path: entry.reason.partition(":")[0] for entry in dataset.skipped} == {
        "slices/s1/": "2 without a label",
        "slices/s3/": "No slice of this study is in slices.csv; README.txt of the export says why.",
        "slices/s4/1-1.png": "slices.csv names it, but it is missing. Export again.",
        "slices/s1/stray.png": "slices.csv does not name it.",
    }


def test_a_zip_is_read_without_unpacking(export: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(export.rglob("*.*")):
            archive.write(file, file.relative_to(export))
    dataset = read_dataset(path)
    assert (dataset.items, dataset.skipped) == (read_dataset(export).items, read_dataset(export).skipped)
    assert load_picture(path, dataset.items[0]).shape == (48, 64)


def test_a_damaged_slice_is_no_empty_class(export: Path) -> None:
    path = export / "slices" / "s2" / "2-1.png"
    path.write_bytes(path.read_bytes()[:60])
    dataset = read_dataset(export)
    assert [item.path for item in dataset.items] == ["slices/s1/1-2.png"]
    assert dataset.empty == ()
    assert "slices/s2/2-1.png" in {entry.path for entry in dataset.skipped}


def test_a_path_out_of_the_export_is_not_read(export: Path) -> None:
    picture(export.parent / "outside.png")
    table = (export / "slices.csv").read_text()
    (export / "slices.csv").write_text(table.replace("slices/s1/1-2.png", "slices/../../outside.png"))
    with pytest.raises(LayoutError, match=r"slices/../../outside.png is no file in slices/.*Export again"):
        read_dataset(export)


def test_a_table_without_its_columns_is_an_error(export: Path) -> None:
    (export / "readings.csv").write_text("study,label\n")
    with pytest.raises(LayoutError, match=r"readings\.csv .* lacks the column patient, current"):
        read_dataset(export)


def test_the_zip_of_an_earlier_version_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readings.csv", "study,file,original,final\n")
    with pytest.raises(LayoutError, match="Export the readings again"):
        read_dataset(path)
