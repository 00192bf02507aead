"""The order of the worklist as pure functions of the AI result and the arrival.

The band of a study comes from its AI result, or from the referrer if that is more urgent. Within a band, the higher
P(glioma) comes first, then the earlier arrival. A study that waited longer than the limit of its band moves up one band
for each limit exceeded and is placed before that band's own studies, oldest first; so every study is read in the end,
however many urgent ones arrive. A study that could not be analysed keeps the band of its arrival and comes first in it,
since nothing justifies a later place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain import Band, Ranking


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """How long a study may wait in a band before it moves up; STAT is the top band."""

    urgent: timedelta
    routine: timedelta

    def level(self, band: Band, waited: timedelta) -> Band:
        """Return the band of a study that has waited so long."""
        if band is Band.ROUTINE and waited > self.routine + self.urgent:
            return Band.STAT
        if band is Band.ROUTINE and waited > self.routine:
            return Band.URGENT
        if band is Band.URGENT and waited > self.urgent:
            return Band.STAT
        return band


def at_least(ranking: Ranking, site: Band) -> Ranking:
    """Return the ranking, raised to the priority that the referrer asked for; that one is never lowered."""
    return Ranking(site, f"{site} asked for by the referrer") if site.order < ranking.band.order else ranking


def sort_key(
    band: Band, malignancy: float | None, arrived: datetime, now: datetime, limits: WaitLimits
) -> tuple[int, bool, float, float, float]:
    """Return the key by which the worklist sorts, ascending; `triage.records.queue` has the same order in SQL.

    Parameters
    ----------
    band
        Band of the study as ranked.
    malignancy
        P(glioma), or None if the study could not be analysed or is not scored yet.
    arrived, now
        Aware datetimes.
    limits
        Of the installation.
    """
    level = limits.level(band, now - arrived)
    overdue = level is not band
    first = arrived.timestamp() if overdue else 0.0
    return level.order, not overdue, first, -(1.0 if malignancy is None else malignancy), arrived.timestamp()


def reason_of_place(ranking: Ranking, arrived: datetime, now: datetime, limits: WaitLimits) -> tuple[Band, str]:
    """Return the band that a study is in now, and the reason."""
    level = limits.level(ranking.band, now - arrived)
    if level is ranking.band:
        return level, ranking.reason
    limit = limits.urgent if ranking.band is Band.URGENT else limits.routine
    return level, f"Waited longer than {_hours(limit)} in {ranking.band}: moved up. {ranking.reason}"


def _hours(limit: timedelta) -> str:
    return f"{limit / timedelta(hours=1):g} h"
