"""The audit of a data set from the folder to the findings."""

from __future__ import annotations

import csv
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from drawn import draw_head, head, save_picture
from helpers import encode
from PIL import Image

from triage.training.audit import audit
from triage.training.layouts import LayoutError

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


def test_finds_mirrors_crops_and_sizes_and_nothing_else(folder: Path) -> None:
    found = audit(folder).as_json()
    assert {(pair["a"], pair["b"]) for pair in found["pairs"]} == {
        ("Testing/glioma/mirror.jpg", "Training/glioma/0.jpg"),
        ("Training/glioma/2.jpg", "Training/glioma/crop.png"),
        ("Training/glioma/4.jpg", "Training/no_tumor/relabelled.jpg"),
        ("Testing/glioma/5.jpg", "Testing/glioma/same.png"),
    }
    assert (found["images"], found["clusters"]) == (16, 12)


def test_against_a_plain_folder_of_pictures(folder: Path, tmp_path: Path) -> None:
    exam = tmp_path / "exam"
    save_picture(draw_head(7).crop((8, 8, 248, 248)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), exam / "anything.jpg")
    save_picture(draw_head(99), exam / "new.jpg")
    (exam / "notes.txt").write_text("not a picture")
    found = audit(folder, against=exam)
    assert [(match.item.name, match.match.name) for match in found.against] == [
        ("Testing/no_tumor/7.jpg", "anything.jpg")
    ]
    assert found.other is not None
    assert [entry.path for entry in found.other.skipped] == ["notes.txt"]


def test_lists_what_cannot_be_opened(folder: Path) -> None:
    (folder / "Training" / "glioma" / "cut.jpg").write_bytes((folder / "Training/glioma/0.jpg").read_bytes()[:900])
    found = audit(folder)
    assert [entry.path for entry in found.dataset.skipped] == ["Training/glioma/cut.jpg"]
    assert found.as_json()["images"] == 16
    assert [entry["path"] for entry in found.as_json()["skipped"]] == ["Training/glioma/cut.jpg"]


def test_a_folder_of_damaged_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "a.jpg").write_bytes(b"\xff\xd8\xffnothing")
    with pytest.raises(LayoutError, match=r"No picture of .* can be read"):
        audit(tmp_path)


def test_suspects_are_named(folder: Path) -> None:
    colour = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8))
    save_picture(colour, folder / "Training" / "glioma" / "photo.png")
    assert [entry.path for entry in audit(folder).suspects] == ["Training/glioma/photo.png"]


def test_slices_of_one_scan_are_no_copies_of_each_other(tmp_path: Path) -> None:
    pixels = head("glioma", 1)
    slices = ["study,series,slice,file,label,lesion,note,plane,sequence"]
    for study, series in (("s1", 1), ("s1", 1), ("s2", 1)):
        name = f"slices/{study}/{series}-{len(slices)}.png"
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encode(pixels))
        slices.append(f"{study},{series},{len(slices)},{name},notumor,0,,,")
    (tmp_path / "slices.csv").write_text("\n".join(slices))
    (tmp_path / "readings.csv").write_text("study,patient,current,label\ns1,s1,1,notumor\ns2,s2,1,notumor\n")
    assert [(pair.first.patient, pair.second.patient) for pair in audit(tmp_path).pairs] == [("s1", "s2")] * 2


@pytest.mark.data
@pytest.mark.slow
@needs_data
def test_finds_the_copies_that_the_data_readme_reports(tmp_path: Path) -> None:
    """Of every third cluster; all of them take minutes."""
    folder = tmp_path / "data"
    folder.mkdir()
    with (DATA / "manifest.csv").open(newline="") as whole, (folder / "manifest.csv").open("w", newline="") as part:
        rows = csv.DictReader(whole)
        third = csv.DictWriter(part, rows.fieldnames or ())
        third.writeheader()
        for row in rows:
            if int(row["cluster"]) % 3 == 0:
                third.writerow(row)
                (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(DATA / row["path"], folder / row["path"])
    start, busy = time.perf_counter(), time.process_time()
    found = audit(folder)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    items = found.dataset.items
    reference = _pairs_in({item.name: item.cluster for item in items})
    direct = {frozenset((pair.first.name, pair.second.name)) for pair in found.pairs}
    chained = _pairs_in(found.cluster_of)
    scanners = {pair for pair in direct if any(name.startswith("figshare") for name in pair)}
    for name, pairs in (("pairs", direct), ("clusters", chained), ("pairs with a figshare slice", scanners)):
        relevant = {pair for pair in reference if pairs is not scanners or any(n.startswith("figshare") for n in pair)}
        hits = len(pairs & relevant)
        print(f"{name}: {len(pairs)}, recall {hits / len(relevant):.4f}, precision {hits / len(pairs):.4f}")
    each = f"{1000 * took / len(items):.1f} ms per picture ({1000 * busy / len(items):.1f} of CPU)"
    print(f"{found.clusters} clusters of {len(items)} pictures, {each}")
    assert len(direct & reference) > 0.98 * len(reference)
    assert len(chained & reference) > 0.99 * len(reference)
    assert 0.92 < found.clusters / len({item.cluster for item in items}) < 1.03


def _pairs_in(cluster_of: dict[str, int | None]) -> set[frozenset[str]]:
    members: dict[int | None, list[str]] = {}
    for name, cluster in cluster_of.items():
        members.setdefault(cluster, []).append(name)
    return {
        frozenset((first, second))
        for names in members.values()
        for number, first in enumerate(names)
        for second in names[number + 1 :]
    }
