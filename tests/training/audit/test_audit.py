"""The audit: copies, contradictions, leaks and strangers, in drawn pictures and in the real ones."""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from rich.console import Console

from triage.domain import Slice
from triage.scans.formats.raster import decode
from triage.training.audit import audit, contact_sheet, tables
from triage.training.audit.descriptors import FRAME, Heads, gather, head_of
from triage.training.audit.matching import clusters, find_copies
from triage.training.audit.suspects import suspicion
from triage.training.layouts import LayoutError

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


def draw_head(seed: int, size: int = 256) -> Image.Image:
    """A head of ellipses on black, different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    half_width, half_height = size * rng.uniform(0.28, 0.36), size * rng.uniform(0.36, 0.42)
    for shrink, gray in ((1.0, 200), (0.92, 40), (0.88, 110)):
        draw.ellipse(_box(size / 2, size / 2, half_width * shrink, half_height * shrink), fill=gray)
    for _ in range(25):
        x, y = size / 2 + rng.normal(0, half_width / 3), size / 2 + rng.normal(0, half_height / 3)
        draw.ellipse(_box(x, y, *rng.uniform(4, 20, 2) * size / 256), fill=int(rng.integers(30, 255)))
    return image.filter(ImageFilter.GaussianBlur(1.5))


def _box(x: float, y: float, half_width: float, half_height: float) -> tuple[float, float, float, float]:
    return x - half_width, y - half_height, x + half_width, y + half_height


def save(image: Image.Image, path: Path, quality: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=quality)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve different heads in two splits, and four copies of them."""
    root = tmp_path / "set"
    for seed in range(12):
        split, label = ("Training", "Testing")[seed % 2], ("glioma", "no_tumor")[seed // 6]
        save(draw_head(seed), root / split / label / f"{seed}.jpg")
    mirrored = draw_head(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    save(mirrored, root / "Testing" / "glioma" / "mirror.jpg", quality=60)
    save(draw_head(2).crop((14, 10, 250, 240)), root / "Training" / "glioma" / "crop.png")
    save(draw_head(4).resize((150, 150)), root / "Training" / "no_tumor" / "relabelled.jpg")
    save(draw_head(5), root / "Testing" / "glioma" / "same.png")
    return root


def test_finds_mirrors_crops_and_sizes_and_nothing_else(folder: Path) -> None:
    found = audit(folder).as_json()
    assert {(pair["a"], pair["b"]) for pair in found["pairs"]} == {
        ("Testing/glioma/mirror.jpg", "Training/glioma/0.jpg"),
        ("Training/glioma/2.jpg", "Training/glioma/crop.png"),
        ("Training/glioma/4.jpg", "Training/no_tumor/relabelled.jpg"),
        ("Testing/glioma/5.jpg", "Testing/glioma/same.png"),
    }
    assert (found["images"], found["clusters"]) == (16, 12)


def test_json_has_what_was_promised(folder: Path) -> None:
    found = json.loads(json.dumps(audit(folder, against=folder).as_json()))
    assert set(found) == {"images", "clusters", "pairs", "against", "skipped"}
    assert {frozenset(pair) for pair in found["pairs"]} == {frozenset({"a", "b", "similarity", "same_label"})}
    assert {frozenset(match) for match in found["against"]} == {frozenset({"path", "match", "similarity"})}


def test_names_contradictions_and_leaks(folder: Path) -> None:
    found = audit(folder)
    assert [pair.second.name for pair in found.conflicts] == ["Training/no_tumor/relabelled.jpg"]
    assert [pair.first.name for pair in found.leaks] == ["Testing/glioma/mirror.jpg"]
    assert [pair.same_label for pair in found.pairs].count(False) == 1


def test_an_untyped_tumour_does_not_contradict_a_glioma(tmp_path: Path) -> None:
    for path in ("glioma/a.png", "tumor/b.png", "no_tumor/c.png"):
        save(draw_head(1), tmp_path / path)
    found = audit(tmp_path)
    assert {(pair.first.label, pair.second.label) for pair in found.conflicts} == {
        ("glioma", "notumor"),
        ("notumor", "tumor"),
    }
    assert not any(pair.same_label for pair in found.pairs)


def test_against_a_plain_folder_of_pictures(folder: Path, tmp_path: Path) -> None:
    exam = tmp_path / "exam"
    save(draw_head(7).crop((8, 8, 248, 248)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), exam / "anything.jpg")
    save(draw_head(99), exam / "new.jpg")
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


def test_patients_in_two_splits(tmp_path: Path) -> None:
    rows = ["path,dataset,label,cluster,fold"]
    for seed, fold in enumerate(("0", "1", "guard")):
        save(draw_head(0), tmp_path / f"{seed}.png")
        rows.append(f"{seed}.png,drawn,glioma,{seed},{fold}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    found = audit(tmp_path)
    assert [(pair.first.name, pair.second.name) for pair in found.leaks] == [("0.png", "1.png")]
    assert len(found.pairs) == 3


def test_suspects_are_named(folder: Path) -> None:
    colour = Image.fromarray(np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8))
    save(colour, folder / "Training" / "glioma" / "photo.png")
    assert [entry.path for entry in audit(folder).suspects] == ["Training/glioma/photo.png"]


def test_a_closed_ring_of_bone_is_suspect() -> None:
    image = Image.new("L", (256, 256))
    draw = ImageDraw.Draw(image)
    draw.ellipse((30, 20, 226, 236), fill=255)
    draw.ellipse((46, 36, 210, 220), fill=90)
    noise = np.random.default_rng(0).normal(0, 4, (256, 256))
    pixels = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    assert "CT" in (suspicion(Slice(pixels), head_of(pixels).pixels[0]) or "")


def test_report_renders(folder: Path, tmp_path: Path) -> None:
    found = audit(folder, against=folder)
    console = Console(record=True, width=160, file=(tmp_path / "out.txt").open("w"))
    with console.file:
        console.print(tables(found))
    assert "copies with contradicting labels" in console.export_text()
    contact_sheet(found, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 3 * 332


def test_blank_pictures_are_nobodys_copies() -> None:
    blank = head_of(np.zeros((64, 64), np.uint8))
    assert len(find_copies(gather([blank, blank])).first) == 0
    assert len(find_copies(gather([])).first) == 0


def test_chains_make_one_cluster() -> None:
    heads = gather([head_of(np.asarray(draw_head(seed))) for seed in (1, 1, 1, 2)])
    pairs = find_copies(heads)
    assert len(pairs.first) == 3
    assert Counter(clusters(4, pairs).tolist()) == {0: 3, 1: 1}


@pytest.mark.data
@pytest.mark.slow
@needs_data
def test_finds_the_copies_that_the_data_readme_reports() -> None:
    start, busy = time.perf_counter(), time.process_time()
    found = audit(DATA)
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
    assert 3800 < found.clusters < 4300


@pytest.mark.data
@pytest.mark.slow
@needs_data
def test_finds_real_crops_and_mirrors() -> None:
    rng = np.random.default_rng(0)
    paths = sorted(DATA.glob("*/*/*.jpg"))
    originals = [decode(paths[number].read_bytes()).pixels for number in rng.choice(len(paths), 1500, replace=False)]
    for most in (0.05, 0.12):
        cropped = [_crop(pixels, rng.uniform(0, most, 4), mirrored=rng.random() < 0.5) for pixels in originals[:300]]
        pairs = find_copies(gather([head_of(pixels) for pixels in (*cropped, *originals)]), judged=300)
        found = {first for first, second in zip(pairs.first, pairs.second, strict=True) if second == first + 300}
        print(f"up to {most:.0%} off each side: {len(found) / 300:.3f} of the crops found")
        assert len(found) > {0.05: 0.93, 0.12: 0.75}[most] * 300


def _crop(pixels: NDArray[np.generic], shares: NDArray[np.float64], mirrored: bool) -> NDArray[np.generic]:
    height, width = pixels.shape
    left, top, right, foot = (shares * (width, height, width, height)).astype(int)
    part = Image.fromarray(pixels[top : height - foot, left : width - right][:, :: -1 if mirrored else 1])
    file = io.BytesIO()
    part.resize((180, 180 * part.height // part.width)).save(file, "JPEG", quality=60)
    return decode(file.getvalue()).pixels


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


@pytest.mark.slow
def test_memory_grows_with_the_number_of_pictures_only() -> None:
    """Frames alike at about 0.9, so that many are aligned; TRIAGE_AUDIT_COUNT sets their number."""
    resource = pytest.importorskip("resource")
    count = int(os.environ.get("TRIAGE_AUDIT_COUNT", "2000"))
    rng = np.random.default_rng(0)
    common = 38 + 0.7 * rng.integers(0, 255, (9, 9))
    pixels = np.empty((count, FRAME, FRAME), np.uint8)
    for number in range(count):
        coarse = Image.fromarray(np.clip(common + rng.normal(0, 17, (9, 9)), 0, 255).astype(np.uint8))
        pixels[number] = np.asarray(coarse.resize((FRAME, FRAME), Image.Resampling.BICUBIC))
    copies = rng.choice(count // 2, count // 100, replace=False)
    pixels[count // 2 + copies] = pixels[copies, :, ::-1]
    heads = Heads(pixels, np.tile(np.array([0, 0, 1, 1], np.float32), (count, 1)))
    start, busy = time.perf_counter(), time.process_time()
    pairs = find_copies(heads)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{count} frames: {took:.0f} s ({1000 * busy / count:.1f} ms of CPU each), peak {peak:.2f} GB")
    planted = {(first, first + count // 2) for first in copies.tolist()}
    found = len(planted & set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)))
    print(f"{found} of {len(planted)} planted copies found")
    # The index is approximate: of 100,000 frames it finds 977 of 1,000 copies.
    assert found >= (0.99 if count <= 20_000 else 0.97) * len(planted)
    assert peak < 6
