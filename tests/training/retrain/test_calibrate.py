from __future__ import annotations

from dataclasses import replace

import numpy as np

from triage.domain import OperatingPoints
from triage.inference.calibration import log_softmax
from triage.inference.card import Card
from triage.settings import ROOT
from triage.training.layouts import FINDINGS, Item
from triage.training.retrain.calibrate import Known, recalibrate

PARENT = Card.model_validate_json((ROOT / "models" / "two-look-v6.1" / "card.json").read_text())


def site(patients: int, strength: float, seed: int = 0) -> tuple[np.ndarray, list[Item]]:
    """Return log-probabilities of so many patients of each class, and their items; weaker is less sure."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), patients)
    logits = rng.normal(0, 1, (len(truth), 4))
    logits[np.arange(len(truth)), truth] += strength
    items = [Item(f"{at}.png", "readings", FINDINGS[kind].value, patient=str(at)) for at, kind in enumerate(truth)]
    return log_softmax(logits).astype(np.float32), items


def calibrated(patients: int, strength: float, known: Known | None = None):
    looks, items = site(patients, strength)
    return recalibrate(PARENT, looks, looks, items, np.ones(len(items)), known)


def test_without_a_patient_the_calibration_is_that_of_the_parent() -> None:
    none = np.zeros((0, 4), np.float32)
    found = recalibrate(PARENT, none, none, [], np.zeros(0), None)
    assert found.fusion == PARENT.fusion
    assert (found.points, found.conformal) == (PARENT.operating_points, PARENT.conformal)
    assert "59 patients of the site could say more, its validation part has 0" in found.threshold_notes["glioma"]


def test_a_few_patients_hardly_move_it_and_many_do() -> None:
    def moved(patients: int) -> float:
        return float(np.abs(np.array(calibrated(patients, 2).fusion.first) - np.array(PARENT.fusion.first)).max())

    assert moved(2) < 0.1 < moved(200)
    few = calibrated(10, 2)
    assert (few.points, few.conformal) == (PARENT.operating_points, PARENT.conformal)


def test_an_operating_point_is_lowered_where_the_site_needs_it_and_never_raised() -> None:
    low, high = calibrated(200, 2.5), calibrated(200, 8.0)
    assert low.points.glioma < PARENT.operating_points.glioma
    assert low.threshold_notes["glioma"].startswith("Lowered from the parent's 0.371")
    assert high.points == PARENT.operating_points
    assert "need no lower one" in high.threshold_notes["glioma"]


def test_points_of_windows_are_lowered_on_the_series_of_the_site() -> None:
    parent = PARENT.model_copy(update={"window_points": OperatingPoints(glioma=0.6, tumour=0.55)})
    looks, items = site(600, 2.0)
    scans = [replace(item, patient=str(at // 3), scan=str(at // 3)) for at, item in enumerate(items)]
    found = recalibrate(parent, looks, looks, scans, np.ones(len(items)), None)
    assert found.window_points is not None
    assert found.points.glioma <= found.window_points.glioma < 0.6
    assert found.threshold_notes["window_glioma"].startswith("Lowered from the parent's 0.6")
    alone = recalibrate(parent, looks, looks, items, np.ones(len(items)), None)
    assert alone.window_points == parent.window_points, "slices without neighbours say nothing of windows"
    assert "its validation part has 0" in alone.threshold_notes["window_glioma"]


def test_prediction_sets_hold_on_the_site_what_they_promise_and_never_get_smaller() -> None:
    sure = PARENT.model_copy(
        update={"conformal": PARENT.conformal.model_copy(update={"least": dict.fromkeys(FINDINGS, 0.6)})}
    )
    looks, items = site(400, 2.0)
    found = recalibrate(sure, looks, looks, items, np.ones(len(items)), None)
    looks, items = site(400, 2.0, seed=1)
    said = found.fusion.probabilities(looks, looks)
    for at, kind in enumerate(FINDINGS):
        own = said[[item.label == kind for item in items], at]
        assert (own >= sure.conformal.least[kind]).mean() < 0.9
        assert (own >= found.conformal.least[kind]).mean() > 0.92
    assert calibrated(400, 8.0).conformal == PARENT.conformal


def test_prediction_sets_follow_the_site_from_ten_patients_and_nineteen_slices_of_a_class() -> None:
    sure = PARENT.model_copy(
        update={"conformal": PARENT.conformal.model_copy(update={"least": dict.fromkeys(FINDINGS, 0.9)})}
    )

    def follows(patients: int, slices: int) -> bool:
        looks, items = site(patients * slices, 2.0)
        held = [replace(item, patient=str(at // slices)) for at, item in enumerate(items)]
        found = recalibrate(sure, looks, looks, held, np.ones(len(items)), None).conformal
        return all(found.least[kind] < 0.9 for kind in FINDINGS)

    assert [follows(9, 3), follows(10, 1), follows(10, 2)] == [False, False, True]


def test_wrong_labels_do_not_put_a_class_into_most_sets() -> None:
    looks, items = site(100, 8.0)
    glioma = FINDINGS[0].value
    wrong = [replace(item, label=glioma) if at % 20 == 19 else item for at, item in enumerate(items)]
    found = recalibrate(PARENT, looks, looks, wrong, np.ones(len(items)), None)
    others = found.fusion.probabilities(looks, looks)[100:, 0]
    assert 0.5 < (others < found.conformal.least[FINDINGS[0]]).mean() < 0.7


def test_what_the_parent_said_of_its_training_set_is_said_again() -> None:
    looks, _ = site(50, 3, seed=1)
    answers = PARENT.fusion.probabilities(looks, looks)
    overconfident = log_softmax(2 * looks).astype(np.float32)
    none = np.zeros((0, 4), np.float32)
    found = recalibrate(PARENT, none, none, [], np.zeros(0), Known(overconfident, overconfident, answers))
    apart = [
        np.abs(fusion.probabilities(overconfident, overconfident) - answers).mean()
        for fusion in (PARENT.fusion, found.fusion)
    ]
    assert apart[1] < apart[0] / 2


def test_slices_of_one_patient_count_like_two() -> None:
    looks, items = site(2, 0.5)
    repeated = [Item(f"{at}.png", "readings", item.label, patient="one") for at in range(50) for item in items]
    many = recalibrate(PARENT, np.tile(looks, (50, 1)), np.tile(looks, (50, 1)), repeated, np.ones(400), None)
    assert np.abs(np.array(many.fusion.first) - np.array(PARENT.fusion.first)).max() < 0.1
