"""Curves against cases that can be counted by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from triage.domain import Finding
from triage.insights import share
from triage.learning.curves import reliability, roc
from triage.records.answers import Answer


def answer(number: int, glioma: float, called: Finding = Finding.NOTUMOR, patient: str = "") -> Answer:
    rest = (1 - glioma) / 3
    probabilities = dict(zip(Finding, (glioma, rest, rest, rest), strict=True))
    return Answer(str(number), patient or str(number), "net", "a" * 64, probabilities, called)


def test_a_curve_of_four_studies() -> None:
    curve = roc([answer(0, 0.9, Finding.GLIOMA), answer(1, 0.8), answer(2, 0.8, Finding.GLIOMA), answer(3, 0.1)])
    assert curve is not None
    assert curve.false_alarms == (0.0, 0.0, 0.5, 1.0)
    assert curve.sensitivity == (0.0, 0.5, 1.0, 1.0)
    assert curve.auroc.value == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert (curve.gliomas, curve.others) == (2, 2)


def test_the_area_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truths = rng.random(300) < 0.3
    scores = np.round(np.clip(rng.normal(0.3 + 0.2 * truths, 0.2), 0, 1), 2)  # with ties
    cases = [
        answer(at, float(score), Finding.GLIOMA if truth else Finding.PITUITARY)
        for at, (score, truth) in enumerate(zip(scores, truths, strict=True))
    ]
    curve = roc(cases)
    assert curve is not None
    assert curve.auroc.value == pytest.approx(roc_auc_score(truths, scores))
    assert curve.auroc.low < curve.auroc.value < curve.auroc.high


def test_where_all_are_told_apart_the_interval_is_that_of_a_share() -> None:
    cases = [answer(at, 0.9 if at < 12 else 0.1, Finding.GLIOMA if at < 12 else Finding.NOTUMOR) for at in range(50)]
    curve = roc(cases)
    assert curve is not None
    assert (curve.auroc.value, curve.auroc.high) == (1.0, 1.0)
    assert curve.auroc.low == share(12, 12).low


def test_studies_of_one_patient_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    cases = []
    for patient in range(20):
        truth = patient % 2 == 0
        score = float(np.clip(rng.normal(0.4 + 0.2 * truth, 0.15), 0, 1))
        called = Finding.GLIOMA if truth else Finding.NOTUMOR
        cases += [answer(10 * patient + copy, score, called, f"p{patient}") for copy in range(10)]
    alone = [Answer(one.study_id, one.study_id, *_rest(one)) for one in cases]
    together, apart = roc(cases), roc(alone)
    assert together is not None
    assert apart is not None
    assert together.auroc.high - together.auroc.low > apart.auroc.high - apart.auroc.low


def _rest(one: Answer) -> tuple[str, str, object, Finding]:
    return one.name, one.card, one.probabilities, one.called


@pytest.mark.parametrize("called", [Finding.GLIOMA, Finding.NOTUMOR])
def test_one_kind_alone_has_no_curve(called: Finding) -> None:
    assert roc([answer(0, 0.5, called)]) is None
    assert roc([]) is None


def test_reliability_counts_each_bin() -> None:
    cases = [answer(0, 0.05), answer(1, 0.05, Finding.GLIOMA), answer(2, 1.0, Finding.GLIOMA)]
    low, high = reliability(cases)
    assert (low.stated, low.found.part, low.found.count, low.found.value) == (0.05, 1, 2, 0.5)
    assert (high.stated, high.found.count) == (1.0, 1)
    assert low.found.low < 0.5 < low.found.high
    assert reliability([]) == ()
