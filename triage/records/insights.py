"""The studies of a period as `triage.insights` counts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import case, func, select

from triage.domain import Finding, ReadingState, StudyStatus, likeliest
from triage.insights import Case
from triage.records import rows
from triage.records.database import Read
from triage.records.tables import AIResultRow, ReadingRow, SeriesRow, StudyRow


def cases(read: Read, since: datetime | None = None) -> list[Case]:
    """Return the studies that arrived since a moment, or all, in the order of arrival; merged ones are left out.

    What was concluded of a study is told once it is settled, see `Case.settled`.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    since
        Only studies that arrived at this time or later.
    """
    signed = (
        select(
            ReadingRow.study_id,
            func.min(ReadingRow.signed_at).label("first"),
            func.min(case((ReadingRow.state != ReadingState.PRELIMINARY, ReadingRow.signed_at))).label("settled"),
            func.max(ReadingRow.version).label("last"),
        )
        .group_by(ReadingRow.study_id)
        .subquery()
    )
    scored = (
        select(
            SeriesRow.study_id,
            func.max(SeriesRow.scanner).label("scanner"),
            func.max(SeriesRow.description).label("sequence"),
        )
        .where(SeriesRow.set_aside.is_(None))
        .group_by(SeriesRow.study_id)
        .subquery()
    )
    query = (
        select(
            StudyRow,
            ReadingRow,
            signed.c.first,
            signed.c.settled,
            AIResultRow.probabilities,
            scored.c.scanner,
            scored.c.sequence,
        )
        .outerjoin(signed, signed.c.study_id == StudyRow.id)
        .outerjoin(ReadingRow, (ReadingRow.study_id == StudyRow.id) & (ReadingRow.version == signed.c.last))
        .outerjoin(
            AIResultRow,
            (AIResultRow.study_id == StudyRow.id)
            & (AIResultRow.model_sha256 == ReadingRow.model_sha256)
            & (AIResultRow.contents == func.coalesce(ReadingRow.contents, AIResultRow.contents)),
        )
        .outerjoin(scored, scored.c.study_id == StudyRow.id)
        .where(StudyRow.status != StudyStatus.MERGED)
        .order_by(StudyRow.arrived_at, StudyRow.id)
    )
    if since is not None:
        query = query.where(StudyRow.arrived_at >= since)
    with read() as session:
        return [_case(*row) for row in session.execute(query)]


def _case(
    study: StudyRow,
    reading: ReadingRow | None,
    first: datetime | None,
    settled: datetime | None,
    answer: Mapping[str, float] | None,
    scanner: str | None,
    sequence: str | None,
) -> Case:
    found = Case(
        study_id=study.id,
        band=rows.BANDS[study.band],
        arrived=study.arrived_at,
        ranked=study.ranked_at,
        opened=study.opened_at,
        signed=first,
        left=None if study.waiting else settled or first,
        waiting=study.waiting,
        scanner=scanner or "",
        sequence=sequence or "",
    )
    if reading is None or study.waiting or reading.state == ReadingState.PRELIMINARY:
        return found
    return replace(
        found,
        settled=True,
        predicted=likeliest({one: float(answer[one]) for one in Finding}) if answer else None,
        called=_class(reading.finding),
        reason=reading.reason or "",
        reader=reading.reader,
    )


def _class(finding: str) -> Finding | None:
    """Return one of the four classes, None for another conclusion."""
    return Finding(finding) if finding in set(Finding) else None
