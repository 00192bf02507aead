"""Who signed which stage of a study, and how many readers agree on its label."""

from __future__ import annotations

from collections.abc import Sequence

from triage.domain import Reading, Role

#: More readers do not make a label more certain.
ENOUGH = 2


def stage(readings: Sequence[Reading], role: Role) -> Reading | None:
    """Return the reading of a role that counts now, or None: what was signed before a study was read anew does not."""
    return next((reading for reading in reversed(_since_read_anew(readings)) if reading.role is role), None)


def agreeing(readings: Sequence[Reading]) -> int:
    """Return how many readers signed the finding that holds, each with their latest reading: 1 or 2 (two or more).

    Other than in `triage.reading.opinions`, a reader whom the arbitration agrees with counts.
    """
    latest = {reading.reader: reading.finding for reading in _since_read_anew(readings)}
    return min(list(latest.values()).count(readings[-1].finding), ENOUGH)


def _since_read_anew(readings: Sequence[Reading]) -> Sequence[Reading]:
    firsts = [at for at, reading in enumerate(readings) if reading.role is Role.FIRST]
    return readings[firsts[-1] if firsts else 0 :]
