from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Placement
from triage.inference.preprocess import place, prepare
from triage.phantoms import Phantom
from triage.scans.formats.raster import decode


@pytest.fixture(scope="module")
def head(slices: list[Phantom]) -> np.ndarray:
    return decode(slices[0].png).pixels


def test_the_frame_has_the_size_and_range_of_the_network(head: np.ndarray) -> None:
    frame, _ = prepare(head, 224)
    assert (frame.shape, frame.dtype) == ((224, 224), np.float32)
    assert 0 <= frame.min() < 5
    assert 250 < frame.max() <= 255


def test_window_depth_and_offset_make_no_difference(head: np.ndarray) -> None:
    frame, _ = prepare(head, 224)
    deep, _ = prepare(head.astype(np.uint16) * 113 + 900, 224)
    assert np.abs(frame - deep).max() < 0.1


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_gray_values_that_are_counted_and_that_are_sorted_give_the_same_frame(head: np.ndarray, depth: type) -> None:
    whole = head.astype(depth) * (1 if depth is np.uint8 else 251)
    counted, placement = prepare(whole, 224)
    in_order, same = prepare(whole.astype(np.float64), 224)
    assert placement == same
    np.testing.assert_allclose(counted, in_order, atol=1e-3)


@pytest.mark.parametrize("shade", [0, 255])
def test_borders_are_cut_away(head: np.ndarray, shade: int) -> None:
    padded = np.pad(head, ((60, 10), (30, 90)), constant_values=int(head[0, 0]))
    frame, placement = prepare(head, 224)
    moved, shifted = prepare(padded, 224)
    assert shifted == Placement(placement.left + 30, placement.top + 60, placement.side)
    inside = slice(20, 204)
    assert np.abs(frame - moved)[inside, inside].mean() < 3


def test_a_picture_where_nothing_stands_out_is_taken_whole() -> None:
    _, placement = prepare(np.full((100, 80), 7, np.uint8), 64)
    assert placement.side >= 100


def test_a_map_is_laid_back_where_it_came_from() -> None:
    pixels = np.zeros((200, 260), np.uint8)
    pixels[40:180, 60:200] = 100
    pixels[60:80, 150:170] = 250
    frame, placement = prepare(pixels, 224)
    back = place((frame > 200).astype(np.float32), placement, pixels.shape)
    assert back.shape == pixels.shape
    rows, columns = np.nonzero(back > 0.5)
    assert abs(rows.mean() - 69.5) < 2
    assert abs(columns.mean() - 159.5) < 2
    assert (back[:30] == 0).all()
