from __future__ import annotations

import numpy as np
import pytest

from triage.errors import RefusedError
from triage.scans.formats.gray_scale import Floats, Stored, to_uint16


def plain(stored: Stored) -> Floats:
    return np.asarray(stored, np.float64)


@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "f4", "f8", ">i2"])
def test_one_scale_for_all(kind: str) -> None:
    slices = [np.array([[0, 10]], kind), np.array([[20, 40]], kind)]
    low, high = to_uint16(slices, [plain, plain])
    assert low.tolist() == [[0, 16384]]
    assert high.tolist() == [[32768, 65535]]
    assert low.dtype == np.uint16


def test_the_whole_range_of_signed_pixels() -> None:
    (shown,) = to_uint16([np.array([[-32768, 0, 32767]], np.int16)], [plain])
    assert shown.tolist() == [[0, 32768, 65535]]


def test_limits_cut_what_lies_beyond() -> None:
    (shown,) = to_uint16([np.array([[-5, 0, 50, 200]], np.int16)], [plain], (0, 100))
    assert shown.tolist() == [[0, 0, 32768, 65535]]


def test_one_value_is_black() -> None:
    for kind in ("u2", "f4"):
        (shown,) = to_uint16([np.full((2, 2), 7, kind)], [plain])
        assert not shown.any()


def test_a_tone_need_not_be_monotonous() -> None:
    (shown,) = to_uint16([np.array([[0, 1, 2]], np.uint8)], [lambda stored: -(plain(stored - 1) ** 2)])
    assert shown.tolist() == [[0, 65535, 0]]


def test_nothing_gives_nothing() -> None:
    assert to_uint16([], []) == []


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(RefusedError, match="not all numbers"):
        to_uint16([np.array([[0.0, np.nan]])], [plain])
