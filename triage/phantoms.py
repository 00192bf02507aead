"""Phantom patients: synthetic brain MRI slices for demonstrations and tests.

No image of a patient may be committed, so the brain is the MNI152 average in the wheel of nilearn. That template is
skull-stripped: the head around it and the lesions are drawn, in millimetres of MNI space (x to the right, y to the
front, z up). A simulated scanner then adds tilt, distortion, shading and noise.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from triage.domain import Finding

Field = NDArray[np.floating]
Rng = np.random.Generator

#: By plane: its normal axis, then axis and range (mm) of its columns and of its rows.
VIEWS = {
    "ax": (2, (0, 96.0, -96.0), (1, 116.0, -126.0)),
    "cor": (1, (0, 96.0, -96.0), (2, 106.0, -104.0)),
    "sag": (0, (1, 118.0, -126.0), (2, 106.0, -104.0)),
}
#: Middle of the brain (mm).
CENTRE = np.array([0, -18, 8])
SELLA = np.array([0, 5, -31])
#: Deep white matter of the right half; the side is random.
GLIOMAS = ((26, 36, 14), (28, 14, 36), (27, -14, 34), (30, -42, 30), (30, -64, 16), (42, -22, -8), (40, -4, -18))
#: Meningiomas beside the falx.
FALX = ((0, 46, 36), (0, 16, 58), (0, -24, 62), (0, -58, 50))
#: Meningiomas at the dura, on the line from `CENTRE` to one of these points.
CONVEXITY = ((60, 20, 34), (46, 46, 36), (62, -22, 44), (40, -60, 56), (34, 6, 72), (66, -34, 14), (40, -92, 20))
#: The head below the skull, as ellipsoids of centre and radii (mm).
FACE = (((0, 36, -58), (60, 52, 64)), ((0, 90, -52), (13, 20, 22)), ((0, -24, -116), (64, 66, 96)))
#: Structures in it by gray value, in the order of drawing; paired ones are given for the right side.
PARTS = {
    0.78: (((31, 50, -34), (18, 30, 17)),),  # orbital fat
    0.22: (((31, 62, -34), (12, 12, 12)),),  # globe
    0.05: (((27, 44, -64), (15, 17, 16)), ((7, 24, -44), (9, 12, 9))),  # maxillary and sphenoid sinus
    0.08: (((8, 46, -56), (5, 30, 18)), ((0, 5, -80), (11, 6, 26))),  # nasal cavity, pharynx
    0.12: (((0, -47, -98), (13, 11, 44)),),  # spinal canal
    0.62: (((0, -47, -98), (6, 5, 46)), ((0, -13, -46), (9, 6, 15))),  # spinal cord, marrow of the clivus
}
#: Range of levels of a volume (mm).
VOLUME = (-52.0, 74.0)
#: Pixel spacing of a volume (mm).
VOLUME_MM = 1.0


@dataclass(frozen=True, slots=True)
class Phantom:
    """One synthetic slice: a file name without the class, the true finding, and the PNG file."""

    name: str
    finding: Finding
    png: bytes


def phantoms(count: int, seed: int = 0) -> Iterator[Phantom]:
    """Draw T1-like slices after contrast: the four classes in turn, in axial, coronal and sagittal planes.

    Parameters
    ----------
    count
        Number of slices.
    seed
        Not negative. The same seed gives the same bytes, whatever `count`.

    Yields
    ------
    Phantom
        8-bit gray PNG, 256 to 400 px on the long side, upright, right side on the left.
    """
    for index in range(count):
        rng, finding = np.random.default_rng([seed, index]), list(Finding)[index % len(Finding)]
        plane, file = list(VIEWS)[index % len(VIEWS)], io.BytesIO()
        Image.fromarray(_slice(plane, finding, *_place(finding, plane, rng), rng)).save(file, "PNG")
        yield Phantom(f"PHANTOM-{index + 1:04d}_{plane}_t1ce.png", finding, file.getvalue())


def volume(finding: Finding, count: int, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Draw the slices of one axial series, from the feet upwards, with one lesion.

    Parameters
    ----------
    finding
        Class of the lesion.
    count
        Number of slices; they always cover `VOLUME`.
    seed
        Not negative. The same seed gives the same head.

    Yields
    ------
    NDArray
        8-bit gray, upright, right side on the left; `VOLUME_MM` between pixels.
    """
    centre, radius = _place(finding, "ax", np.random.default_rng([seed, 0]))
    for level in np.linspace(*VOLUME, count):
        # The same generator for every slice gives the same head, tilt and coil.
        yield _slice("ax", finding, centre, radius, np.random.default_rng([seed, 1]), level)


