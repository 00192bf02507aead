"""Two models on the same patients: what the second wins or loses, and how many patients it takes to tell.

Two answers, each where it is right:

* `compared` resamples patients (a paired bootstrap), for any metric of their studies: `scipy.stats.bootstrap`. Where
  the models agree on every one of a few patients, its interval has no width, so by itself it proves nothing.
* `score_interval` is the interval of Tango (Statistics in Medicine 17, 1998, 891-908) for the difference of two shares
  of the same patients. It keeps its width where the models agree on all: 0 of 10 says little, 0 of 100 much.

`patients_needed` is the number of patients of the test that belongs to it: Nam, Biometrics 53, 1997, 1422-1430.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import bootstrap, norm

#: Draws of the bootstrap.
DRAWS = 1000
#: Confidence of the intervals. That a loss is below a margin is therefore shown at 2.5 %, as usual (ICH E9).
CONFIDENCE = 0.95
#: Chance with which enough patients show that a model that is as good as the other is not worse.
POWER = 0.80
#: Before the first patient is known, patients on whom the models disagree are taken for one in ten.
IMAGINED = (1.0, 10.0)

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
#: The patient of each study.
Patients = Sequence[object] | NDArray[np.str_]
#: A metric of the studies at these positions; nan where they do not define it.
Metric = Callable[[Positions], float]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a metric is with either model.

    Attributes
    ----------
    before, after
        With the model that serves, and with the candidate.
    low, high
        Interval of ``after - before``; nan where it cannot be given.
    patients
        Number of patients.
    """

    before: float
    after: float
    low: float
    high: float
    patients: int

    @property
    def value(self) -> float:
        """The difference."""
        return self.after - self.before


def compared(
    before: Metric, after: Metric, patients: Patients, confidence: float = CONFIDENCE, draws: int = DRAWS
) -> Difference:
    """Compare a metric of two models; whole patients are drawn with replacement, the same for both.

    Parameters
    ----------
    before, after
        The metric with the serving model and with the candidate, of positions in `patients`.
    patients
        The patient of each study.
    confidence, draws
        Of the percentile interval. Draws that do not define the metric are left out of it.
    """
    members = _members(patients)
    everyone = np.arange(len(patients))
    values = before(everyone), after(everyone)
    if len(members) < 2 or np.isnan(values).any():
        return Difference(*values, float("nan"), float("nan"), len(members))

    def difference(drawn: NDArray[np.floating]) -> float:
        positions = np.concatenate([members[int(at)] for at in drawn])
        return after(positions) - before(positions)

    draw = bootstrap(
        (np.arange(len(members)),),
        difference,
        n_resamples=draws,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).bootstrap_distribution
    known = draw[~np.isnan(draw)]
    outside = (1 - confidence) / 2
    low, high = np.quantile(known, [outside, 1 - outside]) if len(known) else (np.nan, np.nan)
    return Difference(*values, float(low), float(high), len(members))


def compared_shares(before: NDArray[np.bool_], after: NDArray[np.bool_], patients: Patients) -> Difference:
    """Compare the shares of studies on which two models are right, as `compared` does; each patient counts once.

    Parameters
    ----------
    before, after
        ``(studies,)``: whether the serving model and the candidate are right.
    patients
        The patient of each study.
    """
    number = np.unique(list(map(str, patients)), return_inverse=True)[1]
    count = np.bincount(number)
    of_patient = [np.bincount(number, right) / count for right in (before, after)]
    if len(count) < 2:
        values = [float(each.mean()) if len(each) else float("nan") for each in of_patient]
        return Difference(values[0], values[1], float("nan"), float("nan"), len(count))
    gained = of_patient[1] - of_patient[0]
    places = np.random.default_rng(0).integers(0, len(count), (DRAWS, len(count)))
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(gained[places].mean(axis=1), [outside, 1 - outside])
    return Difference(float(of_patient[0].mean()), float(of_patient[1].mean()), float(low), float(high), len(count))


