from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from triage.inference.calibration import log_softmax
from triage.training.evaluate.predictions import Predictions
from triage.training.layouts import FINDINGS, Item
from triage.training.release.calibration import (
    calibrate,
    choose_points,
    choose_window_points,
    cross_fit,
    cross_fit_new_sources,
    fit_conformal,
    fit_fusion,
)

#: Patients of "far" in the test fold of the second trial of `two_trials`.
TESTED = [f"f{number}" for number in range(20)]


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


def test_operating_points_also_hold_on_new_sources() -> None:
    """Gliomas of new sources have lower scores: both points follow them down, and the notes say what that costs."""
    rng = np.random.default_rng(3)
    labels = np.array((["glioma"] * 200 + ["notumor"] * 200) * 2)
    new = np.arange(800) >= 400
    glioma = np.where(labels == "glioma", np.where(new, rng.uniform(0.2, 0.9, 800), rng.uniform(0.6, 1, 800)), 0.1)
    scores = np.column_stack([glioma, np.zeros(800), np.zeros(800), 1 - glioma])
    items = [Item(str(number), "web", label) for number, label in enumerate(labels)]
    points, words = choose_points(scores, items, new)
    elsewhere = glioma[new & (labels == "glioma")]
    assert (elsewhere >= points.glioma).mean() == pytest.approx(0.85, abs=0.01)
    assert (elsewhere >= points.tumour).mean() == pytest.approx(0.95, abs=0.01)
    assert "there: sensitivity 0.8" in words["glioma"]
    assert "specificity 1.000 (200 with, 200 without)." in words["glioma"]
    known_only, _ = choose_points(scores[~new], [item for item, one in zip(items, new, strict=True) if not one])
    assert known_only.glioma > points.glioma


def test_operating_points_do_not_follow_new_sources_at_any_cost() -> None:
    """Heads of new sources look like their gliomas: the points stop where too many heads would be above them."""
    rng = np.random.default_rng(5)
    labels = np.array((["glioma"] * 200 + ["notumor"] * 200) * 2)
    new = np.arange(800) >= 400
    known = np.where(labels == "glioma", rng.uniform(0.7, 1, 800), 0.05)
    glioma = np.where(new, rng.uniform(0, 0.6, 800), known)
    scores = np.column_stack([glioma, np.zeros(800), np.zeros(800), 1 - glioma])
    points, words = choose_points(scores, [Item(str(number), "web", label) for number, label in enumerate(labels)], new)
    heads = glioma[new & (labels == "notumor")]
    assert (heads < points.glioma).mean() == pytest.approx(0.90, abs=0.01)
    assert (heads < points.tumour).mean() == pytest.approx(0.60, abs=0.01)
    assert "as long as 0.90 of the others stay below; there: sensitivity 0.0" in words["glioma"]


def test_windows_have_points_of_their_own() -> None:
    """A series has one suspicious window in ten, so its slices alone would allow a point that every series reaches."""
    rng = np.random.default_rng(6)
    items, glioma = [], []
    for patient in range(160):
        source, label = ("far" if patient % 2 else "near"), ("glioma" if patient < 80 else "notumor")
        items += [Item(f"{patient}_s{at:02d}.jpg", source, label, patient=f"p{patient}") for at in range(30)]
        low = rng.uniform(0, 0.2, 30)
        low[10:13] = rng.uniform(0.3, 0.5, 3)
        glioma.append(rng.uniform(0, 1, 30) if label == "glioma" else low)
    scores = np.concatenate(glioma)
    probabilities = np.column_stack([scores, np.zeros_like(scores), np.zeros_like(scores), 1 - scores])
    new = np.array([item.source == "far" for item in items])
    single, _ = choose_points(probabilities, items, new)
    window, words = choose_window_points(probabilities, items, single, new)
    assert window is not None
    assert window.glioma >= single.glioma
    assert 0.3 < window.tumour <= 0.5, "slices: 0.60 of those of the heads are below 0.2"
    assert single.tumour < 0.2
    assert "independent series" in words["window_tumour"]
    assert words["window_tumour"].endswith("(40 with, 40 without).")
    lone = [replace(item, patient=None) for item in items]
    assert choose_window_points(probabilities, lone, single, new) == (None, {}), "no picture has a neighbour"


def test_the_fusion_is_fitted_without_new_sources(looks: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    first, second, truth = (part[:300] for part in looks)
    items = [Item(str(number), "web", FINDINGS[label]) for number, label in enumerate(truth)]
    new = np.arange(300) >= 200
    calibration = calibrate(first, second, items, new)
    assert calibration.fusion == fit_fusion(*(part[:200] for part in (first, second, truth)))


@pytest.fixture(scope="module")
def two_trials() -> Predictions:
    """The first trial left out the source "far", of which the second one tested the patients of its fold.

    Whatever is said of "far" is said with no confidence at all, so that a calibration which has seen it differs.
    """
    rng = np.random.default_rng(4)
    known = [Item(f"near/{number}", "near", FINDINGS[number % 4], patient=f"n{number}") for number in range(160)]
    far = [Item(f"far/{number}", "far", FINDINGS[number % 4], patient=f"f{number}") for number in range(40)]
    items = [*known, *far, *far[:20]]
    truth = np.array([FINDINGS.index(item.label) for item in items])  # type: ignore[arg-type]
    sure = np.array([3.0 if item.source == "near" else 0.1 for item in items])
    looks = log_softmax(sure[:, None] * np.eye(4)[truth] + rng.normal(0, 1, (len(items), 4)))
    folds = np.concatenate([np.arange(160) // 4 % 2, np.zeros(40, np.int64), np.ones(20, np.int64)])
    new = np.arange(len(items)) // 20 % 11 >= 8
    new[200:] = False
    nothing = np.full(len(items), np.nan)
    return Predictions(tuple(items), folds, new, looks, looks, nothing, nothing, np.full((len(items), 4), np.nan))


def test_a_fold_is_judged_without_its_patients_in_other_trials(two_trials: Predictions) -> None:
    """Twenty patients of "far" are in fold 1, and the first trial, to which "far" is new, was asked about them too."""
    first, second = cross_fit(two_trials)
    assert [len(part.items) for part, _ in (first, second)] == [80, 100]
    allowed = two_trials.of((two_trials.folds == 0) & ~np.isin([item.patient for item in two_trials.items], TESTED))
    assert len(allowed.items) == 100
    assert second[1] == calibrate(allowed.first, allowed.second, allowed.items, allowed.new)
    everything = two_trials.of(two_trials.folds == 0)
    assert second[1] != calibrate(everything.first, everything.second, everything.items, everything.new)


def test_a_source_left_out_is_judged_without_it_in_other_trials(two_trials: Predictions) -> None:
    [(judged, calibration)] = cross_fit_new_sources(two_trials)
    assert {item.source for item in judged.items} == {"far"}
    assert len(judged.items) == 40
    allowed = two_trials.of((two_trials.folds == 1) & np.array([item.source == "near" for item in two_trials.items]))
    assert calibration == calibrate(allowed.first, allowed.second, allowed.items, allowed.new)
