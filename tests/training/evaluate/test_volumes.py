from __future__ import annotations

import numpy as np

from triage.training.evaluate.volumes import stretches_without


def test_stretches_without_tumour_exclude_its_neighbours_and_are_long_enough() -> None:
    shown = np.zeros(20)
    shown[[6, 7, 14]] = 0.01
    assert stretches_without(shown) == [slice(0, 5), slice(9, 13), slice(16, 20)]
    shown[11] = 0.01
    assert stretches_without(shown) == [slice(0, 5), slice(16, 20)]
    assert stretches_without(np.ones(20)) == []
    assert stretches_without(np.zeros(20)) == [slice(0, 20)]
