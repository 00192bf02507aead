"""How often charts of drift alarm without a change, and how soon with one: the figures of docs/monitoring.md."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from triage.learning.drift import BASELINE_DAYS, FALSE_ALARM_DAYS, chart, threshold
from triage.learning.observed import Shares

#: About as many charts as an installation has; studies a day.
CHARTS, PER_DAY = 40, 8
#: Share before and after a change; the same twice: no change.
CASES = ((0.04, 0.19), (0.04, 0.10), (0.0, 0.10), (0.25, 0.40), (0.25, 0.35), (0.9, 0.8), (0.9, 0.7))
SHARES = (0.0, 0.04, 0.25, 0.5, 0.9)
ROUNDS, YEARS = 100, 2
#: Days before the change, and after it.
BEFORE, AFTER = 120, 365


def measure() -> list[str]:
    """Return Markdown: false alarms a year of all charts together, and the studies until a change is found."""
    rng = np.random.default_rng(0)
    alarms, watched = 0, 0
    for share in SHARES:
        for _ in range(ROUNDS):
            found = chart(*_drawn(rng, np.full(BASELINE_DAYS + YEARS * FALSE_ALARM_DAYS, share)), threshold(CHARTS))
            alarms += len(found.shifts)
            watched += len(found.days)
    rate = CHARTS * FALSE_ALARM_DAYS * alarms / watched
    years = f"{watched / FALSE_ALARM_DAYS:,.0f} years of single charts"
    lines = [
        f"{PER_DAY} studies a day, {CHARTS} charts, each with a share of {', '.join(f'{one:.0%}' for one in SHARES)}: "
        f"{rate:.2f} false alarms a year of all charts together ({alarms} in {years}).",
        "",
        "| share before | after | found within a year | studies until the alarm: median, 90 % | beginning misdated by, "
        "median days |",
        "|---|---|---|---|---|",
    ]
    return [*lines, *(_row(rng, before, after) for before, after in CASES)]


def _row(rng: np.random.Generator, before: float, after: float) -> str:
    delays, errors = [], []
    for _ in range(ROUNDS):
        days, seen = _drawn(rng, np.where(np.arange(BEFORE + AFTER) < BEFORE, before, after))
        found = [one for one in chart(days, seen, threshold(CHARTS)).shifts if one.found >= days[BEFORE]]
        if found:
            delays.append(float(seen.studies[BEFORE : days.index(found[0].found) + 1].sum()))
            errors.append(abs((found[0].since - days[BEFORE]).days))
    median, most = np.percentile(delays, [50, 90]) if delays else (np.nan, np.nan)
    part = len(delays) / ROUNDS
    return f"| {before:.0%} | {after:.0%} | {part:.0%} | {median:.0f}, {most:.0f} | {np.median(errors):.0f} |"


def _drawn(rng: np.random.Generator, share: np.ndarray) -> tuple[list[date], Shares]:
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(len(share))]
    studies = rng.poisson(PER_DAY, len(share))
    return days, Shares(studies.astype(float), rng.binomial(studies, share).astype(float))
