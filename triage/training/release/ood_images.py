"""Out-of-distribution images for the evaluation of the gate: everything but brain MRI.

All are drawn by code, except the photographs, which are part of scikit-learn and Matplotlib. Tested in
tests/faults/test_pipeline_faults.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_sample_images

Pixels = NDArray[np.uint8]
Field = NDArray[np.floating]
Rng = np.random.Generator
SIDE = 256


def ood_images(count: int) -> Iterator[tuple[str, Pixels]]:
    """Yield the kind and the pixels of `count` images, kinds in turn; uint8, ``(rows, columns)`` or RGB."""
    kinds = list(KINDS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield kind, KINDS[kind](np.random.default_rng([7, number]))


def _gray(picture: Field) -> Pixels:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _noise(rng: Rng, grain: float) -> Field:
    """Smooth noise of unit variance."""
    field: Field = gaussian_filter(rng.standard_normal((SIDE, SIDE)), grain)
    return np.asarray((field - field.mean()) / field.std())


def _disc(x: float, y: float, across: float, down: float, edge: float = 0.02) -> Field:
    """An ellipse with a soft edge; the unit is half a side of the picture."""
    columns, rows = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    return 0.5 - 0.5 * np.tanh((np.hypot((columns - x) / across, (rows - y) / down) - 1) * min(across, down) / edge)


def _blank(rng: Rng) -> Pixels:
    """An empty exposure: faint noise and a faint gradient on one gray value."""
    noise = rng.normal(0, rng.uniform(0.5, 1.5), (SIDE, SIDE))
    return _gray(rng.uniform(0, 250) + noise + np.linspace(0, rng.uniform(0, 2), SIDE))


def _constant(rng: Rng) -> Pixels:
    return np.full((SIDE, SIDE), rng.integers(256), np.uint8)


def _static(rng: Rng) -> Pixels:
    """Noise of four kinds: white, Rayleigh (as in an empty MRI slice), speckle, smooth."""
    how = rng.integers(4)
    if how == 0:
        return rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    if how == 1:
        return _gray(rng.rayleigh(rng.uniform(20, 60), (SIDE, SIDE)))
    if how == 2:
        return _gray(255 * (rng.random((SIDE, SIDE)) < rng.uniform(0.05, 0.5)) * rng.random((SIDE, SIDE)))
    return _gray(128 + 50 * _noise(rng, rng.uniform(0.5, 6)))


def _ct(rng: Rng) -> Pixels:
    """A head on CT in the brain window: gray scalp, a closed, thick, white skull, a homogeneous brain."""
    x, y = rng.uniform(-0.05, 0.05, 2)
    across, down, thick = rng.uniform(0.6, 0.75), rng.uniform(0.78, 0.9), rng.uniform(0.07, 0.12)
    skull = _disc(x, y, across, down, 0.008)
    brain = _disc(x, y, across - thick, down - thick, 0.008)
    inside = rng.uniform(80, 125) + 6 * _noise(rng, 4) + rng.normal(0, 8, (SIDE, SIDE))
    for side in (-1, 1):
        inside = inside - 55 * _disc(x + side * 0.1, y, 0.05, rng.uniform(0.15, 0.28))
    scalp = rng.uniform(0, 0.05)
    picture = 70 * _disc(x, y, across + scalp, down + scalp, 0.008)
    picture = picture + (255 - picture) * skull
    return _gray(picture + (inside - picture) * brain)


def _radiograph(rng: Rng) -> Pixels:
    """A frontal chest X-ray: dark lungs between ribs, a white heart and spine, no black background."""
    body = 190 * _disc(0, 0.25, 1.1, 1.25, 0.1)
    for side in (-1, 1):
        body = body - rng.uniform(110, 150) * _disc(side * 0.42, 0.0, 0.3, 0.62, 0.05)
    rows = np.linspace(-1, 1, SIDE)[:, None]
    columns = np.linspace(-1, 1, SIDE)[None, :]
    ribs = np.sin(22 * rows + 6 * columns**2 + rng.uniform(0, 6)) > 0.5
    body = (
        body + 22 * ribs * (np.abs(columns) > 0.1) + 60 * _disc(0.12, 0.3, 0.28, 0.3, 0.05) + 30 * (abs(columns) < 0.08)
    )
    return _gray(body + 30 + rng.normal(0, 4, (SIDE, SIDE)))


@lru_cache(maxsize=1)
def _photographs() -> list[Image.Image]:
    """A palace, a flower and a portrait."""
    portrait = Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))).convert("RGB")
    return [*map(Image.fromarray, load_sample_images().images), portrait]


def _photo(rng: Rng) -> Pixels:
    """A part of a photograph, in colour."""
    whole = _photographs()[rng.integers(3)]
    side = int(rng.integers(150, 400))
    left, top = int(rng.integers(0, whole.width - side)), int(rng.integers(0, whole.height - side))
    return np.asarray(whole.crop((left, top, left + side, top + side)).resize((SIDE, SIDE)))


def _gray_photo(rng: Rng) -> Pixels:
    return np.asarray(Image.fromarray(_photo(rng)).convert("L"))


def _page(rng: Rng) -> Pixels:
    """A scanned page of text, black on white or white on black, with blur and noise."""
    page = Image.new("L", (SIDE, SIDE), 250)
    pen = ImageDraw.Draw(page)
    letters = list("abcdefghijklmnopqrstuvwxyz      ")
    for row in range(12, SIDE - 12, int(rng.integers(11, 18))):
        pen.text((14, row), "".join(rng.choice(letters, rng.integers(10, 40))), fill=15)
    scanned = gaussian_filter(np.asarray(page, float), rng.uniform(0, 1)) + rng.normal(0, 3, (SIDE, SIDE))
    return _gray(255 - scanned if rng.random() < 0.3 else scanned)


def _heart(rng: Rng) -> Pixels:
    """A whole slice of the chest on MRI: a wide body, dark lungs, a bright heart with two chambers."""
    body = 150 * _disc(0, 0, 0.92, rng.uniform(0.6, 0.68)) - 60 * _disc(0, 0, 0.86, 0.58)
    for side in (-1, 1):
        body = body - 75 * _disc(side * 0.48, 0.0, 0.3, 0.4)
    wall = _disc(0.12, -0.05, rng.uniform(0.24, 0.3), 0.28)
    body = body + (110 - body) * wall
    for x, size in ((0.2, 0.13), (0.0, 0.09)):
        body = body + (230 - body) * _disc(x, -0.05, size, size * 1.1)
    body = body + (60 - body) * _disc(0, 0.42, 0.09, 0.09)
    texture = 1 + 0.08 * _noise(rng, 5)
    return _gray(np.hypot(body * texture + rng.normal(0, 5, body.shape), rng.normal(0, 5, body.shape)))


def _heart_alone(rng: Rng) -> Pixels:
    """A crop of `_heart` to the heart and the lungs around it, as in most cardiac images."""
    side = SIDE / rng.uniform(1.8, 2.6)
    middle = np.array([0.56 * SIDE, 0.475 * SIDE])
    box = (*(middle - side / 2), *(middle + side / 2))
    return np.asarray(Image.fromarray(_heart(rng)).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box))


KINDS: dict[str, Callable[[Rng], Pixels]] = {
    "blank": _blank,
    "constant": _constant,
    "noise": _static,
    "CT": _ct,
    "X-ray": _radiograph,
    "photo in colour": _photo,
    "photo in gray": _gray_photo,
    "page of text": _page,
    "heart": _heart,
    "heart alone": _heart_alone,
}