@lru_cache(maxsize=1)
def _atlas() -> tuple[Field, dict[str, Field]]:
    """Return the origin of the volumes (mm), and brain, white matter (0 to 1) and distance to the inner skull (mm)."""
    from nilearn.datasets import load_mni152_template, load_mni152_wm_template  # takes seconds to import

    template, margin = load_mni152_template(resolution=1), 30
    brain, white = (np.pad(np.float32(i.dataobj), margin) for i in (template, load_mni152_wm_template(resolution=1)))
    # The inside of the skull is the brain with its clefts closed; it is smooth, so every third millimetre suffices.
    case = distance_transform_edt(distance_transform_edt(brain[::3, ::3, ::3] < 0.1) < 5) > 4.4
    skull = gaussian_filter(3 * (distance_transform_edt(~case) - distance_transform_edt(case)), 1)
    return template.affine[:3, 3] - margin, {"brain": brain, "white": white, "skull": skull}


def _sample(name: str, points: Field) -> Field:
    origin, volumes = _atlas()
    index = np.moveaxis(points - origin, -1, 0) / (3 if name == "skull" else 1)
    return np.asarray(map_coordinates(volumes[name], index, order=1, mode="nearest"))


def _place(finding: Finding, plane: str, rng: Rng) -> tuple[Field, float]:
    """Return centre and radius (mm) of a lesion."""
    mirror, jitter, axis = np.array([rng.choice((-1, 1)), 1, 1]), rng.normal(0, 2.5, 3), VIEWS[plane][0]
    # Normal slices pass through the same places as the others, so that the level does not reveal the class.
    place = finding if finding is not Finding.NOTUMOR else rng.choice(list(Finding)[:3])
    if place == Finding.PITUITARY:
        return SELLA + jitter / 3, rng.uniform(8, 12)
    if place == Finding.GLIOMA:
        return mirror * (rng.choice(GLIOMAS) + jitter), rng.uniform(13, 21)
    radius = rng.uniform(11, 19)
    if rng.random() < 0.3:
        return mirror * ([0, 1, 1] * (rng.choice(FALX) + jitter) + [0.7 * radius, 0, 0]), radius
    # Only points where the plane shows the broad base of the mass.
    outside = rng.choice([point for point in CONVEXITY if abs(point[axis] - CENTRE[axis]) < 50]) + jitter
    line = CENTRE + np.linspace(0.2, 1.6, 200)[:, None] * (outside - CENTRE)
    return mirror * line[np.argmin(np.abs(_sample("skull", line) + 0.45 * radius))], radius


def _slice(
    plane: str, finding: Finding, centre: Field, radius: float, rng: Rng, at: float | None = None
) -> NDArray[np.uint8]:
    """Draw the slice through a lesion, or at one level of a volume.

    The same generator gives the same head and noise with or without a lesion.
    """
    axis, (across, left, right), (down, top, bottom) = VIEWS[plane]
    mm = max(left - right, top - bottom) / int(rng.integers(255, 400)) if at is None else VOLUME_MM
    rows, columns = np.mgrid[top : bottom + mm / 2 : -mm, left : right + mm / 2 : -mm]
    level = centre[axis] + rng.uniform(-0.3, 0.3) * radius
    level = np.copysign(
        max(abs(level), 4 * (axis == 0)), level
    )  # the midsagittal plane of the template shows only the falx
    points = np.full((*rows.shape, 3), level if at is None else at)
    points[..., across], points[..., down] = columns, rows
    # A random map close to identity tilts, scales and shapes the head; a smooth warp follows.
    points += (points - centre) @ rng.normal(0, 0.03, (3, 3))
    points += 1.5 * np.stack([_noise(rng, rows.shape, 40 / mm) for _ in range(3)], axis=-1)
    gray = _picture(finding, centre, radius, points, mm, rng.spawn(1)[0])
    # The scanner: blur, contrast, coil shading, Rician noise, a window.
    signal = gaussian_filter(gray, 0.5) ** rng.uniform(0.8, 1.1) * np.exp(0.08 * _noise(rng, gray.shape, 80 / mm))
    real, imaginary = rng.uniform(0.008, 0.025) * rng.standard_normal((2, *gray.shape))
    return np.asarray(np.clip(rng.uniform(225, 255) * np.hypot(signal + real, imaginary), 0, 255), dtype=np.uint8)


def _noise(rng: Rng, shape: tuple[int, ...], grain: float) -> Field:
    """Return smooth noise of unit variance; `grain` is its scale in pixels."""
    down, across = (np.exp(-2 * (np.arange(n)[:, None] / grain - np.arange(-2, n / grain + 2)) ** 2) for n in shape)
    noise = down @ rng.standard_normal((down.shape[1], across.shape[1])) @ across.T
    return np.asarray((noise - noise.mean()) / noise.std())


