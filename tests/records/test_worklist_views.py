"""What can be asked of the queue without the database."""

from __future__ import annotations

from triage.domain import Band
from triage.records.worklist_views import QueueSummary


def test_the_total_is_that_of_the_bands() -> None:
    assert QueueSummary({Band.STAT: 2, Band.URGENT: 0, Band.ROUTINE: 3}, 1, {}).total == 5
