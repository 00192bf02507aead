"""The step itself is compared with the usual training in `test_train.py`."""

from __future__ import annotations

import numpy as np

from triage.training.elsewhere.step import resized


def test_views_shrink_to_the_input_by_averages() -> None:
    stripes = np.tile(np.array([0.0, 200.0], np.float32), (1, 64, 32))[..., None]
    assert resized(stripes, 64) is stripes
    shrunk = np.asarray(resized(stripes, 32))
    assert shrunk.shape == (1, 32, 32, 1)
    assert np.abs(shrunk[:, 2:-2, 2:-2] - 100).max() < 40
