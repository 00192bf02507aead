from __future__ import annotations

import numpy as np

from triage.training.views.augment import random_view, turned


def test_a_mask_is_moved_with_its_picture() -> None:
    frame = np.zeros((64, 64), np.float32)
    frame[10:30, 35:50] = 255
    for seed in range(5):
        seen, mask = turned(frame, np.random.default_rng(seed), (frame > 0).astype(np.float32))
        assert mask is not None
        np.testing.assert_allclose(mask, seen / 255, atol=0.02)


def test_a_random_view_is_a_picture_of_the_inputs_size_and_follows_the_seed() -> None:
    frame = np.random.default_rng(0).uniform(0, 255, (83, 83)).astype(np.float32)
    views = [random_view(frame, 64, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    for view in views:
        assert (view.shape, view.dtype) == ((64, 64), np.float32)
        assert 0 <= view.min() <= view.max() <= 255
    np.testing.assert_array_equal(views[0], views[1])
    assert (views[0] != views[2]).any()
