"""Pictures that are no brain MRI: drawn, but for the photographs, which ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_sample_images

Pixels = np.ndarray
Rng = np.random.Generator
SIDE = 256


def strangers(count: int) -> Iterator[tuple[str, Pixels]]:
    """Draw so many pictures, the kinds in turn; uint8, ``(rows, columns)`` or ``(rows, columns, 3)``."""
    kinds = list(KINDS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield kind, KINDS[kind](np.random.default_rng([7, number]))


def _gray(picture: Pixels) -> Pixels:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _noise(rng: Rng, grain: float) -> Pixels:
    """Smooth noise of unit variance."""
    field = gaussian_filter(rng.standard_normal((SIDE, SIDE)), grain)
    return (field - field.mean()) / field.std()


def _disc(x: float, y: float, across: float, down: float, edge: float = 0.02) -> Pixels:
    """An ellipse with a soft edge, in half sides of the picture."""
    columns, rows = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    return 0.5 - 0.5 * np.tanh((np.hypot((columns - x) / across, (rows - y) / down) - 1) * min(across, down) / edge)


def _blank(rng: Rng) -> Pixels:
    """An empty exposure: hiss, or a faint gradient, around one gray."""
    hiss = rng.normal(0, rng.uniform(0.5, 1.5), (SIDE, SIDE))
    return _gray(rng.uniform(0, 250) + hiss + np.linspace(0, rng.uniform(0, 2), SIDE))


def _constant(rng: Rng) -> Pixels:
    return np.full((SIDE, SIDE), rng.integers(256), np.uint8)


def _static(rng: Rng) -> Pixels:
    """Noise of every spectrum: white, Rayleigh as of an empty MRI slice, speckle, smooth."""
    how = rng.integers(4)
    if how == 0:
        return rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    if how == 1:
        return _gray(rng.rayleigh(rng.uniform(20, 60), (SIDE, SIDE)))
    if how == 2:
        return _gray(255 * (rng.random((SIDE, SIDE)) < rng.uniform(0.05, 0.5)) * rng.random((SIDE, SIDE)))
    return _gray(128 + 50 * _noise(rng, rng.uniform(0.5, 6)))


def _ct(rng: Rng) -> Pixels:
    """A head on CT in the brain's window: a closed white skull around an even brain."""
    x, y, across, down = (
        rng.uniform(-0.05, 0.05),
        rng.uniform(-0.05, 0.05),
        rng.uniform(0.6, 0.7),
        rng.uniform(0.75, 0.88),
    )
    skin, skull = _disc(x, y, across, down), _disc(x, y, across - 0.04, down - 0.04)
    brain = _disc(x, y, across - 0.11, down - 0.11)
    picture = 70 * skin
    picture = picture + (255 - picture) * skull
    inside = rng.uniform(95, 125) + 5 * _noise(rng, 4)
    for side in (-1, 1):
        inside = inside - 55 * _disc(x + side * 0.1, y, 0.05, rng.uniform(0.15, 0.28))
    picture = picture + (inside - picture) * brain
    return _gray(picture + rng.normal(0, 3, (SIDE, SIDE)))


def _radiograph(rng: Rng) -> Pixels:
    """A chest from the front: dark lungs between ribs, a white heart and spine, and no black around."""
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
def _photographs() -> list[Pixels]:
    return list(load_sample_images().images)


def _photo(rng: Rng) -> Pixels:
    """A part of a photograph, half of them in gray."""
    whole = Image.fromarray(_photographs()[rng.integers(2)])
    side = int(rng.integers(150, 400))
    left, top = rng.integers(0, whole.width - side), rng.integers(0, whole.height - side)
    part = whole.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
    return np.asarray(part.convert("L") if rng.random() < 0.5 else part)


def _page(rng: Rng) -> Pixels:
    """A page of text, black on white or white on black, scanned with some blur and noise."""
    page = Image.new("L", (SIDE, SIDE), 250)
    pen = ImageDraw.Draw(page)
    letters = list("abcdefghijklmnopqrstuvwxyz      ")
    for row in range(12, SIDE - 12, int(rng.integers(11, 18))):
        pen.text((14, row), "".join(rng.choice(letters, rng.integers(10, 40))), fill=15)
    scanned = gaussian_filter(np.asarray(page, float), rng.uniform(0, 1)) + rng.normal(0, 3, (SIDE, SIDE))
    return _gray(255 - scanned if rng.random() < 0.3 else scanned)


def _heart(rng: Rng) -> Pixels:
    """A slice of the chest on MRI: a wide body, dark lungs, a bright heart with two chambers."""
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


KINDS: dict[str, Callable[[Rng], Pixels]] = {
    "blank": _blank,
    "constant": _constant,
    "noise": _static,
    "CT": _ct,
    "X-ray": _radiograph,
    "photo": _photo,
    "page of text": _page,
    "heart": _heart,
}
