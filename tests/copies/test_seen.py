"""What a model has seen: kept without the pictures, and found again in copies."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from drawn import draw_head
from numpy.typing import NDArray
from PIL import Image

from triage.copies.seen import SEEN, SIDE, Pictures, Seen, Use, digest_of, read_seen
from triage.errors import ModelError
from triage.scans.formats.raster import decode
from triage.training.layouts import Item, load_picture, read_dataset

MORE = Path(os.environ.get("TRIAGE_MORE", "../shared/more"))
#: Pictures that are altered and of strangers that are compared in the test on real data.
COUNT = int(os.environ.get("TRIAGE_COPIES_COUNT", "100"))
#: Sources of which every patient is known by name, and none under two names.
SOURCES = ("lgg", "oasis", "rsna", "brats21", "nichart")
#: How much is cut off each side at most: shares of the picture.
CROPS = (0.03, 0.06)
Pixels = NDArray[np.generic]


def drawn(*seeds: int) -> Pictures:
    return Pictures.of([np.asarray(draw_head(seed)) for seed in seeds])


def seen() -> Seen:
    return Seen.of(drawn(0, 1, 2, 3), np.array([True, True, False, False]))


def altered(pixels: Pixels, most: float, rng: np.random.Generator) -> Pixels:
    """Crop, brighten, resize and compress a picture, as somebody does who makes a slide of it."""
    height, width = pixels.shape
    left, top, right, foot = (rng.uniform(0, most, 4) * (width, height, width, height)).astype(int)
    shown = pixels[top : height - foot, left : width - right].astype(np.float64)
    shown = (shown - shown.min()) / max(shown.max() - shown.min(), 1)
    bright = np.clip(shown ** rng.uniform(0.85, 1.2) * rng.uniform(0.85, 1.15) + rng.uniform(-0.04, 0.06), 0, 1)
    image = Image.fromarray((bright * 255).astype(np.uint8))
    side = int(rng.integers(180, 512))
    file = io.BytesIO()
    image.resize((side, side * image.height // image.width)).save(file, "JPEG", quality=int(rng.integers(60, 95)))
    return decode(file.getvalue()).pixels


def test_copies_are_told_by_what_the_model_used_them_for() -> None:
    rng = np.random.default_rng(0)
    asked = [altered(np.asarray(draw_head(seed)), 0.03, rng) for seed in (1, 3, 9)]
    assert seen().uses_of(Pictures.of(asked)) == [Use.TRAINED, Use.TESTED, None]


def test_trained_on_counts_before_tested_on() -> None:
    both = Seen.of(drawn(0, 0), np.array([False, True]))
    assert both.uses_of(drawn(0)) == [Use.TRAINED]


def test_the_same_pixels_are_found_even_without_a_head() -> None:
    blank = [np.full((40, 40), 7, np.uint8), np.full((40, 40), 8, np.uint8)]
    known = Seen.of(Pictures.of(blank[:1]), np.array([False]))
    assert known.uses_of(Pictures.of(blank)) == [Use.TESTED, None]
    assert digest_of(blank[0]) != digest_of(blank[0].reshape(20, 80))


def test_it_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    seen().save(tmp_path / SEEN)
    assert read_seen(tmp_path, ()) is None
    found = read_seen(tmp_path, {SEEN})
    assert found is not None
    assert found.uses_of(drawn(0, 2, 9)) == [Use.TRAINED, Use.TESTED, None]
    with np.load(tmp_path / SEEN) as arrays:
        assert arrays["frames"].shape == (4, SIDE, SIDE)
        assert arrays["frames"].max() < 32, "the lowest bits are not kept"


@pytest.mark.parametrize("damage", ["cut", "emptied", "another"])
def test_a_damaged_file_names_the_remedy(tmp_path: Path, damage: str) -> None:
    path = tmp_path / SEEN
    seen().save(path)
    if damage == "another":
        np.savez(path, frames=np.zeros((1, SIDE, SIDE), np.uint8))
    else:
        path.write_bytes(path.read_bytes()[: 200 if damage == "cut" else 0])
    with pytest.raises(ModelError, match="triage remember"):
        read_seen(tmp_path, {SEEN})


@pytest.mark.data
@pytest.mark.skipif(not MORE.is_dir(), reason="the further training data is not there (TRIAGE_MORE)")
def test_real_copies_are_found_and_other_patients_are_not() -> None:
    """Half of the patients were seen. TRIAGE_COPIES_COUNT sets how many pictures are looked for."""
    rng = np.random.default_rng(0)
    items = [item for item in read_dataset(MORE, verify=False).items if item.source in SOURCES and item.patient]
    patients = sorted({f"{item.source}/{item.patient}" for item in items})
    known_patients = set(rng.permutation(patients)[: len(patients) // 2])
    known = [item for item in items if f"{item.source}/{item.patient}" in known_patients]
    strangers = [item for item in items if f"{item.source}/{item.patient}" not in known_patients]
    known = [known[at] for at in rng.permutation(len(known))[: 6 * COUNT]]
    strangers = [strangers[at] for at in rng.permutation(len(strangers))[: 3 * COUNT]]
    model = Seen.of(Pictures.of([pixels_of(item) for item in known]), np.ones(len(known), np.bool_))
    wrong = sum(use is not None for use in model.uses_of(Pictures.of([pixels_of(item) for item in strangers])))
    print(f"{wrong} of {len(strangers)} pictures of other patients taken for one of {len(known)}")
    assert wrong <= 0.02 * len(strangers)
    for most, least in zip(CROPS, (0.9, 0.85), strict=True):
        copies = Pictures.of([altered(pixels_of(item), most, rng) for item in known[:COUNT]])
        found = sum(use is not None for use in model.uses_of(copies))
        precision = found / max(found + wrong * COUNT / len(strangers), 1)
        print(f"up to {most:.0%} off each side: recall {found / COUNT:.3f}, precision {precision:.3f}")
        assert found >= least * COUNT


def pixels_of(item: Item) -> Pixels:
    return load_picture(MORE, item)
