"""What candidates say of new studies in shadow: kept beside the AI results, and never shown to a reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, exists, func, select

from triage.domain import AIResult, StudyStatus
from triage.records.acts import Entry
from triage.records.database import Database
from triage.records.model_tables import AttemptRow, ShadowRow
from triage.records.reranks import MAX_TRIES
from triage.records.tables import StudyRow


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """How far a candidate in shadow has come.

    Attributes
    ----------
    scored, refused
        New studies that it judged, and that it found not analysable.
    waiting
        New studies that it has not seen yet.
    left
        Studies that ended the process too often, and are left.
    """

    scored: int
    refused: int
    waiting: int
    left: int


class Shadows:
    """Shadow results of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, shadow: Entry) -> str | None:
        """Return the oldest study that arrived since a shadow began and that its candidate has not seen."""
        query = select(StudyRow.id).where(*_due(shadow), _tries(shadow) < MAX_TRIES)
        with self._database.read() as session:
            return session.scalar(query.order_by(StudyRow.arrived_at).limit(1))

    def file(self, study_id: str, shadow: Entry, network: str, contents: str, outcome: AIResult | str) -> None:
        """Keep what a candidate says of a study, or why it refuses it; a second time changes nothing."""
        card, scored = shadow.model.card, outcome if isinstance(outcome, AIResult) else None
        once = (ShadowRow.study_id == study_id, ShadowRow.card == card, ShadowRow.contents == contents)
        with self._database.write() as session:
            if session.scalar(select(ShadowRow.id).where(*once)) is None:
                session.add(
                    ShadowRow(
                        study_id=study_id,
                        card=card,
                        model=shadow.model.name,
                        model_sha256=network,
                        contents=contents,
                        probabilities={one.value: value for one, value in scored.probabilities.items()}
                        if scored
                        else None,
                        band=scored.ranking.band.order if scored else None,
                        refusal=None if scored else str(outcome),
                        filed_at=datetime.now(UTC),
                    )
                )

    def counts(self, shadow: Entry) -> ShadowCounts:
        """Return how far the candidate of a shadow has come."""
        card = shadow.model.card
        judged = select(func.count(ShadowRow.probabilities), func.count(ShadowRow.refusal))
        due = select(func.count()).select_from(StudyRow).where(*_due(shadow))
        with self._database.read() as session:
            scored, refused = session.execute(judged.where(ShadowRow.card == card)).one()
            left = session.scalar(due.where(_tries(shadow) >= MAX_TRIES)) or 0
            return ShadowCounts(scored, refused, (session.scalar(due) or 0) - left, left)


def task_of(shadow: Entry) -> str:
    """Return the name under which attempts to score studies in shadow are counted."""
    return f"shadow {shadow.model.card}"


def _due(shadow: Entry) -> tuple[ColumnElement[bool], ...]:
    judged = exists().where(ShadowRow.study_id == StudyRow.id, ShadowRow.card == shadow.model.card)
    gone = (StudyStatus.RECEIVED, StudyStatus.MERGED, StudyStatus.DISCARDED)
    return StudyRow.arrived_at >= shadow.at, StudyRow.status.not_in(gone), ~judged


def _tries(shadow: Entry) -> ColumnElement[int]:
    tries = select(AttemptRow.tries).where(AttemptRow.study_id == StudyRow.id, AttemptRow.task == task_of(shadow))
    return func.coalesce(tries.scalar_subquery(), 0)
