from __future__ import annotations

import cv2
import numpy as np

from triage.training.views.contrast import remap_intensities, reorder_contrast


def test_a_curve_changes_gray_values_and_nothing_else() -> None:
    frame = np.zeros((320, 320), np.uint8)
    cv2.circle(frame, (160, 160), 140, 90, -1)
    cv2.circle(frame, (110, 170), 24, 220, -1)
    rng = np.random.default_rng(0)
    seen = [remap_intensities(frame, rng) for _ in range(30)]
    for changed in seen:
        assert changed.dtype == np.uint8
        assert not changed[frame == 0].any(), "air stays black"
        assert len(np.unique(changed[frame == 90])) == 1
    brighter = [changed[170, 110] > changed[160, 200] for changed in seen]
    assert 5 < sum(brighter) < 30, "the lesion is not always the brighter one"


def test_tissues_change_their_order_of_brightness_and_air_stays_dark() -> None:
    head = np.zeros((96, 96), np.float32)
    head[16:80, 16:80] = 100
    head[28:44, 28:44], head[52:68, 52:68] = 50, 230
    turned_round = 0
    for seed in range(40):
        seen = reorder_contrast(head, np.random.default_rng(seed))
        assert (seen.shape, seen.dtype) == (head.shape, np.float32)
        assert 0 <= seen.min() <= seen.max() <= 255
        assert not seen[:8].any()
        assert not seen[-8:].any()
        assert max(np.ptp(seen[32:40, 32:40]), np.ptp(seen[56:64, 56:64])) < 0.01, "one tissue stays one tissue"
        turned_round += bool(seen[36, 36] > seen[48, 22] > seen[60, 60])
    assert 15 <= turned_round < 40


def test_a_view_without_tissue_stays_as_it_is() -> None:
    nothing = np.zeros((32, 32), np.float32)
    np.testing.assert_array_equal(reorder_contrast(nothing, np.random.default_rng(0)), nothing)
