"""Small data sets drawn in code (four kinds of heads, told apart by what lies in them), and recipes as small."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from helpers import encode
from PIL import Image, ImageDraw, ImageFilter

from triage.training.fit.recipe import Recipe, load_recipe

SIDE = 64
FOLDERS = ("glioma", "meningioma", "pituitary", "notumor")


def head(label: str, seed: int, side: int = SIDE) -> np.ndarray:
    """Draw one head, uint8: a ring, a bright blob at the edge, a small one below, or nothing in it."""
    rng = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    folds = np.kron(rng.uniform(-40, 40, (8, 8)), np.ones((side // 8, side // 8)))  # no two heads are copies
    picture = np.where(np.hypot(across / 0.8, down / 0.9) < 1, 90.0 + folds, 0.0) + rng.normal(0, 6, (side, side))
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


def manifest_set(root: Path, each: int = 10, copies: int = 0, others: int = 0) -> Path:
    """Write a data set with a manifest: outlined tumours as figshare has them, tumour-free heads as Br35H has them.

    Folds go round; the first `copies` heads of each class stand there twice, the second time in `sartaj`, which has
    `others` of its own of each class.
    """
    rows, borders = [], {}
    for index, label in enumerate(FOLDERS):
        for number in range(each):
            seed, cluster, fold = 100 * index + number, each * index + number, number % 5
            dataset = "br35h" if label == "notumor" else "figshare"
            home = f"{dataset}/images" if dataset == "figshare" else f"{dataset}/no"
            paths = [(f"{home}/{seed + 1}.jpg", dataset)]
            if number < copies:
                paths.append((f"sartaj/{label}/{seed}.jpg", "sartaj"))
            for path, source in paths:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(encode(head(label, seed), "JPEG", quality=95))
                rows.append((path, source, label, cluster, fold))
            if dataset == "figshare":
                borders[str(seed + 1)] = outline(label, seed)
        for number in range(others):
            seed, cluster = 100 * index + 60 + number, 1000 + others * index + number
            path = root / "sartaj" / label / f"{seed}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(head(label, seed), "JPEG", quality=95))
            rows.append((f"sartaj/{label}/{seed}.jpg", "sartaj", label, cluster, number % 5))
    with (root / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "dataset", "label", "cluster", "fold"), *rows])
    (root / "figshare" / "borders.json").write_text(json.dumps(borders))
    return root


def drawn_volumes(root: Path, patients: tuple[str, ...] = ("01", "02")) -> Path:
    """Write a volume of drawn heads for each patient with the mask of its tumour, named as in Brain-Tumor-Progression.

    Of the ten slices, the two in the middle show the tumour.
    """
    for number, patient in enumerate(patients):
        (root / patient).mkdir(parents=True)
        kinds = (*["notumor"] * 4, *["glioma"] * 2, *["notumor"] * 4)
        slices = [head(kind, 500 + 20 * number + place) for place, kind in enumerate(kinds)]
        scan = np.stack([np.rot90(one, -1) for one in slices], axis=-1).astype(np.int16)
        mask = np.zeros_like(scan, np.uint8)
        mask[20:40, 20:40, 4:6] = 1
        for name, voxels in (("Pre_Scan_T1", scan), ("Pre_Mask", mask)):
            nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), root / patient / f"{name}.nii.gz")
    return root


def outline(label: str, seed: int, side: int = SIDE) -> list[list[float]]:
    """Return the outline of a head's lesion in pixels."""
    radius = {"glioma": 0.3, "meningioma": 0.25, "pituitary": 0.12}[label]
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = np.column_stack([np.cos(angles), np.sin(angles)]) * radius + lesion(label, seed)
    return ((points + 1) / 2 * (side - 1)).round(2).tolist()


def small(name: str, **train: Any) -> Recipe:
    """Return a recipe of a few weights and epochs."""
    values = load_recipe(name).model_dump()
    values["train"] |= {"size": 32, "epochs": 2, "batch": 8, "steps": None} | train
    if values["train"]["network"]["kind"] == "cnn":
        values["train"]["network"] |= {"filters": (8, 8), "dense": (16,)}
    if values["tuner"]:
        values["tuner"] |= {"trials": 2, "epochs": 1, "dense": ((8,), (16,))}
    if values["segment"]:
        values["segment"] |= {"size": 32, "epochs": 1, "batch": 4}
        values["segment"]["network"] |= {"width": 4, "depth": 2}
    return Recipe.model_validate(values | {"expand": values["expand"] and 80})


def picture(path: Path, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """Write a picture of noise, so wide and so high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, size[::-1], np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def draw_head(seed: int, size: int = 256) -> Image.Image:
    """Draw a head of ellipses on black, different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    half_width, half_height = size * rng.uniform(0.28, 0.36), size * rng.uniform(0.36, 0.42)
    for shrink, gray in ((1.0, 200), (0.92, 40), (0.88, 110)):
        draw.ellipse(_ellipse_box(size / 2, size / 2, half_width * shrink, half_height * shrink), fill=gray)
    for _ in range(25):
        x, y = size / 2 + rng.normal(0, half_width / 3), size / 2 + rng.normal(0, half_height / 3)
        draw.ellipse(_ellipse_box(x, y, *rng.uniform(4, 20, 2) * size / 256), fill=int(rng.integers(30, 255)))
    return image.filter(ImageFilter.GaussianBlur(1.5))


def _ellipse_box(x: float, y: float, half_width: float, half_height: float) -> tuple[float, float, float, float]:
    return x - half_width, y - half_height, x + half_width, y + half_height


def save_picture(image: Image.Image, path: Path, quality: int = 90) -> None:
    """Write a picture; the quality is that of a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=quality)
