"""Orientation of a slice in the patient, and its radiological display."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.domain import Plane, Slice

Vector = NDArray[np.float64]
P = TypeVar("P", bound=np.generic)
#: What lies beyond the left, right, upper and lower edge of an upright slice.
Edges = tuple[str, str, str, str]
#: By plane: patient directions (left, posterior, superior) along a displayed row and down a displayed column. Axial
#: slices have anterior up and the right side of the patient on the left; the others have the head up, and sagittal
#: ones the face on the left.
DISPLAY = {
    Plane.AXIAL: (np.array([1.0, 0, 0]), np.array([0, 1.0, 0])),
    Plane.CORONAL: (np.array([1.0, 0, 0]), np.array([0, 0, -1.0])),
    Plane.SAGITTAL: (np.array([0, 1.0, 0]), np.array([0, 0, -1.0])),
}
#: Plane by the patient axis that is nearest to its normal.
PLANES = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
#: Breaks ties halfway between two planes, so that rounding does not turn slices of one stack differently.
BIAS = np.array([0, 0.01, 0.02])
#: Smallest cosine with a patient axis that is named at the edge of a slice: 17 degrees off the plane.
OBLIQUE = 0.3
#: Smallest cosine between the normals of one stack.
PARALLEL = 0.99


@dataclass(frozen=True)
class Orientation:
    """Patient directions of a stored slice: along a row (to the next column) and down a column (to the next row)."""

    row: Vector
    column: Vector

    @cached_property
    def normal(self) -> Vector:
        """Direction across the slice."""
        return np.cross(self.row, self.column)

    @cached_property
    def across(self) -> Vector:
        """The normal, signed towards the left, the back or the top: the same for slices that are stored mirrored."""
        return signed(self.normal)

    @cached_property
    def plane(self) -> Plane:
        """The anatomical plane nearest to the slice."""
        return plane_across(self.normal)


def plane_across(normal: Vector) -> Plane:
    """Return the anatomical plane nearest to a slice with this normal."""
    return PLANES[int((np.abs(normal) + BIAS).argmax())]


def signed(normal: Vector) -> Vector:
    """Return a normal signed towards the left, the back or the top."""
    sign = np.sign(normal[PLANES.index(plane_across(normal))])
    return np.asarray(normal * (sign or 1.0))


@lru_cache(maxsize=256)
def orientation_of(cosines: tuple[float, ...]) -> Orientation | None:
    """Return the orientation for Image Orientation (Patient), six direction cosines, or None if they are invalid.

    The slices of a series share it, hence the cache.
    """
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    if min(np.linalg.norm(row), np.linalg.norm(column)) < 0.5 or abs(row @ column) > 0.1:
        return None
    return Orientation(row / np.linalg.norm(row), column / np.linalg.norm(column))


def edges(orientation: Orientation) -> Edges:
    """Return what lies beyond the left, right, upper and lower edge of an upright slice: L, R, A, P, H, F.

    An oblique slice has two letters at an edge, the nearer direction first.
    """
    (across, _), (down, _) = displayed(orientation)
    return _letters(-across), _letters(across), _letters(-down), _letters(down)


def edges_of(slice_: Slice, plane: Plane | None) -> Edges | None:
    """Return the letters at the edges of a slice; None where no file says how the patient lies.

    Parameters
    ----------
    slice_
        A decoded slice.
    plane
        Of its series, which stands for the orientation of slices that are not from DICOM.
    """
    if slice_.origin is not None:
        orientation = orientation_of(slice_.origin.orientation) if slice_.origin.orientation else None
        return edges(orientation) if orientation else None
    return edges(Orientation(*DISPLAY[plane])) if plane else None


def displayed(orientation: Orientation) -> tuple[tuple[Vector, bool], tuple[Vector, bool]]:
    """Return the patient directions along a row and down a column of an upright slice, and whether each was flipped."""
    row, column = DISPLAY[orientation.plane]
    along_row, along_column, _ = _turned(orientation)
    flips = bool(along_row @ row < 0), bool(along_column @ column < 0)
    return (-along_row if flips[0] else along_row, flips[0]), (-along_column if flips[1] else along_column, flips[1])


def _letters(direction: Vector) -> str:
    named = [(abs(part), pair[int(part < 0)]) for part, pair in zip(direction, ("LR", "PA", "HF"), strict=True)]
    return "".join(letter for part, letter in sorted(named, reverse=True) if part > OBLIQUE)


def _turned(orientation: Orientation) -> tuple[Vector, Vector, bool]:
    """Return the directions along a displayed row and column, but for their sign, and whether rows became columns."""
    row, _ = DISPLAY[orientation.plane]
    transposed = bool(abs(orientation.row @ row) + BIAS[1] < abs(orientation.column @ row))
    if transposed:
        return orientation.column, orientation.row, True
    return orientation.row, orientation.column, False


def upright(pixels: NDArray[P], orientation: Orientation) -> tuple[NDArray[P], bool]:
    """Turn a stored slice to its radiological display.

    Returns
    -------
    pixels
        Transposed and flipped as needed, never resampled.
    transposed
        Whether rows became columns, so that the spacings have to be swapped.
    """
    row, column = DISPLAY[orientation.plane]
    along_row, along_column, transposed = _turned(orientation)
    turned = pixels.T if transposed else pixels
    if along_row @ row < 0:
        turned = turned[:, ::-1]
    if along_column @ column < 0:
        turned = turned[::-1]
    return turned, transposed
