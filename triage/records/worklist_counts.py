"""How many studies each list, band and class of the worklist holds, counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.orm import Session

from triage.domain import Band, Finding, StudyStatus
from triage.records import rows
from triage.records.tables import StudyRow
from triage.records.worklist_filters import conditions, for_another
from triage.records.worklist_views import Counted, QueueSummary, WorklistFilter

#: Bins of the probability axis in `summary`.
BINS = 50


def counts(session: Session, text: str, reader: str) -> list[Counted]:
    """Count all studies that mention a text, as `Queue.counts` says it."""
    kinds = (StudyRow.status, StudyRow.waiting, StudyRow.band, StudyRow.predicted)
    where = conditions(WorklistFilter(text=text, everything=True), session)
    query = select(*kinds, func.count()).where(*where).group_by(*kinds)
    found = _by_kind(session.execute(query).all())
    # Apart, and not as one more kind: from their index the kinds are counted without a sort.
    apart = _by_kind(session.execute(query.where(for_another(reader))).all()) if reader else {}
    mine = {kind: count - apart.get(kind, 0) for kind, count in found.items()}
    return [
        Counted(
            StudyStatus(status), waiting, rows.BANDS[band], Finding(predicted) if predicted else None, count, is_apart
        )
        for is_apart, some in ((False, mine), (True, apart))
        for (status, waiting, band, predicted), count in some.items()
        if count
    ]


def summary(session: Session) -> QueueSummary:
    """Count the waiting studies, by band and by P(glioma), in one pass over the queue."""
    # The floor, from functions that both databases have built in: SQLAlchemy's floor for SQLite is a slow Python
    # function that fails on NULL; a plain cast truncates in SQLite and rounds in PostgreSQL.
    position = cast(func.round(StudyRow.malignancy * BINS - 0.499999999), Integer)
    not_judged = case((StudyRow.status == StudyStatus.NOT_ANALYSABLE, 1), else_=0)
    query = (
        select(StudyRow.band, not_judged, position, func.count())
        .where(StudyRow.waiting)
        .group_by(StudyRow.band, not_judged, position)
    )
    of_bands = dict.fromkeys(Band, 0)
    histogram = {band: [0] * BINS for band in Band}
    not_analysable = 0
    for order, is_not_judged, found, count in session.execute(query):
        of_bands[rows.BANDS[order]] += count
        not_analysable += is_not_judged * count
        if found is not None:
            histogram[rows.BANDS[order]][min(found, BINS - 1)] += count
    return QueueSummary(of_bands, not_analysable, histogram)


def _by_kind(found: Sequence[Any]) -> dict[tuple[str, bool, int, str | None], int]:
    return {(status, waits, band, predicted): count for status, waits, band, predicted, count in found}
