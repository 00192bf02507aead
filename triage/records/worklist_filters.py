"""The filter of the worklist in SQL: which studies are in a list, and which of them wait for another reader."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from triage.domain import StudyStatus
from triage.reading import OPENING, UNSETTLED
from triage.records import studies
from triage.records.database import MAX_IN_VALUES
from triage.records.tables import ReadingRow, StudyRow
from triage.records.worklist_views import WorklistFilter


def conditions(wanted: WorklistFilter, session: Session) -> list[ColumnElement[bool]]:
    """Return what is true of the studies that a filter shows."""
    found = _mentioning(wanted.text, session)
    if wanted.everything:
        found.append(StudyRow.status != StudyStatus.MERGED)
    elif wanted.statuses:
        found.append(StudyRow.status.in_(wanted.statuses))
    elif not wanted.for_another:
        found.append(StudyRow.waiting.is_(True))
    if wanted.for_another:
        found.append(for_another(wanted.reader))
    elif wanted.reader and not wanted.everything:
        found.append(~for_another(wanted.reader))
    if wanted.bands:
        found.append(StudyRow.band.in_([band.order for band in wanted.bands]))
    if wanted.findings:
        found.append(StudyRow.predicted.in_(wanted.findings))
    return found


def for_another(reader: str) -> ColumnElement[bool]:
    """Whether a reader has signed a study that waits for another one, as `triage.reading.opinions` has it."""
    opened = (
        select(func.coalesce(func.max(ReadingRow.version), 0))
        .where(ReadingRow.study_id == StudyRow.id, ReadingRow.role.in_(OPENING))
        .correlate(StudyRow)
        .scalar_subquery()
    )
    theirs = (ReadingRow.study_id == StudyRow.id, ReadingRow.reader == reader, ReadingRow.version >= opened)
    return and_(StudyRow.status.in_(UNSETTLED), select(ReadingRow.id).where(*theirs).correlate(StudyRow).exists())


def _mentioning(text: str, session: Session) -> list[ColumnElement[bool]]:
    """Return the conditions of a text; if few studies meet them, by their IDs, so that texts are searched only once."""
    mentioned = studies.mentions(text)
    if mentioned:
        few = session.scalars(select(StudyRow.id).where(*mentioned).limit(MAX_IN_VALUES + 1)).all()
        if len(few) <= MAX_IN_VALUES:
            return [StudyRow.id.in_(few)]
    return mentioned
