"""Checks of a candidate on studies that both models judged: what it may not lose, with margin and reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan

import numpy as np

from triage.domain import Band, Finding
from triage.learning.judged import FINDINGS, GLIOMA, STRANGER, Answers, Cases, Mask, Pair
from triage.learning.judgement import DISCRIMINATION, SENSITIVITY, Check, Place, Verdict, named
from triage.learning.measures import auroc, calibration_error
from triage.learning.paired import (
    Difference,
    Positions,
    compared,
    compared_shares,
    discordance,
    patients_for_width,
    patients_needed,
    score_interval,
)

#: Largest loss of the area under the ROC curve, and largest rise of the calibration error.
AUROC_MARGIN = 0.03
CALIBRATION_MARGIN = 0.05
#: Patients on each side from which on a bootstrap interval of these is believed.
FEWEST = 10
#: A sequence, scanner or source got worse if it lost so much, at this confidence: there are many, and one of twenty
#: would seem worse at 95 %.
GROUP_MARGIN = 0.10
GROUP_CONFIDENCE = 0.99
#: Patients of a sequence, scanner or source from which on it is looked at.
FEWEST_IN_GROUP = 5
TIME_FACTOR = 1.25
SIZE_FACTOR = 1.25

Good = Callable[[Answers, Cases], Mask]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the studies with some labels that a candidate may not lose.

    Attributes
    ----------
    topic
        What the share is of.
    labels
        The studies that count.
    good
        Which of them are as they should be.
    margin
        The largest loss.
    patients
        What their patients are called.
    """

    topic: str
    labels: tuple[str, ...]
    good: Good
    margin: float
    patients: str


SHARES = (
    Share(SENSITIVITY, (Finding.GLIOMA,), lambda said, _: said.in_band(Band.STAT), 0.05, "patients with a glioma"),
    Share(
        "Gliomas kept out of ROUTINE",
        (Finding.GLIOMA,),
        lambda said, _: ~said.in_band(Band.ROUTINE),
        0.03,
        "patients with a glioma",
    ),
    Share(
        "Heads without tumour kept out of STAT",
        (Finding.NOTUMOR,),
        lambda said, _: ~said.in_band(Band.STAT),
        0.10,
        "patients without tumour",
    ),
    Share("Brains that are not refused", FINDINGS, lambda said, _: ~said.refused, 0.03, "patients"),
    Share("Other pictures that are refused", (STRANGER,), lambda said, _: said.refused, 0.05, "pictures"),
    *(
        Share(topic, (finding,), lambda said, cases: said.called == cases.labels, 0.10, "patients of this class")
        for finding, topic in (
            (Finding.MENINGIOMA, "Meningiomas called so"),
            (Finding.PITUITARY, "Pituitary tumours called so"),
            (Finding.NOTUMOR, "Heads without tumour called so"),
        )
    ),
)


def checks_of(pair: Pair, place: Place) -> Iterator[Check]:
    """Give the checks of the studies of a place; what does not occur there is left out, unless it must be passed."""
    for share in SHARES:
        chosen = pair.labelled(*share.labels)
        if len(chosen.cases) or share.topic == SENSITIVITY:
            yield check_share(share, chosen, place)
    brains = pair.labelled(*FINDINGS)
    both = brains.of(~brains.serving.refused & ~brains.candidate.refused)
    yield _check_discrimination(both, place)
    if len(both.cases):
        yield _check_calibration(both, place)
    yield _check_groups(brains, place)


