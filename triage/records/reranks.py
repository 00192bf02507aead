"""Open studies ranked anew after a promotion or rollback: which are due, and what the new model made of their rank.

What is due follows from the record alone, so whoever is killed in between leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from triage.domain import AIResult, Finding, StudyStatus
from triage.records import audit, rows, studies
from triage.records.acts import Entry
from triage.records.audit import Event
from triage.records.database import Database
from triage.records.model_tables import AttemptRow, RerankRow
from triage.records.registry import turn_of
from triage.records.reranked import Rank, Reranked
from triage.records.results import AI, result_row
from triage.records.tables import AIResultRow, AuditRow, ClaimRow, DraftRow, ReadingRow, StudyRow
from triage.worklist import at_least

#: A study that ended the process so often while it was scored in the background is left as it is.
MAX_TRIES = 3


class Reranks:
    """Ranks made anew on one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, turn: Entry, card: str, now: datetime) -> str | None:
        """Return the most urgent open study that the model that serves is to score; None if none is left.

        Parameters
        ----------
        turn
            The promotion or rollback by which it serves.
        card
            Digest of its card.
        now
            Time by which claims are counted: a study that a reader has open waits until it is closed.
        """
        query = select(StudyRow.id).where(*_due(turn, card), *_free(now), _tries(turn) < MAX_TRIES)
        with self._database.read() as session:
            return session.scalar(query.order_by(StudyRow.band, StudyRow.arrived_at).limit(1))

    def counts(self, turn: Entry, card: str) -> tuple[int, int]:
        """Return how many open studies are still to be ranked anew, and how many were given up."""
        counted = select(func.count()).select_from(StudyRow).where(*_due(turn, card))
        with self._database.read() as session:
            left = session.scalar(counted.where(_tries(turn) >= MAX_TRIES)) or 0
            return (session.scalar(counted) or 0) - left, left

    def known(self, study_id: str, model_sha256: str, card: str) -> AIResult | None:
        """Return the result that a model gave of the study as it is now, before another one took its place."""
        with self._database.read() as session:
            contents = studies.contents(session, [study_id])[study_id]
            query = select(AIResultRow).where(
                AIResultRow.study_id == study_id,
                AIResultRow.model_sha256 == model_sha256,
                AIResultRow.contents == contents,
                AIResultRow.card == card,
            )
            row = session.scalar(query)
            return rows.result(row) if row else None

    @contextmanager
    def attempt(self, study_id: str, task: str) -> Iterator[None]:
        """Count a scoring that ends the process: only then the block is never left."""
        with self._database.write() as session:
            row = session.get(AttemptRow, (study_id, task))
            if row is None:
                session.add(AttemptRow(study_id=study_id, task=task, tries=1))
            else:
                row.tries += 1
        try:
            yield
        finally:
            with self._database.write() as session:
                session.execute(delete(AttemptRow).where(AttemptRow.study_id == study_id, AttemptRow.task == task))

    def file(self, study_id: str, turn: Entry, model: tuple[str, str], outcome: AIResult | str) -> bool:
        """Rank a study anew, or note that the model refuses it; the priority of the referrer is never lowered.

        Parameters
        ----------
        study_id
            The study.
        turn
            The promotion or rollback by which the model serves.
        model
            Its name, and the digest of its card.
        outcome
            Its result, or why it refuses the study, which keeps its rank then: nothing justifies a later place.

        Returns
        -------
        bool
            False if nothing was kept: the study was read, opened, changed or done meanwhile, or another model serves.
        """
        now, (name, card) = datetime.now(UTC), model
        with self._database.write() as session:
            row = studies.locked(session, study_id)
            open_now = select(StudyRow.id).where(StudyRow.id == study_id, *_due(turn, card), *_free(now))
            if session.scalar(open_now) is None or turn_of(session) != turn.number:
                return False
            contents = studies.contents(session, [study_id])[study_id]
            if isinstance(outcome, AIResult) and outcome.contents != contents:
                return False
            before = _rank(session, row, contents)
            kept = RerankRow(
                study_id=study_id,
                promotion=turn.number,
                at=now,
                model=name,
                card=card,
                before_model=before.model,
                before_band=row.band,
                before_malignancy=row.malignancy,
                before_predicted=row.predicted,
            )
            if isinstance(outcome, AIResult):
                kept.result_id = _result_id(session, study_id, outcome, now)
                ranking = at_least(outcome.ranking, rows.BANDS[row.site_band])
                row.band, row.reason = ranking.band.order, ranking.reason
                row.malignancy, row.predicted = outcome.malignancy, outcome.predicted
                row.status = StudyStatus.RANKED
            else:
                kept.refusal = outcome
            kept.band, kept.malignancy, kept.predicted = row.band, row.malignancy, row.predicted
            session.add(kept)
            session.add(_audited(kept, now))
            return True

    def changed(self, turn: int) -> list[Reranked]:
        """Return what a promotion or rollback made of all studies that it ranked anew, the latest first."""
        query = select(RerankRow).where(RerankRow.promotion == turn).order_by(RerankRow.id.desc())
        with self._database.read() as session:
            return [rows.reranked(row) for row in session.scalars(query)]