def _ellipsoid(points: Field, centre: tuple[float, ...], radii: tuple[float, ...]) -> Field:
    return np.asarray((np.linalg.norm((points - centre) / radii, axis=-1) - 1) * min(radii))  # roughly mm


def _in(distance: Field, edge: float = 0.5) -> Field:
    """Return 1 at negative distances and 0 at positive ones, with a soft edge."""
    return np.asarray(0.5 - 0.5 * np.tanh(distance / (2 * edge)))


def _over(below: Field, gray: Field | float, alpha: Field) -> Field:
    return below + (gray - below) * alpha


def _head(points: Field, origins: Field, grain: Field) -> Field:
    """Return gray values at points (mm) of a head without lesion; the brain is sampled at `origins`."""
    skull, half = _sample("skull", points), np.where([True, False, False], np.abs(points), points)
    shapes = [skull - 14, *(_ellipsoid(points, *shape) for shape in FACE)]
    skin = -6 * np.log(np.sum(np.exp(-np.clip(shapes, -200, 200) / 6), axis=0))  # a smooth union
    gray = _over(_over(0.38 + 0.04 * grain, 0.80, _in(-skin - 6 - grain, 0.8)), 0.50, _in(-skin - 1.5))
    for shade, parts in PARTS.items():
        gray = _over(gray, shade, _in(np.min([_ellipsoid(half, *part) for part in parts], axis=0) + grain))
    marrow = np.exp(-(((skull - 5.2) / 1.3) ** 2))
    gray = _over(gray, 0.10 + 0.30 * marrow, _in(np.abs(skull - 5) - 3.5))  # bone
    gray = _over(_over(gray, 0.40, _in(np.abs(skull - 1.6) - 0.4)), 0.13, _in(skull - 1))  # dura, CSF
    brain = np.clip((_sample("brain", origins) - 0.22) / 0.78, 0, 1) ** 1.25
    gray = np.maximum(gray, 0.85 * brain * _in(skull - 2))
    sinus = _in(3 * np.hypot(points[..., 0] / 4, (skull + 0.5) / 3.5) - 3)  # the sagittal sinus, which enhances
    return _over(gray, 0.88, sinus * _in(-10 - points[..., 2], 3) * _in(points[..., 1] - 60, 3)) * _in(skin)


def _picture(finding: Finding, centre: Field, radius: float, points: Field, mm: float, rng: Rng) -> Field:
    """Return gray values at points (mm), including the lesion; `mm` is the size of a pixel."""
    grain, bumps, patches = (_noise(rng, points.shape[:2], size / mm) for size in (7, 0.8 * radius, 0.3 * radius))
    away, skull = points - centre, _sample("skull", points)
    reach = np.linalg.norm(away / rng.uniform(0.8, 1.25, 3), axis=-1) / radius
    if finding is Finding.NOTUMOR:
        return _head(points, points, grain)
    # A mass displaces the brain: tissue beside it comes from nearer to its centre.
    gray = _head(points, points - 0.4 * away * np.exp(-((reach / 1.5) ** 2))[..., None], grain)
    if finding is Finding.GLIOMA:
        edge = reach - 1 + 0.18 * bumps + 0.08 * patches
        oedema = _in(edge - 0.8 - 0.3 * bumps, 0.12) * np.clip(1.5 * _sample("white", points), 0, 1)
        gray *= 1 - 0.55 * oedema * _in(skull + 2)
        gray = _over(gray, np.maximum(0.26 + 0.07 * patches, 0), _in(edge, 0.05) * _in(skull))  # necrosis
        rim = np.exp(-((edge / (0.14 + 0.06 * np.clip(bumps + patches, -1.3, 2))) ** 2))
        return _over(gray, 0.95 + 0.08 * patches, np.clip(rim * (0.9 + 0.2 * bumps), 0, 1) * _in(skull))
    if finding is Finding.MENINGIOMA:
        edge = (reach - 1 + 0.08 * bumps) * radius
        dura = np.maximum(skull - 1, 0.5 - np.sign(centre[0]) * points[..., 0])  # crosses neither bone nor falx
        tail = 0.8 * _in(np.abs(dura + 1) - 0.8) * _in(reach - 1.45, 0.08)
        gray = _over(gray, 0.12, _in(edge - 1.2) * _in(dura))  # a cleft of CSF separates it from the brain
        return _over(gray, 0.92 + 0.03 * patches, np.maximum(_in(edge) * _in(dura), tail))
    # From the sella into the cistern above, with a waist at the diaphragm.
    above = np.linalg.norm(away / radius - [0, 0, rng.uniform(0.3, 1.1)], axis=-1) + rng.uniform(0.1, 0.3)
    edge = np.minimum(np.linalg.norm(away / [1.2, 1, 0.9], axis=-1) / radius, above) - 1 + 0.08 * bumps
    return _over(gray, 0.90 + 0.04 * patches, _in(edge * radius))
