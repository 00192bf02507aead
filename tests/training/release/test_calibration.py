from __future__ import annotations

import numpy as np
import pytest

from triage.inference.calibration import log_softmax
from triage.training.layouts import FINDINGS, Item
from triage.training.release.calibration import calibrate, choose_points, fit_conformal, fit_fusion


@pytest.fixture(scope="module")
def looks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two overconfident looks, the second more informative, and labels drawn from the sum of the calibrated ones."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 0.5, (4000, 4)), rng.normal(0, 1.5, (4000, 4))
    chances = np.exp(log_softmax(first + second))
    truth = np.array([rng.choice(4, p=row / row.sum()) for row in chances])
    return log_softmax(3 * first), log_softmax(3 * second), truth


def test_the_fusion_weights_the_looks_and_corrects_overconfidence(
    looks: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    first, second, truth = looks
    fusion = fit_fusion(first, second, truth)
    even = np.exp(log_softmax((first + second) / 2))
    fused = fusion.probabilities(first, second)
    rows = np.arange(len(truth))
    assert -np.log(fused[rows, truth]).mean() < -np.log(even[rows, truth]).mean()
    assert abs(fused.max(axis=1).mean() - (fused.argmax(axis=1) == truth).mean()) < 0.02


def test_with_few_pictures_the_fusion_stays_near_the_mean(looks: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    fusion = fit_fusion(*(part[:2] for part in looks))
    np.testing.assert_allclose(np.array(fusion.first), np.eye(4) / 2, atol=0.25)


def test_prediction_sets_cover_95_percent_of_each_class(looks: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    first, second, truth = looks
    fusion = fit_fusion(first, second, truth)
    fused = fusion.probabilities(first, second)
    learnt, judged = slice(0, 2000), slice(2000, None)
    conformal = fit_conformal(fused[learnt], truth[learnt])
    for index, finding in enumerate(FINDINGS):
        held = fused[judged][truth[judged] == index, index] >= conformal.least[finding]
        assert held.mean() == pytest.approx(0.95, abs=0.03)
    assert fit_conformal(fused[:20], truth[:20]).least[FINDINGS[0]] == 0, "too few to rule anything out"


def test_untyped_tumours_count_only_for_the_tumour_point(looks: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    first, second, truth = (part[:200] for part in looks)
    items = [Item(str(number), "web", FINDINGS[label]) for number, label in enumerate(truth)]
    untyped = [Item("x", "web", "tumor")]
    alone = calibrate(first, second, items)
    more = calibrate(np.r_[first, first[:1]], np.r_[second, second[:1]], items + untyped)
    assert more.fusion == alone.fusion
    assert more.conformal == alone.conformal
    assert more.threshold_notes["tumour"] != alone.threshold_notes["tumour"]


def test_operating_points_reach_their_sensitivity() -> None:
    rng = np.random.default_rng(1)
    labels = ["glioma"] * 100 + ["meningioma"] * 60 + ["notumor"] * 80 + ["tumor"] * 40
    scores = rng.dirichlet((1, 1, 1, 1), len(labels))
    points, words = choose_points(scores, [Item(str(number), "web", label) for number, label in enumerate(labels)])
    assert 0.97 < (scores[:100, 0] >= points.glioma).mean() < 1
    assert points.tumour <= 0.5
    assert words["glioma"].endswith("(100 with, 140 without).")
    assert words["tumour"].endswith("(200 with, 80 without).")


def test_the_sensitivity_holds_for_new_patients_with_the_stated_confidence() -> None:
    """Scores are uniform, so the sensitivity of a point among all patients is what it leaves above it."""
    rng = np.random.default_rng(2)
    items = [Item(str(number), "web", "glioma" if number < 300 else "notumor") for number in range(310)]
    held = []
    for _ in range(400):
        glioma = rng.random(310)
        rest = (1 - glioma)[:, None] / 3
        points, _ = choose_points(np.column_stack([glioma, rest, rest, rest]), items)
        held.append(1 - points.glioma >= 0.95)
    assert 0.93 < np.mean(held) < 1
