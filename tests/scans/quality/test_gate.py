from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from triage.domain import Slice
from triage.phantoms import Phantom
from triage.scans.formats import nifti, raster
from triage.scans.formats.raster import decode
from triage.scans.quality.gate import not_analysable, unlike_a_head


def test_phantoms_pass(slices: list[Phantom]) -> None:
    assert [doubt(decode(phantom.png)) for phantom in slices] == [""] * len(slices)


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


@pytest.fixture
def head(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def refusal(pixels: np.ndarray) -> str:
    return doubt(Slice(np.clip(pixels, 0, 255).astype(np.uint8)))


def doubt(picture: Slice) -> str:
    return not_analysable(picture) or unlike_a_head(picture) or ""


def test_a_white_background_is_named_unless_it_is_known_to_be_air(head: np.ndarray) -> None:
    assert refusal(255 - head.astype(int)) == ""
    drawn = np.full((200, 200), 255)
    drawn[60:140, 90:110] = np.arange(20) * 9
    assert refusal(drawn).startswith("White background")


@pytest.mark.parametrize(("down", "across"), [(1, 2), (2, 2), (2, 3), (3, 5), (4, 5)])
def test_several_slices_in_one_picture_are_named(head: np.ndarray, down: int, across: int) -> None:
    assert refusal(np.tile(np.pad(head, 6), (down, across))).startswith("Several slices in one picture. Crop it to one")


@pytest.mark.parametrize("size", [1, 2])
def test_noise_in_the_air_is_told_from_noise(head: np.ndarray, size: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, [-(-side // size) for side in head.shape])
    noise = noise.repeat(size, 0).repeat(size, 1)[: head.shape[0], : head.shape[1]]
    rows, columns = np.indices(head.shape) / np.array(head.shape)[:, None, None]
    inside = np.hypot(rows - 0.5, columns - 0.5) < 0.4
    assert "Send the denoised series" in refusal(np.where(inside, head, noise))
    if size == 1:
        assert refusal(noise).startswith("Noise: neighbouring pixels")


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_head_may_lie_off_to_one_side(head: np.ndarray, side: str) -> None:
    more = (0, head.shape[1]) if side == "left" else (head.shape[1], 0)
    assert refusal(np.pad(head, ((20, 20), more))) == ""


def test_half_a_head_at_one_side_is_none(head: np.ndarray) -> None:
    half = head[:, head.shape[1] // 2 :]
    assert "off to one side" in refusal(np.pad(half, ((20, 20), (0, head.shape[1]))))


def test_text_beside_a_head_is_ignored(head: np.ndarray) -> None:
    canvas = Image.fromarray(np.pad(head, 30))
    for place in ((2, 2), (canvas.width - 70, 2), (2, canvas.height - 14)):
        ImageDraw.Draw(canvas).text(place, "R  12:30:59", fill=255)
    assert refusal(np.asarray(canvas)) == ""


#: CT of the head that stands among the pictures without tumour of the training data; each was looked at.
CT = {
    "br35h/no/3854.jpg",
    "br35h/no/3856.jpg",
    "br35h/no/3858.jpg",
    "br35h/no/3872.jpg",
    "br35h/no/3874.jpg",
    "br35h/no/3929.jpg",
    "br35h/no/3981.jpg",
    "br35h/no/4000.jpg",
    "br35h/no/4012.jpg",
    "br35h/no/4056.jpg",
    "br35h/no/4064.jpg",
    "navoneel/no/N1.jpg",
    "sartaj/Training/no_tumor/image (42).jpg",
    "sartaj/Training/no_tumor/image (54).jpg",
    "sartaj/Training/no_tumor/image (55).jpg",
    "sartaj/Training/no_tumor/image (56).jpg",
    "sartaj/Training/no_tumor/image (57).jpg",
    "sartaj/Training/no_tumor/image(11).jpg",
    "sartaj/Training/no_tumor/image(13).jpg",
    "sartaj/Training/no_tumor/image(18).jpg",
    "sartaj/Training/no_tumor/image(19).jpg",
    "sartaj/Training/no_tumor/image(20).jpg",
    "sartaj/Training/no_tumor/image(24).jpg",
    "sartaj/Training/no_tumor/image(248).jpg",
    "sartaj/Training/no_tumor/image(28).jpg",
    "sartaj/Training/no_tumor/image(30).jpg",
    "sartaj/Training/no_tumor/image(31).jpg",
    "sartaj/Training/no_tumor/image(32).jpg",
    "sartaj/Training/no_tumor/image(33).jpg",
    "sartaj/Training/no_tumor/image(34).jpg",
    "sartaj/Training/no_tumor/image(35).jpg",
    "sartaj/Training/no_tumor/image(37).jpg",
    "sartaj/Training/no_tumor/image(42).jpg",
    "sartaj/Training/no_tumor/image(58).jpg",
    "sartaj/Training/no_tumor/image(59).jpg",
    "sartaj/Training/no_tumor/image(67).jpg",
}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("source", ["br35h", "figshare", "navoneel", "sartaj"])
def test_under_one_percent_of_real_slices_is_refused(data_folder: Path, source: str) -> None:
    with (data_folder / "manifest.csv").open() as file:
        paths = sorted({row["path"] for row in csv.DictReader(file) if row["dataset"] == source} - CT)
    sample = random.Random(0).sample(paths, min(len(paths), 600))
    refused = [path for path in sample if doubt(raster.read(data_folder / path))]
    assert len(refused) < 0.01 * len(sample), refused


@pytest.mark.data
def test_under_one_percent_of_real_volumes_slices_is_refused(data_folder: Path) -> None:
    volumes = [nifti.decode(path)[0].slices for path in sorted((data_folder / "btp").glob("*/*_T1.nii.gz"))]
    brains = [one for slices in volumes for one in slices if (one.pixels > one.pixels.max() / 10).mean() > 0.05]
    refused = [one.frame for one in brains if doubt(one)]
    assert len(brains) > 100
    assert len(refused) < 0.01 * len(brains), refused


@pytest.mark.data
def test_ct_among_the_training_data_is_found(data_folder: Path) -> None:
    assert {doubt(raster.read(data_folder / path)) for path in CT} == {
        "Not MRI: bone is bright all around, as on CT. Send an MRI series"
    }
