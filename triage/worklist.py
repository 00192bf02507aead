"""The order of the worklist as pure functions of the AI result and the arrival.

The band of a study comes from its AI result, or from the referrer if that is more urgent. Within a band, the higher
P(glioma) comes first, then the earlier arrival. A study that could not be analysed keeps the band of its arrival and
comes first in it, since nothing justifies a later place. An older study of a patient comes after all others.

Nothing starves: a study that waited longer than the limit of its band stands in a second line, and one place in
`SHARE` goes to the head of that line. The others stay with the order above, so a fresh STAT never stands behind more
than one stale study in `SHARE`. Which places these are moves on with every study that is read (the turn): so the place
comes to the top of the list, however many urgent studies arrive.

The bound: if studies are read from the top, one with k others ahead of it in the second line is read after at most
``SHARE * (k + 1)`` readings, since nobody enters that line ahead of it. Tests prove it for arbitrary arrivals.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

from triage.domain import Band, Ranking

#: One place in so many goes to the study that waited longest beyond its limit; `docs/ranking.md` says why this many.
SHARE = 5

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """How long a study may wait in a band before it stands in the second line; STAT is the top band and has none."""

    urgent: timedelta
    routine: timedelta

    def of(self, band: Band) -> timedelta | None:
        """Return the limit of a band."""
        return {Band.URGENT: self.urgent, Band.ROUTINE: self.routine}.get(band)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A study that waits.

    Attributes
    ----------
    malignancy
        P(glioma), or None if the study could not be analysed or is not scored yet.
    arrived
        An aware datetime.
    prior
        Whether it is an older study of a patient who has a newer one.
    """

    study_id: str
    band: Band
    malignancy: float | None
    arrived: datetime
    prior: bool = False


def at_least(ranking: Ranking, site: Band) -> Ranking:
    """Return the ranking, raised to the priority that the referrer asked for; that one is never lowered."""
    return Ranking(site, f"{site} asked for by the referrer") if site.order < ranking.band.order else ranking


def by_priority(study: Waiting) -> tuple[bool, int, float, float, str]:
    """Return the key of the first line, ascending; `triage.records.worklist_order` has the same order in SQL."""
    malignancy = 1.0 if study.malignancy is None else study.malignancy
    return study.prior, study.band.order, -malignancy, study.arrived.timestamp(), study.study_id


def by_wait(study: Waiting, limits: WaitLimits) -> tuple[datetime, str]:
    """Return the key of the second line, ascending: who passed the limit of the band first."""
    return study.arrived + (limits.of(study.band) or timedelta()), study.study_id


def overdue(study: Waiting, now: datetime, limits: WaitLimits) -> bool:
    """Return whether a study waited longer than the limit of its band."""
    limit = limits.of(study.band)
    return limit is not None and now - study.arrived > limit


def merged(first: Iterable[T], second: Iterable[T], turn: int, share: int = SHARE) -> Iterator[tuple[T, bool]]:
    """Merge the two lines into the reading order, lazily.

    Parameters
    ----------
    first
        All that wait, in the order of `by_priority`.
    second
        Those of them that are overdue, in the order of `by_wait`.
    turn
        Number of studies that were read so far.
    share
        One place in so many is of the second line.

    Yields
    ------
    tuple
        Each study once, and whether its place is one of the share.
    """
    placed: set[T] = set()
    ahead, waiting_longest = iter(first), iter(second)
    for place in count(turn + 1):
        line = waiting_longest if place % share == 0 else ahead
        study, shared = _next(line, placed), line is waiting_longest
        if study is None and shared:
            study, shared = _next(ahead, placed), False
        if study is None:
            return
        placed.add(study)
        yield study, shared


def reading_order(
    studies: Collection[Waiting], turn: int, now: datetime, limits: WaitLimits, share: int = SHARE
) -> list[Waiting]:
    """Return the studies in the order in which they are to be read; parameters as of `merged`."""
    late = sorted((one for one in studies if overdue(one, now, limits)), key=lambda one: by_wait(one, limits))
    return [study for study, _ in merged(sorted(studies, key=by_priority), late, turn, share)]


def reason_of_place(ranking: Ranking, limits: WaitLimits, *, shared: bool) -> str:
    """Return why a study stands where it stands; `shared` as `merged` says it."""
    limit = limits.of(ranking.band)
    if not shared or limit is None:
        return ranking.reason
    place = f"Longest waiting, over {limit / timedelta(hours=1):g} h in {ranking.band}: every {SHARE}th place."
    return f"{place} {ranking.reason}"


def _next(line: Iterator[T], placed: Collection[T]) -> T | None:
    return next((study for study in line if study not in placed), None)
