"""Simulated waits of a busy department: the same arrivals read first in, first out, and in the order of the worklist.

`docs/ranking.md` holds the printed tables and describes the department.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from triage.domain import Band
from triage.worklist import SHARE, Waiting, WaitLimits, reading_order

#: Days of a run, and how many runs there are, each with arrivals of its own.
DAYS, RUNS = 30, 4
#: Studies an hour, by hour of the day: a scanner list by day, emergencies by night.
ARRIVALS = [1.0] * 7 + [6.0] * 11 + [2.0] * 6
#: A share that no place is of.
NEVER = 10**9
#: Minutes of one reading: median, and the spread of the logarithm.
READING, SPREAD = 7.0, 0.5
#: Hours of the day between which one reader reads.
OPEN, CLOSED = 8, 20
#: Share of studies that show a glioma, and how often the AI puts one, or another study, into each band.
GLIOMA = 0.06
BANDS = {True: (0.96, 0.03, 0.01), False: (0.08, 0.22, 0.70)}
LIMITS = WaitLimits(timedelta(hours=8), timedelta(hours=48))
START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Case:
    """A simulated study."""

    waiting: Waiting
    glioma: bool
    minutes: float
    wait: float = 0.0


Choose = Callable[[Sequence[Case], int, datetime], Case]


def measure() -> list[str]:
    """Return Markdown tables: waits in minutes, ours beside first in, first out, with enough readers and too few."""
    lines = []
    for title, pace in (("The reader keeps up", 1.0), ("15 % more studies than one reader can read", 1.22)):
        lines += ["", f"### {title}", "", *_table(pace)]
    return lines[1:]


def _table(pace: float) -> list[str]:
    arrivals = [_arrivals(np.random.default_rng(seed), pace) for seed in range(RUNS)]
    fifo = _read_all(arrivals, _oldest)
    lines = [
        "| order | gliomas: median, p90 wait | minutes won for a glioma | others: median, p90 wait "
        "| minutes it cost another | ROUTINE: longest wait |",
        "|---|---|---|---|---|---|",
        _line("first in, first out", fifo, fifo),
    ]
    for share in (3, SHARE, 10, None):
        name = f"ours, one place in {share} to the longest waiting" if share else "by band alone"
        lines.append(_line(name, _read_all(arrivals, partial(_ours, share=share or NEVER)), fifo))
    return lines


def _line(name: str, cases: Sequence[Case], fifo: Sequence[Case]) -> str:
    def column(*, glioma: bool) -> tuple[str, str]:
        waits, before = (np.array([case.wait for case in all_ if case.glioma is glioma]) for all_ in (cases, fifo))
        median, high = np.percentile(waits, [50, 90])
        change = abs(before.mean() - waits.mean())
        return f"{median:,.0f}, {high:,.0f} min", "–" if cases is fifo else f"{change:,.0f} min"

    longest = max(case.wait for case in cases if case.waiting.band is Band.ROUTINE) / 60
    return f"| {name} | {' | '.join([*column(glioma=True), *column(glioma=False)])} | {longest:,.0f} h |"


def _arrivals(rng: np.random.Generator, pace: float) -> list[Case]:
    cases, now = [], START
    while now < START + timedelta(days=DAYS):
        now += timedelta(hours=rng.exponential(1 / (pace * ARRIVALS[now.hour])))
        glioma = bool(rng.random() < GLIOMA)
        band = list(Band)[int(rng.choice(3, p=BANDS[glioma]))]
        probability = float(rng.uniform(*{Band.STAT: (0.3, 1), Band.URGENT: (0, 0.3), Band.ROUTINE: (0, 0.2)}[band]))
        waiting = Waiting(f"{len(cases):06}", band, probability, now)
        cases.append(Case(waiting, glioma, float(rng.lognormal(np.log(READING), SPREAD))))
    return cases


def _read_all(runs: Iterable[Sequence[Case]], choose: Choose) -> list[Case]:
    return [case for arrivals in runs for case in _read(arrivals, choose)]


def _read(arrivals: Sequence[Case], choose: Choose) -> list[Case]:
    """Read one study after the other; return all with their waits, in the order of arrival."""
    free, turn, come = START, 0, 0
    queue: list[Case] = []
    read: list[Case] = []
    while come < len(arrivals) or queue:
        if not queue:
            free = max(free, arrivals[come].waiting.arrived)
        free = _opened(free)
        while come < len(arrivals) and arrivals[come].waiting.arrived <= free:
            queue.append(arrivals[come])
            come += 1
        case = choose(queue, turn, free)
        queue.remove(case)
        turn += 1
        read.append(replace(case, wait=(free - case.waiting.arrived) / timedelta(minutes=1)))
        free += timedelta(minutes=case.minutes)
    return sorted(read, key=lambda case: case.waiting.study_id)


def _opened(now: datetime) -> datetime:
    """Return the next moment at which the reader is there."""
    opens = now.replace(hour=OPEN, minute=0, second=0, microsecond=0)
    if now.hour >= CLOSED:
        return opens + timedelta(days=1)
    return max(now, opens)


def _oldest(queue: Sequence[Case], turn: int, now: datetime) -> Case:  # noqa: ARG001
    return queue[0]


def _ours(queue: Sequence[Case], turn: int, now: datetime, share: int) -> Case:
    first = reading_order([case.waiting for case in queue], turn, now, LIMITS, share)[0]
    return next(case for case in queue if case.waiting is first)


if __name__ == "__main__":
    print("\n".join(measure()))