def check_share(share: Share, pair: Pair, place: Place) -> Check:
    """Check that a share did not fall: each patient counts once, and both intervals must be within the margin."""
    before, after = share.good(pair.serving, pair.cases), share.good(pair.candidate, pair.cases)
    patients = pair.cases.patients
    found = compared_shares(before, after, patients)
    differ = discordance(before, after, patients)
    low, high = score_interval(differ)
    low, high = min(low, _number(found.low, low)), max(high, _number(found.high, high))
    needed = patients_needed(differ.share, share.margin)
    if low > -share.margin:
        verdict = Verdict.PASSED
    elif found.patients and high < 0:
        verdict = Verdict.FAILED
    else:
        verdict = Verdict.NOT_ENOUGH
    found = Difference(found.before, found.after, low, high, found.patients)
    return _check(named(share.topic, place), verdict, found, share.margin, needed, share.patients)


def check_size(before: float, after: float) -> Check:
    """Check that the file of the network, in MB, did not grow by more than a factor."""
    return _check_cost("Size of the network", before, after, SIZE_FACTOR, "MB")


def check_time(before: float, after: float) -> Check:
    """Check that a slice, in milliseconds of processor time, does not take longer by more than a factor."""
    return _check_cost("Time a slice", before, after, TIME_FACTOR, "ms")


def about(tests: int, copies: int, pictures: int, seen: int, faulty: int = 0) -> Check:
    """Return what was judged: it is always passed.

    Parameters
    ----------
    tests, copies
        Signed studies of the test part; and studies that were left out since the serving model was trained on them.
    pictures, seen
        Pictures of the reference set, and how many of these the serving model was trained on.
    faulty
        Slices that were left out since their picture is missing or altered.
    """
    said = (
        f"{tests} signed studies of the test part, and {pictures} pictures of the reference set, of which the serving "
        f"model was trained on {seen}. Left out: {copies} signed studies that it was trained on, and "
        f"{faulty} slices whose picture is missing or altered."
    )
    counts = {"tests": tests, "pictures": pictures, "seen": seen, "copies": copies, "faulty": faulty}
    figures: dict[str, float | None] = dict(counts)
    return Check(name="What was judged", verdict=Verdict.PASSED, said=said, figures=figures)


def _check_cost(name: str, before: float, after: float, factor: float, unit: str) -> Check:
    verdict = Verdict.PASSED if after <= before * factor else Verdict.FAILED
    values = f"{before:.1f} {unit} with the serving model, {after:.1f} {unit} with the candidate"
    said = f"{values}; {factor:.2f} times as much is allowed."
    return Check(name=name, verdict=verdict, said=said, figures={"before": before, "after": after, "factor": factor})


def _check_discrimination(pair: Pair, place: Place) -> Check:
    name = named(DISCRIMINATION, place)
    glioma = pair.cases.labels == Finding.GLIOMA
    sides = [len(set(pair.cases.patients[side])) for side in (glioma, ~glioma)]
    if min(sides) < FEWEST:
        with_it, without = (max(FEWEST - side, 0) for side in sides)
        said = f"Not enough: {with_it} more patients with a glioma and {without} without are needed to compare."
        return Check(name=name, verdict=Verdict.NOT_ENOUGH, said=said, figures={"with": sides[0], "without": sides[1]})

    def area(said: Answers) -> Callable[[Positions], float]:
        return lambda at: auroc(said.probabilities[at, GLIOMA], glioma[at])

    found = compared(area(pair.serving), area(pair.candidate), pair.cases.patients)
    return _interval_check(name, found, AUROC_MARGIN, sign=1)


def _check_calibration(pair: Pair, place: Place) -> Check:
    truth = np.array([FINDINGS.index(Finding(label)) for label in pair.cases.labels])

    def error(said: Answers) -> Callable[[Positions], float]:
        return lambda at: calibration_error(said.probabilities[at], truth[at])

    found = compared(error(pair.serving), error(pair.candidate), pair.cases.patients)
    return _interval_check(named("Calibration error", place), found, CALIBRATION_MARGIN, sign=-1)


