"""Checks on answers of two models to studies that do not exist: each loss is found, each lack of patients is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judged_samples import answers, cases, site, with_candidate

from triage.learning.checks import check_size, check_time, checks_of
from triage.learning.judged import Pair
from triage.learning.judgement import DISCRIMINATION, SENSITIVITY, Check, Place, Verdict, named


def found(pair: Pair, place: Place = Place.SITE) -> dict[str, Check]:
    checks = {check.name: check for check in checks_of(pair, place)}
    assert all(check.said.endswith(".") for check in checks.values())
    return checks


def verdict(pair: Pair, topic: str) -> Verdict:
    return found(pair)[named(topic, Place.SITE)].verdict


def test_a_model_that_answers_alike_passes_with_enough_patients() -> None:
    assert {check.verdict for check in found(site(200, 200)).values()} == {Verdict.PASSED}


def test_with_few_patients_it_says_how_many_more_it_takes() -> None:
    check = found(site(gliomas=20, without=20))[named(SENSITIVITY, Place.SITE)]
    assert check.verdict is Verdict.NOT_ENOUGH
    assert check.said.startswith(f"Not enough: {check.figures['more']:.0f} more patients with a glioma for a margin")
    assert 50 < (check.figures["more"] or 0) < 500


def test_without_a_glioma_the_sensitivity_is_not_passed() -> None:
    pair = site(gliomas=0, without=50)
    check = found(pair)[named(SENSITIVITY, Place.SITE)]
    assert check.verdict is Verdict.NOT_ENOUGH
    assert "There is none yet" in check.said
    assert verdict(pair, DISCRIMINATION) is Verdict.NOT_ENOUGH


def test_lost_gliomas_stop_it_and_won_ones_do_not_hide_it() -> None:
    pair = site(gliomas=200)
    lost = (pair.cases.labels == "glioma") & (np.arange(len(pair.cases)) % 5 == 0)
    worse = with_candidate(pair, lost, "notumor")
    assert verdict(worse, SENSITIVITY) is Verdict.FAILED
    assert verdict(worse, "Gliomas kept out of ROUTINE") is Verdict.FAILED
    assert verdict(Pair(worse.cases, worse.candidate, worse.serving), SENSITIVITY) is Verdict.PASSED


def test_a_candidate_that_calls_everything_glioma_pays_for_it() -> None:
    pair = site()
    everything = with_candidate(pair, np.ones(len(pair.cases), np.bool_), "glioma")
    assert verdict(everything, "Heads without tumour kept out of STAT") is Verdict.FAILED
    assert verdict(everything, DISCRIMINATION) is Verdict.FAILED


def test_a_class_that_vanished_is_found() -> None:
    labels = ["glioma", "meningioma", "pituitary", "notumor"] * 40
    pair = Pair(cases(labels), answers(labels), answers(labels))
    gone = with_candidate(pair, pair.cases.labels == "meningioma", "glioma")
    assert verdict(pair, "Meningiomas called so") is Verdict.PASSED
    assert verdict(gone, "Meningiomas called so") is Verdict.FAILED


def test_refused_brains_and_strangers_that_pass_are_found() -> None:
    labels = ["glioma"] * 60 + ["notumor"] * 60 + ["stranger"] * 100
    called = ["glioma"] * 60 + ["notumor"] * 60 + [""] * 100
    pair = Pair(cases(labels), answers(called), answers(called))
    assert verdict(pair, "Other pictures that are refused") is Verdict.PASSED
    third = np.arange(len(labels)) % 3 == 0
    lax = with_candidate(pair, (pair.cases.labels == "stranger") & third, "notumor")
    strict = with_candidate(pair, (pair.cases.labels != "stranger") & third, "")
    assert verdict(lax, "Other pictures that are refused") is Verdict.FAILED
    assert verdict(strict, "Brains that are not refused") is Verdict.FAILED


def test_probabilities_that_say_less_than_they_claim_are_found() -> None:
    pair = site(right=0.7)
    called = list(pair.serving.called)
    boasting = replace(pair, serving=answers(called, 0.7), candidate=answers(called, 0.97))
    assert verdict(boasting, "Calibration error") is Verdict.FAILED


def test_a_sequence_that_got_worse_is_found_though_the_whole_did_not() -> None:
    pair = site(gliomas=300, right=0.8)
    flair = pair.cases.sequences == "flair"
    glioma = pair.cases.labels == "glioma"
    moved = with_candidate(pair, glioma & flair & (np.arange(len(flair)) % 4 == 0), "notumor")
    moved = with_candidate(moved, glioma & ~flair, "glioma")
    assert verdict(moved, SENSITIVITY) is Verdict.PASSED
    check = found(moved)[named("No sequence or scanner got worse", Place.SITE)]
    assert check.verdict is Verdict.FAILED
    assert "flair" in check.said
    assert "t1" not in check.said


@pytest.mark.parametrize(("after", "expected"), [(1.2, Verdict.PASSED), (1.3, Verdict.FAILED)])
def test_a_cost_may_rise_by_a_factor(after: float, expected: Verdict) -> None:
    assert check_time(1.0, after).verdict is check_size(1.0, after).verdict is expected
