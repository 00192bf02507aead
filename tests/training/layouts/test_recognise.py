"""Which layout a folder has, and what of it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from drawn import class_folders, picture

from triage.training.layouts import LayoutError, read_dataset

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


def test_damaged_files_are_skipped_and_listed(tmp_path: Path) -> None:
    good = picture(tmp_path / "yes" / "good.jpg").read_bytes()
    (tmp_path / "yes" / "cut.jpg").write_bytes(good[: len(good) // 2])
    (tmp_path / "yes" / "empty.png").write_bytes(b"")
    (tmp_path / "yes" / "notes.txt").write_text("hello")
    (tmp_path / "yes" / ".DS_Store").write_bytes(b"litter")
    dataset = read_dataset(tmp_path)
    assert [item.path for item in dataset.items] == ["yes/good.jpg"]
    assert {entry.path: entry.reason.split(".")[0] for entry in dataset.skipped} == {
        "yes/cut.jpg": "The JPEG is damaged or cut short",
        "yes/empty.png": "The file is empty (0 bytes)",
        "yes/notes.txt": "The content is none of DICOM, NIfTI, PNG, JPEG and ZIP, whatever its name",
    }


def test_every_damaged_file_among_thousands_is_listed(tmp_path: Path) -> None:
    class_folders(tmp_path, each=1, labels=("glioma", "notumor"))
    picture = (tmp_path / "glioma" / "0.png").read_bytes()
    damaged = {"cut.png": picture[:200], "empty.jpg": b"", "text.png": b"no picture"}
    for number in range(3000):
        (tmp_path / "notumor" / f"n{number}.png").write_bytes(picture)
    for name, content in damaged.items():
        (tmp_path / "notumor" / name).write_bytes(content)
    dataset = read_dataset(tmp_path)
    assert len(dataset.items) == 3002
    assert {entry.path for entry in dataset.skipped} == {f"notumor/{name}" for name in damaged}
    assert all(entry.reason.endswith(".") for entry in dataset.skipped)


def test_a_class_whose_files_are_all_damaged_is_empty(tmp_path: Path) -> None:
    picture(tmp_path / "yes" / "a.png")
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    assert read_dataset(tmp_path).empty == ("no",)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(LayoutError, match=r"holds no readable picture.*yes/a.jpg"):
        read_dataset(tmp_path)


def test_shows_the_known_layouts(tmp_path: Path) -> None:
    picture(tmp_path / "cats" / "a.png")
    with pytest.raises(LayoutError, match="none of the known layouts") as error:
        read_dataset(tmp_path)
    for layout in ("manifest.csv", "Training/glioma_tumor", "yes/", "borders.json", ".mat", "kaggle_3m", ".nii.gz"):
        assert layout in str(error.value)


def test_points_at_the_folder_inside(tmp_path: Path) -> None:
    picture(tmp_path / "archive" / "yes" / "a.png")
    with pytest.raises(LayoutError, match="archive has a known layout"):
        read_dataset(tmp_path)


def test_a_missing_folder_and_a_stray_file(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="does not exist"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(LayoutError, match="not the ZIP of an export"):
        read_dataset(picture(tmp_path / "a.png"))


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(
    ("folder", "counts"),
    [
        ("", {"glioma": 2252, "meningioma": 1528, "notumor": 1993, "pituitary": 1757, "tumor": 817}),
        ("figshare", {"glioma": 1426, "meningioma": 706, "pituitary": 930}),
        ("sartaj", {"glioma": 826, "meningioma": 822, "notumor": 395, "pituitary": 827}),
        ("br35h", {"notumor": 1500, "tumor": 678}),
        ("navoneel", {"notumor": 98, "tumor": 139}),
        ("btp", {"glioma": 47, "notumor": 73}),
    ],
)
def test_the_real_sets(folder: str, counts: dict[str, int]) -> None:
    dataset = read_dataset(DATA / folder, verify=False)
    assert dataset.counts == counts
    assert dataset.skipped == ()
