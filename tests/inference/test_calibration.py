from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Finding
from triage.inference.calibration import Fusion, log_softmax, prediction_set, softmax

EVEN = Fusion(
    first=tuple(map(tuple, (np.eye(4) / 2).tolist())),
    second=tuple(map(tuple, (np.eye(4) / 2).tolist())),
    bias=(0.0, 0.0, 0.0, 0.0),
)


def test_even_weights_average_the_looks() -> None:
    rng = np.random.default_rng(0)
    first, second = (log_softmax(rng.normal(0, 2, (5, 4))) for _ in range(2))
    np.testing.assert_allclose(EVEN.probabilities(first, second), softmax((first + second) / 2), atol=1e-6)
    np.testing.assert_allclose(EVEN.probabilities(first[0], second[0]), softmax((first[0] + second[0]) / 2), atol=1e-6)


def test_a_bias_favours_its_class() -> None:
    even = np.log(np.full(4, 0.25, np.float32))
    biased = EVEN.model_copy(update={"bias": (1.0, 0.0, 0.0, 0.0)})
    assert biased.probabilities(even, even)[0] == pytest.approx(np.e / (np.e + 3))


def test_the_set_holds_what_reaches_its_own_threshold_and_always_the_likeliest() -> None:
    least = dict(zip(Finding, (0.1, 0.4, 0.9, 0.2), strict=True))
    said = dict(zip(Finding, (0.35, 0.5, 0.1, 0.05), strict=True))
    assert prediction_set(said, least) == (Finding.GLIOMA, Finding.MENINGIOMA)
    assert prediction_set(said, dict.fromkeys(Finding, 0.99)) == (Finding.MENINGIOMA,)


def test_no_class_is_ruled_out_that_is_likelier_than_one_that_is_not() -> None:
    least = dict(zip(Finding, (0.4, 0.1, 0.04, 0.4), strict=True))
    said = dict(zip(Finding, (0.3, 0.05, 0.06, 0.59), strict=True))
    assert prediction_set(said, least) == (Finding.GLIOMA, Finding.PITUITARY, Finding.NOTUMOR)
    rng = np.random.default_rng(0)
    for row, limits in zip(rng.dirichlet(np.ones(4) / 2, 200), rng.uniform(0, 1, (200, 4)), strict=True):
        said, least = dict(zip(Finding, row, strict=True)), dict(zip(Finding, limits, strict=True))
        found = prediction_set(said, least)
        assert {one for one in Finding if said[one] >= least[one]} <= set(found), "the coverage of each class is kept"
        others = [said[one] for one in Finding if one not in found]
        assert min(said[one] for one in found) > max(others, default=0)
