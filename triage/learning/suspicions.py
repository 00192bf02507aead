"""What a good score can hide: labels that cannot be right, a leak, thresholds that do not hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from triage.domain import Finding
from triage.learning.judged import FINDINGS, Answers, Pair
from triage.learning.judgement import LEAK, Check, Verdict
from triage.learning.paired import compared, patient_weights

#: Share of the signed labels that both models together contradict, from which on a person must look at them first.
#: Readers who are wrong in 5 % of the studies stay below it, in 30 % they do not (docs/learning-loop.md).
CONTRADICTED = 0.20
#: A sequence is labelled unlike the others if among the studies that the serving model calls alike, the share that is
#: signed otherwise is so much larger, and chance gives that as rarely as this.
UNLIKE = 0.50
UNLIKE_BY_CHANCE = 0.001
#: Studies from which on labels are judged.
FEWEST_LABELS = 20
#: A candidate knows the test studies better than it could: its gain in log-likelihood there is so much larger than on
#: the validation part, beyond chance.
TOO_GOOD = 0.10
#: Patients of each part from which on their gains are compared.
FEWEST_PATIENTS = 8
#: A share promised by the card may be missed by this on the test part.
MISSED = 0.05
#: Smallest probability in a logarithm.
LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class Parts:
    """The signed studies of a site, by what they are for.

    Attributes
    ----------
    train, validation, test
        Copies of what the serving model was trained on are in none of them.
    """

    train: Pair
    validation: Pair
    test: Pair


def check_labels(parts: Parts) -> Check:
    """Check the signed labels against both models, on studies that the candidate should not have been trained on.

    The share of contradicted labels is that of confident learning (Northcutt et al., Journal of Artificial Intelligence
    Research 70, 2021): a study counts as another class if that class reaches the mean that it has where it is signed.
    """
    name = "Labels of the readers"
    pairs = [part.labelled(*FINDINGS) for part in (parts.validation, parts.test)]
    labels = np.concatenate([pair.cases.labels for pair in pairs])
    if len(labels) < FEWEST_LABELS:
        said = f"Not enough: {FEWEST_LABELS - len(labels)} more studies to judge the labels by."
        return Check(name=name, verdict=Verdict.NOT_ENOUGH, said=said, figures={"studies": len(labels)})
    mean = np.concatenate([(pair.serving.probabilities + pair.candidate.probabilities) / 2 for pair in pairs])
    against = contradicted(mean, labels)
    share = float(against.mean())
    figures: dict[str, float | None] = {"studies": len(labels), "contradicted": share, "limit": CONTRADICTED}
    if share >= CONTRADICTED:
        said = (
            f"Both models contradict {int(against.sum())} of {len(labels)} signed labels, more than "
            f"{100 * CONTRADICTED:.0f} %. Have these studies read a second time before they teach."
        )
        return Check(name=name, verdict=Verdict.FAILED, said=said, figures=figures)
    said = f"Both models contradict {int(against.sum())} of {len(labels)} signed labels."
    return Check(name=name, verdict=Verdict.PASSED, said=said, figures=figures)


def contradicted(probabilities: NDArray[np.float64], labels: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which labels a model contradicts with confidence; refused studies (nan) are none of them."""
    known = ~np.isnan(probabilities).any(axis=1)
    usual = np.full(len(FINDINGS), np.inf)
    for index, finding in enumerate(FINDINGS):
        if (own := known & (labels == finding)).any():
            usual[index] = probabilities[own, index].mean()
    sure = np.where(probabilities >= usual, probabilities, -1.0)
    sure[~known] = -1.0
    found = np.array([finding.value for finding in FINDINGS])[sure.argmax(axis=1)]
    return np.asarray((sure.max(axis=1) > 0) & (found != labels))


def check_labels_by_sequence(pair: Pair) -> Check:
    """Check that no sequence is labelled unlike the others, such as every FLAIR as without tumour.

    Compared are studies that the serving model calls alike, so that a sequence with more tumours is not suspected.
    """
    name = "Labels by sequence"
    pair = pair.labelled(*FINDINGS)
    pair = pair.of(~pair.serving.refused)
    tumour = pair.serving.called != Finding.NOTUMOR
    otherwise = tumour != (pair.cases.labels != Finding.NOTUMOR)
    compared_with, worst, odd = 0, 0.0, ""
    for sequence in sorted(set(pair.cases.sequences) - {""}):
        own = pair.cases.sequences == sequence
        for called, as_signed in ((tumour, "without tumour"), (~tumour, "with a tumour")):
            table = [[int((at & called & yes).sum()) for yes in (otherwise, ~otherwise)] for at in (own, ~own)]
            if min(map(sum, table)) < FEWEST_PATIENTS:
                continue
            compared_with += 1
            unlike = table[0][0] / sum(table[0]) - table[1][0] / sum(table[1])
            if unlike > worst:
                worst = unlike
                if unlike >= UNLIKE and fisher_exact(table).pvalue < UNLIKE_BY_CHANCE:
                    odd = (
                        f"{table[0][0]} of {sum(table[0])} studies with the sequence {sequence} are signed {as_signed} "
                        f"against the serving model, of the other sequences {table[1][0]} of {sum(table[1])}. "
                        "Have them read a second time before they teach."
                    )
    figures: dict[str, float | None] = {"compared": compared_with, "largest_difference": worst, "limit": UNLIKE}
    if odd:
        return Check(name=name, verdict=Verdict.FAILED, said=odd, figures=figures)
    if not compared_with:
        said = f"Not enough: no two sequences have {FEWEST_PATIENTS} studies that can be compared."
        return Check(name=name, verdict=Verdict.NOT_ENOUGH, said=said, figures=figures)
    said = "No sequence is labelled unlike the others."
    return Check(name=name, verdict=Verdict.PASSED, said=said, figures=figures)


