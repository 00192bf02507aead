from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from triage.domain import Slice
from triage.phantoms import Phantom
from triage.scans.gate import not_analysable
from triage.scans.raster import decode


def test_phantoms_pass(slices: list[Phantom]) -> None:
    assert [not_analysable(decode(phantom.png)) for phantom in slices] == [None] * len(slices)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((200, 200), np.uint8), "Blank"),
        (np.full((200, 200), 77, np.uint8), "Blank"),
        (np.tile(np.array([0, 255], np.uint8), (200, 100)), "too few gray levels"),
        (np.random.default_rng(0).integers(0, 255, (40, 200)).astype(np.uint8), "Too small"),
        (np.random.default_rng(0).integers(0, 255, (64, 400)).astype(np.uint8), "strip"),
        (np.zeros((200, 200), np.uint16), "Blank"),
    ],
)
def test_what_cannot_be_judged_is_said(pixels: np.ndarray, reason: str) -> None:
    assert reason in (not_analysable(Slice(pixels)) or "")


def test_a_photograph_is_not_a_slice() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
    assert "colour" in (not_analysable(Slice(pixels, colourfulness=0.2)) or "")


@pytest.mark.data
def test_under_one_percent_of_real_slices_is_refused(data_folder: Path) -> None:
    with (data_folder / "manifest.csv").open() as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    sample = random.Random(0).sample(paths, 400)
    refused = [path for path in sample if not_analysable(decode((data_folder / path).read_bytes()))]
    assert len(refused) < 4, refused
