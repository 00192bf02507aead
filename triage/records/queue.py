"""The worklist of a record: its pages, what is read next, where studies stand, and how many there are.

All of it is filtered, ordered and counted in the database, so that 100,000 studies answer at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.domain import Ranking
from triage.records import worklist_counts
from triage.records.database import Read, in_batches
from triage.records.tables import StudyRow
from triage.records.worklist_filters import conditions
from triage.records.worklist_onward import going_on
from triage.records.worklist_order import Where, by_column, count_of, reading_order, then_the_latest
from triage.records.worklist_rows import worklist_rows
from triage.records.worklist_views import (
    Counted,
    Onward,
    QueueSummary,
    Standing,
    WorklistFilter,
    WorklistPage,
    WorklistRow,
)
from triage.worklist import WaitLimits, reason_of_place


@dataclass(frozen=True, slots=True)
class Queue:
    """The worklist of one record.

    Attributes
    ----------
    read
        Makes reading sessions.
    limits
        How long a study may wait in its band.
    """

    read: Read
    limits: WaitLimits

    def page(self, wanted: WorklistFilter, now: datetime, *, number: int = 0, size: int = 50) -> WorklistPage:
        """Return one page of the worklist in its order; the last page if the worklist has fewer pages.

        Unless it is sorted by a column, what waits comes first, in the reading order; then the latest arrivals.

        Parameters
        ----------
        wanted
            The filter, and the column to sort by.
        now
            Time by which waiting is counted.
        number
            Of the page, from 0.
        size
            Rows on a page.
        """
        with self.read() as session:
            where = conditions(wanted, session)
            total = count_of(session, where)
            number = min(number, max(total - 1, 0) // size)
            start, stop = number * size, min((number + 1) * size, total)
            order = self._order(session, wanted, now, where, start, stop)
            return WorklistPage(tuple(self._rows(session, order, now)), total, number)

    def all(self, wanted: WorklistFilter, now: datetime) -> tuple[int, Iterator[WorklistRow]]:
        """Return the number of rows on all pages, and the rows as they are read: all in the order of now.

        Parameters
        ----------
        wanted, now
            As of `page`.
        """
        with self.read() as session:
            where = conditions(wanted, session)
            order = self._order(session, wanted, now, where, 0, count_of(session, where))

        def read() -> Iterator[WorklistRow]:
            for batch in in_batches(order):
                with self.read() as session:
                    found = self._rows(session, batch, now)
                yield from found

        return len(order), read()

    def free(self, reader: str, now: datetime, *, left: Sequence[str] = (), since: datetime | None = None) -> list[str]:
        """Return the studies that a reader can read next, first the one to read next; nobody else has them open.

        Parameters
        ----------
        reader
            Who asks; a study that waits for a second reader is not for its first one.
        now
            Time by which waiting and claims are counted.
        left
            Studies that the reader left, the last one last. The list goes on below that one, then from its top; none of
            these is in it.
        since
            When the reader came to the last one: what was ranked after that may come first although it stands above.
        """
        with self.read() as session:
            return going_on(session, self.limits, reader, now, left, since).studies

    def onward(self, reader: str, now: datetime, *, left: Sequence[str], since: datetime | None = None) -> Onward:
        """Return what `free` gives next to a reader who leaves a study, and which STAT studies stand above that one.

        Parameters
        ----------
        reader, now, left, since
            As of `free`; the last one left is the study that is open.
        """
        with self.read() as session:
            found = going_on(session, self.limits, reader, now, left, since)
            if not found.studies and len(left) > 1:  # the reader has been through the list
                found = going_on(session, self.limits, reader, now, left[-1:], since)
            following = next(iter(found.studies), None)
            query = select(StudyRow).where(StudyRow.id == following)
            row = worklist_rows(session, query, now).get(following) if following else None
        return Onward(
            following=row,
            fresh=following in found.fresh,
            from_top=following in found.above and following not in found.fresh,
            above=() if following in found.stat_above[:1] else tuple(found.stat_above),
        )

    def standing(self, study_ids: Collection[str], now: datetime) -> dict[str, Standing]:
        """Return where studies stand now, by study ID; those that are not on the record are left out."""
        found: dict[str, Standing] = {}
        with self.read() as session:
            known = [
                row
                for batch in in_batches(list(study_ids))
                for row in worklist_rows(session, select(StudyRow).where(StudyRow.id.in_(batch)), now).values()
            ]
            waiting = {row.study_id for row in known if row.waiting}
            order = enumerate(reading_order(session, self.limits, now), 1) if waiting else ()
            places = {one: (place, shared) for place, (one, shared) in order if one in waiting}
        for row in known:
            place, shared = places.get(row.study_id, (None, False))
            found[row.study_id] = Standing(self._placed(row, shared=shared), place)
        return found

    def counts(self, text: str = "", reader: str = "") -> list[Counted]:
        """Count all studies that mention a text, by status, band and class; merged ones are left out.

        Those that wait for another reader than `reader` are counted apart.
        """
        with self.read() as session:
            return worklist_counts.counts(session, text, reader)

    def summary(self) -> QueueSummary:
        """Count the waiting studies, by band and by P(glioma)."""
        with self.read() as session:
            return worklist_counts.summary(session)

    def recent(self, size: int) -> list[WorklistRow]:
        """Return the latest arrivals of any status, newest first."""
        query = select(StudyRow).order_by(StudyRow.arrived_at.desc(), StudyRow.id).limit(size)
        with self.read() as session:
            return list(worklist_rows(session, query, datetime.now(UTC)).values())

    def _order(
        self, session: Session, wanted: WorklistFilter, now: datetime, where: Where, start: int, stop: int
    ) -> list[tuple[str, bool]]:
        if wanted.sort is not None or wanted.blind:
            return by_column(session, wanted, where, start, stop)
        return then_the_latest(session, self.limits, now, where, start, stop)

    def _rows(self, session: Session, order: Sequence[tuple[str, bool]], now: datetime) -> list[WorklistRow]:
        found = worklist_rows(session, select(StudyRow).where(StudyRow.id.in_([one for one, _ in order])), now)
        return [self._placed(found[study_id], shared=shared) for study_id, shared in order]

    def _placed(self, row: WorklistRow, *, shared: bool) -> WorklistRow:
        """Return the row with the reason for its place."""
        return replace(row, reason=reason_of_place(Ranking(row.band, row.reason), self.limits, shared=shared))