def check_leak(parts: Parts, known: NDArray[np.bool_], *, same_data: bool = True) -> Check:
    """Check that the candidate was not trained on the test part: by what it records, and by how well it knows them.

    Parameters
    ----------
    parts
        The signed studies.
    known
        ``(test studies,)``: whether the candidate's own record of its training holds one of their pictures.
    same_data
        Whether its card names this data set, or none, as the one that it was retrained on.
    """
    test, validation = (_gain(part) for part in (parts.test, parts.validation))
    figures: dict[str, float | None] = {"recorded": int(known.sum()), "studies": len(known)}
    if known.any():
        said = (
            f"The candidate was trained on {int(known.sum())} of {len(known)} test studies, so they prove nothing. "
            "Train it again on the training part of the export."
        )
        return Check(name=LEAK, verdict=Verdict.FAILED, said=said, figures=figures)
    if not same_data:
        said = (
            "The candidate was retrained on another export, so it is not known what it saw of this one. Name the one "
            "that it was retrained on."
        )
        return Check(name=LEAK, verdict=Verdict.NOT_ENOUGH, said=said, figures=figures)
    if min(len(set(part[1])) for part in (test, validation)) < FEWEST_PATIENTS:
        said = f"Not enough: {FEWEST_PATIENTS} patients in the validation part and in the test part are needed to tell."
        return Check(name=LEAK, verdict=Verdict.NOT_ENOUGH, said=said, figures=figures)
    value, low = _apart(test, validation)
    figures |= {"gain_over_validation": value, "low": low, "limit": TOO_GOOD}
    if low > 0 and value > TOO_GOOD:
        said = (
            "The candidate knows the test studies better than the validation studies, beyond chance, as if it was "
            "trained on them. Train it again on the training part of the export."
        )
        return Check(name=LEAK, verdict=Verdict.FAILED, said=said, figures=figures)
    said = "The candidate does not record a test study, and knows them no better than the validation studies."
    return Check(name=LEAK, verdict=Verdict.PASSED, said=said, figures=figures)


def check_coverage(parts: Parts, promised: float) -> Check:
    """Check on the test part the prediction sets that were fitted on the validation part."""
    pair = parts.test.labelled(*FINDINGS)
    pair = pair.of(~pair.candidate.refused)
    held = _held(pair.candidate, pair.cases.labels)
    name = "Prediction sets, this site"
    if len(set(pair.cases.patients)) < FEWEST_PATIENTS:
        said = f"Not enough: {FEWEST_PATIENTS} patients in the test part are needed."
        return Check(name=name, verdict=Verdict.NOT_ENOUGH, said=said)
    found = compared(lambda _: promised, lambda at: float(held[at].mean()), pair.cases.patients)
    figures: dict[str, float | None] = {"held": found.after, "promised": promised, "low": found.low, "high": found.high}
    said = f"The signed class is in {100 * found.after:.1f} % of them; {100 * promised:.0f} % are promised."
    verdict = Verdict.FAILED if found.high < -MISSED else Verdict.PASSED
    return Check(name=name, verdict=verdict, said=said, figures=figures)


def _held(said: Answers, labels: NDArray[np.str_]) -> NDArray[np.bool_]:
    at = np.array([FINDINGS.index(Finding(label)) for label in labels], np.intp)
    return np.asarray(said.possible[np.arange(len(at)), at])


def _gain(pair: Pair) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return how much likelier the candidate finds each signed label than the serving model does, and the patients."""
    pair = pair.labelled(*FINDINGS)
    pair = pair.of(~pair.serving.refused & ~pair.candidate.refused)
    at = np.arange(len(pair.cases)), np.array([FINDINGS.index(Finding(one)) for one in pair.cases.labels], np.intp)
    after, before = (np.log(np.maximum(said.probabilities[at], LEAST)) for said in (pair.candidate, pair.serving))
    return after - before, pair.cases.patients


def _apart(
    test: tuple[NDArray[np.float64], NDArray[np.str_]], validation: tuple[NDArray[np.float64], NDArray[np.str_]]
) -> tuple[float, float]:
    """Return by how much the mean gain in the test part is larger, and the lower end of its interval."""
    values = np.concatenate([test[0], validation[0]])
    patients = np.concatenate([test[1], validation[1]])
    weight = patient_weights(patients)
    in_test = np.arange(len(values)) < len(test[0])

    def mean(at: NDArray[np.intp]) -> float:
        total = weight[at].sum()
        return float((weight[at] * values[at]).sum() / total) if total else float("nan")

    found = compared(lambda at: mean(at[~in_test[at]]), lambda at: mean(at[in_test[at]]), patients)
    return found.value, found.low
