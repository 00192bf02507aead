"""How a slice lies in the patient, and how a radiologist wants to see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from triage.domain import Plane

Vector = NDArray[np.float64]
P = TypeVar("P", bound=np.generic)
#: By plane, the patient directions (left, posterior, superior) in which a displayed row and column run: anterior up and
#: the patient's right on the left in axial slices, head up in the others, the face to the left in sagittal ones.
DISPLAY = {
    Plane.AXIAL: (np.array([1.0, 0, 0]), np.array([0, 1.0, 0])),
    Plane.CORONAL: (np.array([1.0, 0, 0]), np.array([0, 0, -1.0])),
    Plane.SAGITTAL: (np.array([0, 1.0, 0]), np.array([0, 0, -1.0])),
}
#: Plane by the patient axis that its normal is nearest to.
PLANES = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)
#: Slices just between two views go to one of them, so that rounded numbers do not turn the slices of a stack apart.
BIAS = np.array([0, 0.01, 0.02])
#: Normals of one stack agree to this cosine.
PARALLEL = 0.99


@dataclass(frozen=True)
class Orientation:
    """Patient directions of a stored slice: of growing columns along a row, and of growing rows down a column."""

    row: Vector
    column: Vector

    @cached_property
    def normal(self) -> Vector:
        """Direction across the slice."""
        return np.cross(self.row, self.column)

    @cached_property
    def across(self) -> Vector:
        """The normal towards the left, the back or the top of the head: the same for slices that lie back to front."""
        normal = self.normal
        sign = np.sign(normal[PLANES.index(self.plane)])
        return np.asarray(normal * (sign or 1.0))

    @cached_property
    def plane(self) -> Plane:
        """The anatomical plane nearest to the slice."""
        return PLANES[int((np.abs(self.normal) + BIAS).argmax())]


@lru_cache(maxsize=256)
def orientation_of(cosines: tuple[float, ...]) -> Orientation | None:
    """Return what Image Orientation (Patient) says, six direction cosines, or None where it makes no sense.

    The slices of a series share it, and what follows from it is worked out once.
    """
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    if min(np.linalg.norm(row), np.linalg.norm(column)) < 0.5 or abs(row @ column) > 0.1:
        return None
    return Orientation(row / np.linalg.norm(row), column / np.linalg.norm(column))


def upright(pixels: NDArray[P], orientation: Orientation) -> tuple[NDArray[P], bool]:
    """Turn a stored slice to the radiologist's view.

    Returns
    -------
    pixels
        Transposed and flipped as needed, never resampled.
    transposed
        Whether rows became columns, so that their spacings change places.
    """
    row, column = DISPLAY[orientation.plane]
    transposed = bool(abs(orientation.row @ row) + BIAS[1] < abs(orientation.column @ row))
    along_row, along_column = (
        (orientation.column, orientation.row) if transposed else (orientation.row, orientation.column)
    )
    turned = pixels.T if transposed else pixels
    if along_row @ row < 0:
        turned = turned[:, ::-1]
    if along_column @ column < 0:
        turned = turned[::-1]
    return turned, transposed
