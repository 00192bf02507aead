"""Augmentation that imitates other scanners, windows, crops and file formats, and leaves the disease unchanged.

The geometric part is one affine warp. The photometric part varies gamma, window, bias field, blur, noise, resampling,
JPEG compression and drawn borders.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.float32]


def random_view(frame: Frame, size: int, rng: np.random.Generator, lesion: NDArray[np.float32] | None = None) -> Frame:
    """Return one random view of a prepared slice.

    Parameters
    ----------
    frame
        ``(side, side)`` float32, 0 to 255.
    size
        Side of the view in pixels.
    rng
        Random number generator.
    lesion
        x, y, radius of the lesion in frame pixels, if known. A quarter of all views are close-ups: around the lesion if
        there is one, else around a random point, so that the scale does not reveal the class.

    Returns
    -------
    ndarray
        ``(size, size)`` float32, 0 to 255.
    """
    return photometric(_geometric(frame, size, rng, lesion), rng)


def turned(
    frame: Frame, rng: np.random.Generator, mask: Frame | None = None, strength: float = 1.0
) -> tuple[Frame, Frame | None]:
    """Mirror, slightly rotate, scale and move a frame; its mask in the same way."""
    side = frame.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (side / 2, side / 2), rng.uniform(-8, 8) * strength, np.exp(rng.uniform(-0.1, 0.1))
    )
    matrix[:, 2] += rng.uniform(-0.04, 0.04, 2) * side
    across, down = rng.random() < 0.5, strength > 1 and rng.random() < 0.5
    flips = (slice(None, None, -1 if down else 1), slice(None, None, -1 if across else 1))
    moved = [
        np.ascontiguousarray(cv2.warpAffine(values, matrix, (side, side))[flips], np.float32)
        for values in (frame, mask)
        if values is not None
    ]
    return moved[0], moved[1] if mask is not None else None


def photometric(view: Frame, rng: np.random.Generator) -> Frame:
    """Change the intensities of a view as other scanners and file formats do."""
    x = view / 255.0
    x = np.clip(x, 0, 1) ** np.exp(rng.uniform(-0.55, 0.55))
    if rng.random() < 0.4:
        x = x * _bias_field(x.shape[0], rng)
    x = (x - 0.5) * rng.uniform(0.65, 1.4) + 0.5 + rng.uniform(-0.12, 0.12)
    if rng.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.6))
    elif rng.random() < 0.2:
        x = x + rng.uniform(0.3, 1.2) * (x - cv2.GaussianBlur(x, (0, 0), 1.5))
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape)
    x = np.clip(x * 255, 0, 255).astype(np.float32)
    if rng.random() < 0.25:
        small = int(x.shape[0] * rng.uniform(0.4, 0.9))
        x = cv2.resize(cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA), x.shape[::-1])
    if rng.random() < 0.4:
        x = _jpeg(x, int(rng.integers(25, 95)))
    if rng.random() < 0.1:
        x = _border(x, rng)
    return x


def _geometric(frame: Frame, size: int, rng: np.random.Generator, lesion: NDArray[np.float32] | None) -> Frame:
    side = frame.shape[0]
    centre = np.array([side / 2, side / 2])
    span = side * np.exp(rng.uniform(-0.25, 0.25))
    if rng.random() < 0.25:
        if lesion is None:
            centre = side * rng.uniform(0.3, 0.7, 2)
            span = side * rng.uniform(0.35, 0.8)
        else:
            centre = lesion[:2].astype(float)
            span = np.clip(lesion[2] * 2 * rng.uniform(1.6, 4.0), 0.3 * side, 0.9 * side)
    centre = centre + span * rng.uniform(-0.08, 0.08, 2)
    angle = rng.normal(0, 12) if rng.random() < 0.9 else rng.uniform(-180, 180)
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    mirror = np.array([rng.choice([-1, 1]), -1 if rng.random() < 0.1 else 1])
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    # From view pixels to frame pixels: WARP_INVERSE_MAP reads the frame at matrix @ view.
    linear = rotation @ np.diag(mirror * span / size * np.array([stretch, 1 / stretch]))
    matrix = np.column_stack([linear, centre - linear @ np.array([size / 2, size / 2])])
    flags = (cv2.INTER_AREA if span > size else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(frame, matrix, (size, size), flags=flags), np.float32)


def _bias_field(size: int, rng: np.random.Generator) -> Frame:
    coarse = rng.uniform(-0.35, 0.35, (3, 3)).astype(np.float32)
    return np.asarray(np.exp(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)), np.float32)


def _jpeg(view: Frame, quality: int) -> Frame:
    encoded = cv2.imencode(".jpg", view.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.float32)


def _border(view: Frame, rng: np.random.Generator) -> Frame:
    width = int(rng.integers(2, max(view.shape[0] // 12, 3)))
    shade = float(rng.choice([0, 255, rng.uniform(0, 255)]))
    framed = view.copy()
    for edge in np.flatnonzero(rng.random(4) < 0.6):
        np.rot90(framed, int(edge))[:width] = shade
    return framed
