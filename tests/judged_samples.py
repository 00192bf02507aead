"""Answers of two models to studies that do not exist, for the tests of the judgement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from triage.domain import Band, Finding
from triage.learning.judged import FINDINGS, Answers, Cases, Pair

SEQUENCES = ("t1", "flair", "t2")


def cases(labels: list[str], per_patient: int = 1) -> Cases:
    count = len(labels)
    patients = [f"P{at // per_patient}" for at in range(count)]
    sequences = [SEQUENCES[at % 3] for at in range(count)]
    names = [f"study {at}" for at in range(count)]
    return Cases(*(np.array(column, np.str_) for column in (names, labels, patients, sequences, ["scanner"] * count)))


def answers(called: list[str], sure: float = 0.9) -> Answers:
    """Return answers that call each study so; an empty text refuses it."""
    probabilities = np.full((len(called), len(FINDINGS)), (1 - sure) / 3)
    for at, name in enumerate(called):
        probabilities[at] = np.nan if not name else probabilities[at]
        if name:
            probabilities[at, FINDINGS.index(Finding(name))] = sure
    bands = {"": "", "glioma": Band.STAT, "notumor": Band.ROUTINE, "meningioma": Band.URGENT, "pituitary": Band.URGENT}
    possible = np.nan_to_num(probabilities) >= 0.5
    return Answers(probabilities, np.array([bands[name] for name in called], np.str_), possible)


def site(gliomas: int = 100, without: int = 100, seed: int = 0, right: float = 0.9) -> Pair:
    """Return studies that both models call alike, right in a share of them."""
    labels = ["glioma"] * gliomas + ["notumor"] * without
    rng = np.random.default_rng(seed)
    other = {"glioma": "notumor", "notumor": "glioma"}
    called = [label if rng.random() < right else other[label] for label in labels]
    return Pair(cases(labels), answers(called), answers(called))


def with_candidate(pair: Pair, change: NDArray[np.bool_], to: str) -> Pair:
    """Return the pair with a candidate that calls the chosen studies something else."""
    called = np.where(change, to, pair.candidate.called)
    return replace(pair, candidate=answers(list(called)))


def signed(pair: Pair, labels: NDArray[np.str_]) -> Pair:
    """Return the pair with other labels."""
    return replace(pair, cases=replace(pair.cases, labels=labels))