def raised_since(since: datetime) -> ColumnElement[bool]:
    """Return the condition that another model moved a study into a more urgent band after a time."""
    return exists().where(
        RerankRow.study_id == StudyRow.id, RerankRow.at > since, RerankRow.band < RerankRow.before_band
    )


def _due(turn: Entry, card: str) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of open studies that the model has not judged since it serves."""
    done = exists().where(RerankRow.study_id == StudyRow.id, RerankRow.promotion == turn.number)
    # What a process scored that took the new model a moment later is due too, unless it was not analysable.
    judged = exists().where(
        AIResultRow.study_id == StudyRow.id, AIResultRow.card == card, AIResultRow.filed_at >= turn.at
    )
    ranked = or_(
        StudyRow.status == StudyStatus.RANKED,
        and_(StudyRow.status == StudyStatus.NOT_ANALYSABLE, StudyRow.ranked_at < turn.at),
    )
    signed = exists().where(ReadingRow.study_id == StudyRow.id)
    return StudyRow.waiting.is_(True), ranked, ~signed, ~done, ~judged


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of studies that no reader has open or has just signed."""
    claimed = exists().where(ClaimRow.study_id == StudyRow.id, ClaimRow.until > now)
    signing = exists().where(DraftRow.study_id == StudyRow.id, DraftRow.due_at.is_not(None))
    return ~claimed, ~signing


def task_of(turn: Entry) -> str:
    """Return the name under which attempts to rank studies anew are counted."""
    return f"turn {turn.number}"


def _tries(turn: Entry) -> ColumnElement[int]:
    tries = select(AttemptRow.tries).where(AttemptRow.study_id == StudyRow.id, AttemptRow.task == task_of(turn))
    return func.coalesce(tries.scalar_subquery(), 0)


def _result_id(session: Session, study_id: str, result: AIResult, now: datetime) -> int:
    """Return the row of a result, which is there already if the model served before."""
    query = select(AIResultRow.id).where(
        AIResultRow.study_id == study_id,
        AIResultRow.model_sha256 == result.model_sha256,
        AIResultRow.contents == result.contents,
    )
    known = session.scalar(query)
    if known is not None:
        return known
    row = result_row(study_id, result, now)
    session.add(row)
    session.flush()
    return row.id


def _rank(session: Session, row: StudyRow, contents: str) -> Rank:
    """Return the rank that a study has."""
    current = studies.current(session, row.id, contents)
    model = current.model if current is not None and row.malignancy is not None else ""
    return Rank(model, rows.BANDS[row.band], row.malignancy, Finding(row.predicted) if row.predicted else None)


def _audited(row: RerankRow, now: datetime) -> AuditRow:
    """Return the audit row; a study that rose is announced to readers as one that was just ranked."""
    before, after = rows.BANDS[row.before_band], rows.BANDS[row.band]
    if row.refusal:
        detail = f"{after} kept, not analysable to {row.model}: {row.refusal}"
    else:
        detail = f"{after} by {row.model}, {before} by {row.before_model or 'nobody'} before"
    event = Event.RANKED if row.band < row.before_band else Event.RERANKED
    return audit.row(AI, event, row.study_id, detail, now)
