"""What is watched for drift: a share, a mean, or a probability beside what came true; each by day.

Each kind tells its value over some days, the limits of a week, and for each day how much likelier what was observed is
after a change than in the baseline. The baseline is an estimate, and charts against it alarm too often (Jones and
others 2004). So "as in the baseline" is the end of its one-sided 90 % interval, in the manner of Gandy and Kvaloey
(2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import beta, binom, norm

from triage.insights import Estimate

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: One-sided level of the interval whose end stands for the baseline.
GUARD = 0.9
#: The change that a chart is built to find: the odds of a share double or halve, and it moves by this at least.
ODDS, LEAST = 2.0, 0.05
#: The same of a mean, in standard deviations of a study.
DEVIATIONS = 0.5
#: Of a point of a week outside its limits on one side without a change: three standard deviations.
OUTSIDE = 0.00135
#: Half of a 95 % interval, in standard errors.
TWO_SIDED = float(norm.ppf(0.975))


class Observed(Protocol):
    """What was observed, by day: the arrays have one entry a day."""

    @property
    def studies(self) -> Floats:
        """Number of studies."""

    def estimate(self, at: Mask) -> Estimate:
        """Return the value over some days, with its 95 % interval."""

    def limits(self, base: Mask, at: Mask) -> tuple[float, float]:
        """Return between which values some days stay if they are as the baseline."""

    def ratios(self, base: Mask) -> tuple[Floats, Floats]:
        """Return for each day the log-likelihood ratios of a rise and of a fall against the baseline."""


@dataclass(frozen=True)
class Shares:
    """A part of the studies of each day."""

    studies: Floats
    part: Floats

    def estimate(self, at: Mask) -> Estimate:
        """Return the share with its interval after Wilson."""
        return wilson(float(self.part[at].sum()), float(self.studies[at].sum()))

    def limits(self, base: Mask, at: Mask) -> tuple[float, float]:
        """Return the limits of a p-chart, each from its end of the interval of the baseline."""
        count, ends = round(self.studies[at].sum()), self._ends(base)
        low, high = (float(binom.ppf(tail, count, end)) for tail, end in zip((OUTSIDE, 1 - OUTSIDE), ends, strict=True))
        return low / count, high / count

    def ratios(self, base: Mask) -> tuple[Floats, Floats]:
        """Return log-likelihood ratios of a binomial share; a share that has no room to fall is not looked at."""
        low, high = self._ends(base)
        more = max(_odds(high, ODDS), high + LEAST)
        less = min(_odds(low, 1 / ODDS), low - LEAST)
        return self._ratio(high, more), self._ratio(low, less)

    def _ends(self, base: Mask) -> tuple[float, float]:
        """Return the one-sided ends of the interval of the baseline (Jeffreys)."""
        known, part = self.studies[base].sum(), self.part[base].sum()
        low, high = beta.ppf((1 - GUARD, GUARD), part + 0.5, known - part + 0.5)
        return float(low), float(high)

    def _ratio(self, usual: float, changed: float) -> Floats:
        if not 0 < changed < 1:
            return np.full_like(self.part, -np.inf)
        others = self.studies - self.part
        return self.part * math.log(changed / usual) + others * math.log((1 - changed) / (1 - usual))


@dataclass(frozen=True)
class Means:
    """Sum and sum of squares of a quantity of the studies of each day."""

    studies: Floats
    total: Floats
    squares: Floats

    def estimate(self, at: Mask) -> Estimate:
        """Return the mean with its interval."""
        mean, deviation, count = self._moments(at)
        half = TWO_SIDED * deviation / math.sqrt(count) if count else math.nan
        return Estimate(mean, mean - half, mean + half)

    def limits(self, base: Mask, at: Mask) -> tuple[float, float]:
        """Return the limits of a chart of means."""
        mean, deviation, known = self._moments(base)
        half = norm.ppf(1 - OUTSIDE) * deviation * math.sqrt(1 / self.studies[at].sum() + 1 / known)
        return mean - half, mean + half

    def ratios(self, base: Mask) -> tuple[Floats, Floats]:
        """Return log-likelihood ratios of a normal mean, as sums over many studies have it."""
        mean, deviation, known = self._moments(base)
        deviation = max(deviation, 1e-9)
        guard = norm.ppf(GUARD) * deviation / math.sqrt(known)
        rise = (self.total - self.studies * (mean + guard)) / deviation
        fall = (self.studies * (mean - guard) - self.total) / deviation
        each = self.studies * DEVIATIONS / 2
        return DEVIATIONS * (rise - each), DEVIATIONS * (fall - each)

    def _moments(self, at: Mask) -> tuple[float, float, float]:
        count = float(self.studies[at].sum())
        if not count:
            return math.nan, math.nan, 0.0
        mean = float(self.total[at].sum()) / count
        return mean, math.sqrt(max(float(self.squares[at].sum()) / count - mean**2, 0.0)), count


@dataclass(frozen=True)
class Expected:
    """Studies by day and bin of their expected probability, ``(days, bins)``: number, sum of it, and what came true.

    The value is the share that came true less the expected share.
    """

    number: Floats
    expected: Floats
    true: Floats

    @property
    def studies(self) -> Floats:
        """Number of studies of each day."""
        total: Floats = self.number.sum(axis=1)
        return total

    def estimate(self, at: Mask) -> Estimate:
        """Return the difference, with the interval of the share that came true (Wilson)."""
        count = self.number[at].sum()
        found = wilson(float(self.true[at].sum()), float(count))
        usual = float(self.expected[at].sum() / count) if count else math.nan
        return Estimate(found.value - usual, found.low - usual, found.high - usual)

    def limits(self, base: Mask, at: Mask) -> tuple[float, float]:
        """Return the limits if the probabilities are as right as in the baseline; no share is beyond 0 and 1."""
        likely, count = self._corrected(self.true[base].sum(), base), self.number[at]
        total = count.sum()
        usual = self.expected[at].sum() / total
        middle = (count * likely[at]).sum() / total - usual
        spread = (count * likely[at] * (1 - likely[at])).sum() / total**2
        half = norm.ppf(1 - OUTSIDE) * math.sqrt(spread + self._spread(base))
        return float(max(middle - half, -usual)), float(min(middle + half, 1 - usual))

    def ratios(self, base: Mask) -> tuple[Floats, Floats]:
        """Return log-likelihood ratios of doubled and halved odds: a risk-adjusted CUSUM."""
        guard = norm.ppf(GUARD) * math.sqrt(self._spread(base)) * self.number[base].sum()
        high, low = (self._corrected(self.true[base].sum() + sign * guard, base) for sign in (1, -1))
        return self._ratio(high, ODDS), self._ratio(low, 1 / ODDS)

    def _ratio(self, likely: Floats, odds: float) -> Floats:
        each = self.true * math.log(odds) - self.number * np.log1p((odds - 1) * likely)
        total: Floats = each.sum(axis=1)
        return total

    def _mean(self) -> Floats:
        known = np.divide(self.expected, self.number, out=np.full_like(self.expected, 0.5), where=self.number > 0)
        return np.clip(known, 1e-4, 1 - 1e-4)

    def _corrected(self, true: float, base: Mask) -> Floats:
        """Return the probabilities, their log-odds moved so that the baseline has so many that came true."""
        odds, number = logit(self._mean()), self.number[base]
        wanted = float(np.clip(true, 0.5, number.sum() - 0.5))
        moved = brentq(lambda by: float((number * expit(odds[base] + by)).sum()) - wanted, -20, 20)
        likely: Floats = expit(odds + moved)
        return likely

    def _spread(self, base: Mask) -> float:
        """Return the variance of the share that came true in the baseline."""
        likely, number = self._mean()[base], self.number[base]
        return float((number * likely * (1 - likely)).sum() / number.sum() ** 2)


def wilson(part: float, count: float) -> Estimate:
    """Return a share with its 95 % interval after Wilson (1927); NaN of nothing. It is asked for thousands of times."""
    if not count:
        return Estimate(math.nan, math.nan, math.nan)
    value, z = part / count, TWO_SIDED**2 / count
    middle, half = (value + z / 2) / (1 + z), math.sqrt(z * value * (1 - value) + z**2 / 4) / (1 + z)
    return Estimate(value, max(middle - half, 0.0), min(middle + half, 1.0))


def _odds(probability: float, times: float) -> float:
    odds = times * probability / (1 - probability)
    return odds / (1 + odds)
