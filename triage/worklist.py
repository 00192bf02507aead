"""The order of the worklist, pure: AI result and arrival in, place and the reason for it out.

The rule, in full: a study's band comes from its AI result, or from the referrer where that is more urgent. Within a
band the more probable glioma comes first, then the earlier arrival. A study that waited longer than its band's limit
moves up one band for each limit exceeded and stands there before that band's own studies, oldest first; so everything
is read in the end, however many urgent studies arrive. What could not be analysed keeps the band of its arrival and
stands at its head, since nothing is known that would justify a later place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain import Band, Ranking


@dataclass(frozen=True, slots=True)
class WaitLimits:
    """How long a study may wait in a band before it is moved up; STAT has nowhere to go."""

    urgent: timedelta
    routine: timedelta

    def level(self, band: Band, waited: timedelta) -> Band:
        """Return the band in which a study stands after `waited`."""
        if band is Band.ROUTINE and waited > self.routine + self.urgent:
            return Band.STAT
        if band is Band.ROUTINE and waited > self.routine:
            return Band.URGENT
        if band is Band.URGENT and waited > self.urgent:
            return Band.STAT
        return band


def at_least(ranking: Ranking, site: Band) -> Ranking:
    """Return the ranking of a study with the priority that the referrer asked for, which is never lowered."""
    return Ranking(site, f"{site} asked for by the referrer") if site.order < ranking.band.order else ranking


def sort_key(
    band: Band, malignancy: float | None, arrived: datetime, now: datetime, limits: WaitLimits
) -> tuple[int, bool, float, float, float]:
    """Key by which the worklist sorts, ascending. `triage.records` writes the same order in SQL.

    Parameters
    ----------
    band
        Of the study as ranked.
    malignancy
        P(glioma), or None where the study could not be analysed or is not scored yet.
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
    """Band in which the study stands now, and the sentence that says why."""
    level = limits.level(ranking.band, now - arrived)
    if level is ranking.band:
        return level, ranking.reason
    limit = limits.urgent if ranking.band is Band.URGENT else limits.routine
    return level, f"Waited longer than {_hours(limit)} in {ranking.band}: moved up. {ranking.reason}"


def _hours(limit: timedelta) -> str:
    return f"{limit / timedelta(hours=1):g} h"