@dataclass(frozen=True, slots=True)
class Discordance:
    """Patients on whom two models differ. A patient with several studies counts once, with shares of it.

    Attributes
    ----------
    patients
        Number of patients.
    won, lost
        Patients of whom only the candidate, and of whom only the serving model is right.
    """

    patients: int
    won: float
    lost: float

    @property
    def share(self) -> float:
        """Share of the patients on whom the models differ; before many are known, drawn towards one in ten."""
        once, of = IMAGINED
        return (self.won + self.lost + once) / (self.patients + of)


def discordance(before: NDArray[np.bool_], after: NDArray[np.bool_], patients: Patients) -> Discordance:
    """Return on how many patients two models differ.

    Parameters
    ----------
    before, after
        ``(studies,)``: whether the serving model and the candidate are right.
    patients
        The patient of each study.
    """
    weight = patient_weights(patients)
    return Discordance(
        len(set(map(str, patients))),
        float((weight * (after & ~before)).sum()),
        float((weight * (before & ~after)).sum()),
    )


def patient_weights(patients: Patients) -> Floats:
    """Return the weight of each study, so that the studies of a patient weigh 1 together."""
    _, number, count = np.unique(list(map(str, patients)), return_inverse=True, return_counts=True)
    return np.asarray(1 / count[number], np.float64)


def score_interval(seen: Discordance, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Tango's interval for the share of patients that the candidate wins less the share that it loses."""
    if not seen.patients:
        return -1.0, 1.0
    score = float(norm.ppf(1 - (1 - confidence) / 2))
    return _limit(seen, score, -1.0), _limit(seen, -score, 1.0)


def patients_needed(share: float, margin: float, power: float = POWER, confidence: float = CONFIDENCE) -> int:
    """Return how many patients it takes to show that a candidate which is as good loses less than a margin.

    Parameters
    ----------
    share
        Share of the patients on whom the models differ.
    margin
        The largest share of the patients that the candidate may lose more than it wins.
    """
    against, with_it = norm.ppf(1 - (1 - confidence) / 2), norm.ppf(power)
    at_margin = sqrt(_variance(Discordance(1, share / 2, share / 2), -margin))
    return int(np.ceil(((against * at_margin + with_it * sqrt(share)) / margin) ** 2))


def patients_for_width(found: Difference, margin: float) -> int:
    """Return with how many patients a bootstrap interval would be narrower than the margin, on the side of a loss.

    Its width falls with the root of the number of patients; it is assumed that the candidate is as good.
    """
    half = (found.high - found.low) / 2
    return ceil(found.patients * max((half / margin) ** 2, 1.0)) if np.isfinite(half) else 0


def _members(patients: Patients) -> list[Positions]:
    _, number = np.unique(list(map(str, patients)), return_inverse=True)
    order = np.argsort(number, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []


def _limit(seen: Discordance, score: float, end: float) -> float:
    """Return the difference, between the observed one and `end`, that the score test just does not exclude."""

    def over(difference: float) -> float:
        spread = sqrt(seen.patients * max(_variance(seen, difference), 0.0))
        return seen.won - seen.lost - seen.patients * difference - score * spread

    observed = (seen.won - seen.lost) / seen.patients
    near = observed + (end - observed) * 1e-9  # where the models agree on all, nothing varies at 0 itself
    return float(brentq(over, near, end)) if over(near) * over(end) < 0 else end


def _variance(seen: Discordance, difference: float) -> float:
    """Return the variance of one patient's difference, at its likeliest value where the true difference is this one."""
    patients, won, lost = seen.patients, seen.won, seen.lost
    a = 2.0 * patients
    b = -won - lost + (2 * patients - won + lost) * difference
    c = -lost * difference * (1 - difference)
    lost_at = (sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    return 2 * lost_at + difference * (1 - difference)
