"""Copies among many pictures."""

from __future__ import annotations

import io
import os
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from drawn import draw_head
from numpy.typing import NDArray
from PIL import Image

from triage.copies.descriptors import FRAME, Heads, gather, head_of
from triage.scans.formats.raster import decode
from triage.training.audit.matching import clusters, find_copies

DATA = Path(os.environ.get("TRIAGE_DATA", "../shared/data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the training data is not there (TRIAGE_DATA)")


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
def test_finds_real_crops_and_mirrors() -> None:
    rng = np.random.default_rng(0)
    paths = sorted(DATA.glob("*/*/*.jpg"))
    originals = [decode(paths[number].read_bytes()).pixels for number in rng.choice(len(paths), 1500, replace=False)]
    for most in (0.05, 0.12):
        cropped = [_crop(pixels, rng.uniform(0, most, 4), mirrored=rng.random() < 0.5) for pixels in originals[:300]]
        pairs = find_copies(gather([head_of(pixels) for pixels in (*cropped, *originals)]), first=300)
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


@pytest.mark.slow
def test_memory_grows_with_the_number_of_pictures_only() -> None:
    """Frames alike at about 0.9, so that many are aligned; TRIAGE_AUDIT_COUNT sets their number."""
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
    tracemalloc.start()
    pairs = find_copies(heads)
    peak = tracemalloc.get_traced_memory()[1] / 2**30
    tracemalloc.stop()
    took, busy = time.perf_counter() - start, time.process_time() - busy
    print(f"{count} frames: {took:.0f} s ({1000 * busy / count:.1f} ms of CPU each), peak {peak:.2f} GB")
    planted = {(first, first + count // 2) for first in copies.tolist()}
    found = len(planted & set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)))
    print(f"{found} of {len(planted)} planted copies found")
    # The index is approximate: of 100,000 frames it finds 977 of 1,000 copies.
    assert found >= (0.99 if count <= 20_000 else 0.97) * len(planted)
    assert peak < 0.1 + 2e-5 * count
