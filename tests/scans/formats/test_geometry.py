from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Plane
from triage.scans.formats.geometry import edges, orientation_of, upright

#: Rows 0, 1 and columns 0, 1, 2, so that every turn shows.
PIXELS = np.arange(6).reshape(2, 3)


@pytest.mark.parametrize(
    ("cosines", "plane", "shown", "transposed"),
    [
        ((1, 0, 0, 0, 1, 0), Plane.AXIAL, PIXELS, False),
        ((-1, 0, 0, 0, 1, 0), Plane.AXIAL, PIXELS[:, ::-1], False),
        ((1, 0, 0, 0, -1, 0), Plane.AXIAL, PIXELS[::-1], False),
        ((0, 1, 0, 1, 0, 0), Plane.AXIAL, PIXELS.T, True),
        ((1, 0, 0, 0, 0, -1), Plane.CORONAL, PIXELS, False),
        ((1, 0, 0, 0, 0, 1), Plane.CORONAL, PIXELS[::-1], False),
        ((0, 1, 0, 0, 0, -1), Plane.SAGITTAL, PIXELS, False),
        ((0, -1, 0, 0, 0, -1), Plane.SAGITTAL, PIXELS[:, ::-1], False),
        ((0.98, 0.199, 0, -0.199, 0.98, 0), Plane.AXIAL, PIXELS, False),
    ],
)
def test_a_stored_slice_is_turned_to_its_radiological_display(
    cosines: tuple[float, ...], plane: Plane, shown: np.ndarray, transposed: bool
) -> None:
    orientation = orientation_of(cosines)
    assert orientation is not None
    assert orientation.plane is plane
    turned, swapped = upright(PIXELS, orientation)
    np.testing.assert_array_equal(turned, shown)
    assert swapped is transposed


def test_the_direction_across_does_not_depend_on_mirrored_storage() -> None:
    for cosines in ((1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, 1, 0), (0, 1, 0, 1, 0, 0)):
        np.testing.assert_array_equal(orientation_of(cosines).across, [0, 0, 1])  # type: ignore[union-attr]


@pytest.mark.parametrize("cosines", [(0, 0, 0, 0, 1, 0), (1, 0, 0, 1, 0, 0), (1, 0, 0, 0.5, 0.9, 0)])
def test_invalid_cosines_give_no_orientation(cosines: tuple[float, ...]) -> None:
    assert orientation_of(cosines) is None


@pytest.mark.parametrize(
    ("cosines", "letters"),
    [
        ((1, 0, 0, 0, 1, 0), "R L A P"),
        ((-1, 0, 0, 0, -1, 0), "R L A P"),
        ((0, 1, 0, 1, 0, 0), "R L A P"),
        ((1, 0, 0, 0, 0, 1), "R L H F"),
        ((0, -1, 0, 0, 0, -1), "A P H F"),
        ((1, 0, 0, 0, 0.9, 0.436), "R L AF PH"),
        ((0.8, 0.6, 0, 0, 0, -1), "RA LP H F"),
    ],
)
def test_the_edges_of_an_upright_slice_have_letters(cosines: tuple[float, ...], letters: str) -> None:
    assert " ".join(edges(orientation_of(cosines))) == letters  # type: ignore[arg-type]
