"""Tumours without a recorded type in a cross-validation; `test_release.py` tests the rest."""

from __future__ import annotations

import numpy as np

from triage.inference.calibration import log_softmax
from triage.training.evaluate.cross_validation import report
from triage.training.evaluate.predictions import Predictions
from triage.training.layouts import FINDINGS, UNTYPED, Item
from triage.training.release.calibration import cross_fit


def test_untyped_tumours_are_counted_by_predicted_class() -> None:
    labels = [*FINDINGS * 20, *[UNTYPED] * 6]
    meant = np.array([FINDINGS.index(label) if label != UNTYPED else 1 for label in labels])
    meant[-1] = 0
    looks = log_softmax(6 * np.eye(4)[meant] + np.random.default_rng(0).normal(0, 0.3, (len(labels), 4)))
    looks[-1] = log_softmax(np.array([12.0, 0, 0, 0]))  # beyond doubt
    unknown = np.full(len(labels), np.nan)
    dice = np.where(meant == 0, 0.5, np.nan)
    predictions = Predictions(
        tuple(Item(str(index), "web", label, cluster=index) for index, label in enumerate(labels)),
        np.arange(len(labels)) // 4 % 2,
        np.zeros(len(labels), np.bool_),
        looks,
        looks,
        unknown,
        dice,
        np.where(np.isnan(dice), np.nan, 1.0)[:, None].repeat(4, axis=1),
    )
    counted = report(cross_fit(predictions), draws=5)
    assert counted["unknown_type"] == {
        "slices": 6,
        "called": {"glioma": 1, "meningioma": 5, "pituitary": 0, "notumor": 0},
        "at_glioma_operating_point": 1,
    }
    assert np.sum(counted["confusion"]) == 80, "they have no row among the types"
