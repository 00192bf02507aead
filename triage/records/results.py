"""AI results: file them, rank the studies by them, list the studies that have none yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select

from triage.domain import AIResult, Ranking, SeriesHeader, StudyStatus
from triage.reading import UNSETTLED, status_of
from triage.records import audit, rows, studies
from triage.records.audit import Event
from triage.records.database import Database
from triage.records.tables import AIResultRow, StudyRow
from triage.worklist import at_least

#: Actor of the audit rows of results.
AI = "ai"


class Results:
    """AI results of one record. Each method that writes is one transaction and may raise `StorageError`.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def file(self, study_id: str, result: AIResult, *, second_read: bool = True) -> None:
        """File an AI result and rank the study by it; filing the same result again ranks a study that waits for it.

        A result for contents that the study no longer has is kept, but the study is not ranked by it.

        Parameters
        ----------
        study_id
            The study.
        result
            What the AI found.
        second_read
            Whether a glioma needs a second reader, also one that was signed before the AI called it so.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            row = studies.locked(session, study_id)
            known = session.scalar(
                select(AIResultRow.id).where(
                    AIResultRow.study_id == study_id,
                    AIResultRow.model_sha256 == result.model_sha256,
                    AIResultRow.contents == result.contents,
                )
            )
            if known is not None and row.status != StudyStatus.RECEIVED:
                return
            if known is None:
                session.add(result_row(study_id, result, now))
            if (
                result.contents != studies.contents(session, [study_id])[study_id]
                or row.status == StudyStatus.DISCARDED
            ):
                return
            ranking = rank(row, result, now)
            if row.waiting and row.status not in UNSETTLED:
                row.status = StudyStatus.RANKED
            elif row.status == StudyStatus.READ and second_read:
                row.status = status_of([rows.reading(one) for one in row.readings], result)
                row.waiting = row.status != StudyStatus.READ
            session.add(audit.row(AI, Event.RANKED, study_id, f"{ranking.band}: {ranking.reason}", now))

    def note_series(self, study_id: str, decoded: Mapping[str, SeriesHeader]) -> None:
        """Note plane, spacing and "set aside" of decoded series; their first files, which stood for them, may be stray.

        Parameters
        ----------
        study_id
            The study.
        decoded
            By Series Instance UID: what most of its slices are.
        """
        with self._database.write() as session:
            study = studies.locked(session, study_id)
            for row in study.series:
                if found := decoded.get(row.uid or ""):
                    row.plane, row.spacing = found.plane, list(found.spacing) if found.spacing else None
                    row.set_aside = found.set_aside or None
            studies.count_images(session, [study_id])

    def file_not_analysable(self, study_id: str, reason: str, *, judged: str | None = None) -> None:
        """Keep the study in its band with the reason why the AI cannot judge it.

        Parameters
        ----------
        study_id
            The study.
        reason
            Safe to show.
        judged
            Digest of the contents that were judged; a study that has others by now is not changed. None: whatever
            contents it has.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            row = studies.locked(session, study_id)
            if row.status != StudyStatus.RECEIVED:
                return
            if judged is not None and judged != studies.contents(session, [study_id])[study_id]:
                return
            row.status, row.reason, row.ranked_at = StudyStatus.NOT_ANALYSABLE, reason, now
            row.malignancy = row.predicted = None
            session.add(audit.row(AI, Event.NOT_ANALYSABLE, study_id, reason, now))

    def pending(self, among: Collection[str] | None = None) -> list[str]:
        """Return the studies that are neither ranked nor found not analysable yet, oldest first.

        Parameters
        ----------
        among
            Only these study IDs; None: all.
        """
        query = select(StudyRow.id).where(*_is_pending()).order_by(StudyRow.arrived_at)
        if among is not None:
            query = query.where(StudyRow.id.in_(among))
        with self._database.read() as session:
            return list(session.scalars(query))

    def count_pending(self) -> int:
        """Return how many studies `pending` would list."""
        with self._database.read() as session:
            return session.scalar(select(func.count()).select_from(StudyRow).where(*_is_pending())) or 0

    def contents(self, study_ids: Sequence[str]) -> dict[str, str]:
        """Return the digest of the files that each of the studies has now, in the order of the IDs."""
        with self._database.read() as session:
            return studies.contents(session, study_ids)


def rank(row: StudyRow, result: AIResult, now: datetime) -> Ranking:
    """Rank a study by a result, never below what the referrer asked for, and return its rank."""
    ranking = at_least(result.ranking, rows.BANDS[row.site_band])
    row.band, row.reason = ranking.band.order, ranking.reason
    row.malignancy, row.predicted, row.ranked_at = result.malignancy, result.predicted, now
    return ranking


def result_row(study_id: str, result: AIResult, now: datetime) -> AIResultRow:
    """Return the row of a result that is filed now."""
    return AIResultRow(
        study_id=study_id,
        model=result.model,
        model_sha256=result.model_sha256,
        probabilities={finding.value: value for finding, value in result.probabilities.items()},
        band=result.ranking.band.order,
        reason=result.ranking.reason,
        filed_at=now,
        contents=result.contents,
        slices=rows.slices_as_json(result.slices),
        prediction_set=[finding.value for finding in result.prediction_set],
        card=result.card or None,
    )


def _is_pending() -> tuple[ColumnElement[bool], ...]:
    return StudyRow.waiting.is_(True), StudyRow.status == StudyStatus.RECEIVED
