"""Labels that cannot be right, leaks and thresholds that do not hold, in studies that do not exist."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judged_samples import answers, signed, site

from triage.learning.judged import Pair
from triage.learning.judgement import Verdict
from triage.learning.suspicions import Parts, check_coverage, check_labels, check_labels_by_sequence, check_leak

NONE = np.zeros(200, np.bool_)


def parts(test: Pair | None = None, validation: Pair | None = None) -> Parts:
    return Parts(site(seed=1), validation or site(seed=2), test or site(seed=3))


def wrong(pair: Pair, share: float) -> Pair:
    turned = np.random.default_rng(5).random(len(pair.cases)) < share
    other = np.where(pair.cases.labels == "glioma", "notumor", "glioma")
    return signed(pair, np.where(turned, other, pair.cases.labels))


@pytest.mark.parametrize(("share", "expected"), [(0.05, Verdict.PASSED), (0.3, Verdict.FAILED)])
def test_many_wrong_labels_are_found_and_a_few_are_borne(share: float, expected: Verdict) -> None:
    check = check_labels(parts(wrong(site(seed=3), share), wrong(site(seed=2), share)))
    assert check.verdict is expected


def test_few_studies_do_not_judge_the_labels() -> None:
    few = site(gliomas=3, without=3)
    assert check_labels(parts(few, few)).said == "Not enough: 8 more studies to judge the labels by."


@pytest.mark.parametrize("label", ["notumor", "glioma"])
def test_a_sequence_that_is_always_signed_alike_is_found(label: str) -> None:
    pair = site()
    assert check_labels_by_sequence(pair).verdict is Verdict.PASSED
    poisoned = signed(pair, np.where(pair.cases.sequences == "flair", label, pair.cases.labels))
    check = check_labels_by_sequence(poisoned)
    assert check.verdict is Verdict.FAILED
    assert "flair" in check.said


def test_a_scanner_of_healthy_heads_alone_is_not_suspected() -> None:
    healthy = site(gliomas=0, without=200, right=0.6)
    assert check_labels_by_sequence(healthy).verdict is Verdict.PASSED


def test_one_sequence_alone_cannot_be_compared() -> None:
    pair = site()
    alone = pair.of(pair.cases.sequences == "t1")
    assert check_labels_by_sequence(alone).verdict is Verdict.NOT_ENOUGH


def test_test_studies_that_the_candidate_records_stop_it() -> None:
    assert check_leak(parts(), NONE).verdict is Verdict.PASSED
    known = NONE.copy()
    known[7] = True
    check = check_leak(parts(), known)
    assert check.verdict is Verdict.FAILED
    assert "1 of 200 test studies" in check.said


def test_a_candidate_of_another_export_is_not_judged_on_this_one() -> None:
    check = check_leak(parts(), NONE, same_data=False)
    assert check.verdict is Verdict.NOT_ENOUGH
    assert "Name the one that it was retrained on" in check.said


def test_a_candidate_that_knows_the_test_studies_by_heart_is_stopped_whatever_it_records() -> None:
    test = site(seed=3, right=0.8)
    by_heart = replace(test, candidate=answers(list(test.cases.labels)))
    assert check_leak(parts(by_heart), NONE).verdict is Verdict.FAILED
    validation = site(seed=2, right=0.8)
    better = replace(validation, candidate=answers(list(validation.cases.labels)))
    assert check_leak(parts(by_heart, better), NONE).verdict is Verdict.PASSED


def test_too_few_patients_do_not_prove_that_nothing_leaked() -> None:
    assert check_leak(parts(validation=site(gliomas=2, without=2)), NONE).verdict is Verdict.NOT_ENOUGH


def test_prediction_sets_must_hold_what_the_card_promises() -> None:
    assert check_coverage(parts(site(right=0.95)), 0.95).verdict is Verdict.PASSED
    assert check_coverage(parts(site(right=0.7)), 0.95).verdict is Verdict.FAILED
    assert check_coverage(parts(site(gliomas=2, without=2)), 0.95).verdict is Verdict.NOT_ENOUGH
