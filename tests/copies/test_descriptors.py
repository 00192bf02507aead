from __future__ import annotations

import numpy as np
from drawn import draw_head

from triage.copies.descriptors import FRAME, SIDE, WINDOWS, describe, gather, head_of, normalise, shrink


def test_a_vector_has_zero_mean_and_unit_length_or_is_zero() -> None:
    heads = gather([head_of(np.asarray(draw_head(1))), head_of(np.zeros((64, 64), np.uint8))])
    vectors = describe(heads)
    assert vectors.shape == (2, SIDE * SIDE)
    assert abs(vectors[0].mean()) < 1e-6
    assert np.linalg.norm(vectors[0]) == np.float32(1)
    assert not vectors[1].any()


def test_a_mirrored_view_of_a_flipped_head_is_the_view_of_the_head() -> None:
    head = head_of(np.asarray(draw_head(1)))
    flipped = head.flipped(np.array([True]))
    assert np.array_equal(flipped.pixels[0], head.pixels[0][:, ::-1])
    assert np.allclose(describe(flipped, mirrored=True), describe(head), atol=1e-6)
    assert not np.allclose(describe(flipped), describe(head), atol=1e-2)


def test_the_padding_around_a_picture_is_known() -> None:
    whole = np.zeros((256, 256), np.uint8)
    whole[40:216, 60:196] = 120
    cut = head_of(whole[:, 60:196])  # the frame is square, and the crop is not
    left, top, right, bottom = cut.inside[0]
    assert 0 < left < right < 1
    assert (top, bottom) == (0, 1)


def test_a_window_is_a_part_of_the_frame() -> None:
    frame = np.zeros((1, FRAME, FRAME), np.uint8)
    frame[:, :, FRAME // 2 :] = 200
    heads = head_of(np.asarray(draw_head(1)))._replace(pixels=frame)
    bright = {window.left: (describe(heads, window) > 0).mean() for window in WINDOWS if window.side <= 0.92}
    by_left = [bright[left] for left in sorted(bright)]
    assert by_left == sorted(by_left)
    assert by_left[0] < 0.5 < by_left[-1]


def test_shrinking_averages() -> None:
    frame = np.zeros((1, FRAME, FRAME), np.uint8)
    frame[:, :, FRAME // 2 :] = 200
    assert np.allclose(shrink(frame, 2)[0], [[0, 200], [0, 200]], atol=0.01)
    assert np.allclose(shrink(frame, 1)[0], 100, atol=0.01)


def test_only_what_counts_is_normalised() -> None:
    values = np.array([[1, 2, 300, 3]], np.float32)
    where = np.array([[True, True, False, True]])
    scaled = normalise(values, where)
    assert scaled[0, 2] == 0
    assert np.allclose(scaled[0, [0, 1, 3]], np.array([-1, 0, 1]) / np.sqrt(2))
