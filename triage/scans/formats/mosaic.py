"""Siemens mosaics: one image with all slices of a volume as tiles, from the top left row by row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydicom import Dataset

from triage.scans.formats.elements import integer, numbers, private, values
from triage.scans.formats.geometry import orientation_of
from triage.scans.formats.gray_scale import Stored

#: NumberOfImagesInMosaic: its creator and its tag in the first block.
TILES = ("SIEMENS MR HEADER", (0x0019, 0x100A))
MAX_TILES = 4096
UNKNOWN = "A mosaic that does not say how many slices it holds. Export the series with one image per slice"


def is_mosaic(header: Dataset) -> bool:
    """Return whether the image is a mosaic."""
    return "MOSAIC" in (str(value).upper() for value in values(header, "ImageType"))


def trouble(header: Dataset) -> str:
    """Return why a mosaic cannot be taken apart, or ""; also for any other image."""
    return UNKNOWN if is_mosaic(header) and not tiles(header) else ""


def tiles(header: Dataset) -> int:
    """Return the number of slices in a mosaic; 0 for another image, and if it is not stated or does not fit."""
    if not is_mosaic(header):
        return 0
    stated = private(header, *TILES)
    if stated is None:
        stated = _csa(header, "NumberOfImagesInMosaic")
    if isinstance(stated, bytes):
        stated = int.from_bytes(stated[:2], "little")  # private elements of implicit syntax come as bytes
    try:
        count = int(stated)
    except (TypeError, ValueError):
        return 0
    side = _side(count)
    fits = 0 < count <= MAX_TILES and not integer(header, "Rows", 0) % side and not integer(header, "Columns", 0) % side
    return count if fits else 0


def tile(stored: Stored, count: int, number: int) -> Stored:
    """Return one slice of a mosaic."""
    side = _side(count)
    rows, columns = stored.shape[0] // side, stored.shape[1] // side
    top, left = number // side * rows, number % side * columns
    return stored[top : top + rows, left : left + columns].copy()


def position(header: Dataset, count: int, number: int) -> list[float] | None:
    """Return Image Position (Patient) of one slice.

    The header states the corner that an image as large as the mosaic would have around the same centre.
    """
    cosines = numbers(header, "ImageOrientationPatient", 6)
    corner = numbers(header, "ImagePositionPatient", 3)
    spacing = numbers(header, "PixelSpacing", 2)
    orientation = orientation_of(tuple(cosines)) if cosines else None
    if orientation is None or corner is None or spacing is None:
        return None
    side = _side(count)
    rows, columns = integer(header, "Rows", 0), integer(header, "Columns", 0)
    right = orientation.row * spacing[1] * (columns - columns // side) / 2
    down = orientation.column * spacing[0] * (rows - rows // side) / 2
    normal = orientation.normal
    stated = _csa(header, "SliceNormalVector")
    if stated is not None and np.size(stated) == 3 and float(np.asarray(stated, float) @ normal) < 0:
        normal = -normal
    place = np.array(corner) + right + down + normal * _distance(header) * number
    return [float(value) for value in place]


def _distance(header: Dataset) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = numbers(header, keyword, 1)
        if found and found[0] > 0:
            return found[0]
    return 1.0


def _side(count: int) -> int:
    """Return the number of tiles along a side."""
    return math.isqrt(max(count, 1) - 1) + 1


def _csa(header: Dataset, name: str) -> Any:
    """Return a value of the image header that Siemens packs into a private element, or None."""
    from nibabel.nicom import csareader  # warns when it is imported; callers are quiet

    try:
        packed = csareader.get_csa_header(header, "image")
        return csareader.get_scalar(packed, name) if name != "SliceNormalVector" else csareader.get_slice_normal(packed)
    except Exception:  # untrusted bytes in a format without a specification
        return None
