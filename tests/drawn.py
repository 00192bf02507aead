"""Small data sets drawn in code: four kinds of heads, told apart by what lies in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers import encode

SIDE = 64
FOLDERS = ("glioma", "meningioma", "pituitary", "notumor")


def head(label: str, seed: int, side: int = SIDE) -> np.ndarray:
    """Draw one head, uint8: a ring, a bright blob at the edge, a small one below, or nothing in it."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    picture = np.where(np.hypot(across / 0.8, down / 0.9) < 1, 90.0, 0.0) + rng.normal(0, 6, (side, side))
    x, y = lesion(label, seed)
    distance = np.hypot(across - x, down - y)
    if label == "glioma":
        picture[(distance < 0.3) & (distance > 0.15)] = 250
        picture[distance < 0.15] = 20
    elif label == "meningioma":
        picture[distance < 0.25] = 240
    elif label == "pituitary":
        picture[distance < 0.12] = 230
    return np.clip(picture, 0, 255).astype(np.uint8)


def lesion(label: str, seed: int) -> tuple[float, float]:
    """Return where the lesion of a head lies, in shares of half its side."""
    shift_x, shift_y = np.random.default_rng(seed + 1000).uniform(-0.1, 0.1, 2)
    x, y = {"glioma": (0.2, -0.2), "meningioma": (-0.5, 0.0), "pituitary": (0.0, 0.5)}.get(label, (0.0, 0.0))
    return float(x + shift_x), float(y + shift_y)


def class_folders(root: Path, each: int = 10, labels: tuple[str, ...] = FOLDERS) -> Path:
    """Write ``<label>/<n>.png``, so many of each."""
    for index, label in enumerate(labels):
        kind = {"yes": "glioma", "no": "notumor"}.get(label, label)
        (root / label).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            (root / label / f"{number}.png").write_bytes(encode(head(kind, 100 * index + number)))
    return root