def _interval_check(name: str, found: Difference, margin: float, sign: int) -> Check:
    """Check a metric by its bootstrap interval; `sign` is -1 where less is better."""
    low, high = (found.low, found.high) if sign > 0 else (-found.high, -found.low)
    if found.patients >= FEWEST and low > -margin:
        verdict = Verdict.PASSED
    elif found.patients >= FEWEST and high < 0:
        verdict = Verdict.FAILED
    else:
        verdict = Verdict.NOT_ENOUGH
    needed = max(patients_for_width(found, margin), 2 * FEWEST)
    return _check(name, verdict, Difference(found.before, found.after, low, high, found.patients), margin, needed)


def _check_groups(pair: Pair, place: Place) -> Check:
    """Check that no sequence, scanner or source got worse: what all studies together may hide."""
    worse: list[tuple[float, str]] = []
    looked_at, smallest = 0, 0.0
    for share in SHARES[:3]:
        for group, chosen in _groups(pair.labelled(*share.labels)):
            before, after = share.good(chosen.serving, chosen.cases), share.good(chosen.candidate, chosen.cases)
            differ = discordance(before, after, chosen.cases.patients)
            if differ.patients < FEWEST_IN_GROUP:
                continue
            looked_at += 1
            value = (differ.won - differ.lost) / differ.patients
            smallest = min(smallest, value)
            if value <= -GROUP_MARGIN and score_interval(differ, GROUP_CONFIDENCE)[1] < 0:
                worse.append((value, f"{share.topic}, {group}: {100 * -value:.0f} % fewer than before"))
    name = named("No sequence or scanner got worse", place)
    figures: dict[str, float | None] = {"groups": looked_at, "worse": len(worse), "largest_loss": -smallest}
    if worse:
        _, most = min(worse)
        said = f"{len(worse)} of {looked_at} got clearly worse. {most}. Look at the labels of these studies."
        return Check(name=name, verdict=Verdict.FAILED, said=said, figures=figures)
    if not looked_at:
        said = f"Not enough: no sequence or scanner has {FEWEST_IN_GROUP} patients."
        return Check(name=name, verdict=Verdict.NOT_ENOUGH, said=said, figures=figures)
    said = f"None of {looked_at} sequences and scanners lost more than {100 * GROUP_MARGIN:.0f} % beyond chance."
    return Check(name=name, verdict=Verdict.PASSED, said=said, figures=figures)


def _groups(pair: Pair) -> Iterator[tuple[str, Pair]]:
    for values in (pair.cases.sequences, pair.cases.sources):
        for value in sorted(set(values) - {""}):
            yield str(value), pair.of(values == value)


def _check(
    name: str, verdict: Verdict, found: Difference, margin: float, needed: int, patients: str = "patients"
) -> Check:
    more = max(needed - found.patients, 1)
    values = f"{100 * found.before:.1f} % with the serving model, {100 * found.after:.1f} % with the candidate"
    loss, most = 100 * max(-found.low, 0.0), 100 * margin
    if verdict is Verdict.PASSED:
        said = f"{values}; a loss is at most {loss:.1f} %, the margin {most:.0f} %."
    elif verdict is Verdict.FAILED:
        said = f"{values}; a loss is shown, of up to {loss:.1f} %, the margin is {most:.0f} %."
    elif found.patients:
        said = f"Not enough: {more} more {patients} for a margin of {most:.0f} %. {values}; a loss may be {loss:.1f} %."
    else:
        said = f"Not enough: {more} more {patients} for a margin of {most:.0f} %. There is none yet."
    figures: dict[str, float | None] = {
        "before": _known(found.before),
        "after": _known(found.after),
        "low": _known(found.low),
        "high": _known(found.high),
        "margin": margin,
        "patients": found.patients,
        "more": more if verdict is Verdict.NOT_ENOUGH else 0,
    }
    return Check(name=name, verdict=verdict, said=said, figures=figures)


def _number(value: float, otherwise: float) -> float:
    return otherwise if isnan(value) else value


def _known(value: float) -> float | None:
    return None if isnan(value) else round(value, 6)
