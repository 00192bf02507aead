"""Studies of the record: read whole, found by words, locked for a change, the digest of their contents.

Tested in tests/records/test_store.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session, selectinload

from triage.domain import StudyStatus
from triage.errors import NotFoundError
from triage.records import bound, priors, rows
from triage.records.database import in_batches
from triage.records.folding import sought
from triage.records.merged import merged
from triage.records.model_tables import RerankRow
from triage.records.tables import AIResultRow, DraftRow, ImageCountRow, InstanceRow, SeriesRow, StudyRow
from triage.records.views import Study, contents_of

#: Reason that a study has on the worklist until it is scored.
NOT_SCORED_YET = "Received; not scored yet"
NOT_THERE = "This study is not in the record. Go back to the worklist and open it from there."


def whole(session: Session, study_id: str) -> Study:
    """Return a study with its files, AI results and readings.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    options = (
        selectinload(StudyRow.series).selectinload(SeriesRow.instances),
        selectinload(StudyRow.results),
        selectinload(StudyRow.readings),
    )
    row = session.get(StudyRow, study_id, options=options)
    if row is None:
        raise NotFoundError(NOT_THERE)
    last = reranks(session, [row.id]).get(row.id)
    by = last.result_id if last is not None else None
    return Study(
        study_id=row.id,
        name=row.name,
        status=StudyStatus(row.status),
        reason=row.reason,
        site_band=rows.BANDS[row.site_band],
        arrived_at=row.arrived_at,
        opened_at=row.opened_at,
        header=rows.header(row),
        series=tuple(rows.series(item) for item in row.series),
        results=tuple(rows.result(item) for item in sorted(row.results, key=lambda item: (item.id == by, item.id))),
        readings=tuple(rows.reading(item) for item in row.readings),
        conflict=in_doubt(session, [row.id]).get(row.id, ""),
        merged=merged(session, [row.id]).get(row.id, ()),
        unbound=tuple(item.version for item in row.readings if not bound.holds(session, item)),
        reranked=rows.reranked(last) if last is not None else None,
    )


def reranks(session: Session, study_ids: Collection[str]) -> dict[str, RerankRow]:
    """Return the newest rank that each study got from another model than before, of those that got one."""
    query = select(RerankRow).where(RerankRow.study_id.in_(study_ids), RerankRow.result_id.is_not(None))
    return {row.study_id: row for row in session.scalars(query.order_by(RerankRow.id))}


def current(session: Session, study_id: str, contents: str) -> AIResultRow | None:
    """Return the AI result that ranks a study with certain contents."""
    last = reranks(session, [study_id]).get(study_id)
    found = select(AIResultRow).where(AIResultRow.study_id == study_id, AIResultRow.contents == contents)
    results = session.scalars(found.order_by(AIResultRow.id)).all()
    return max(results, key=lambda one: (last is not None and one.id == last.result_id, one.id), default=None)


def in_doubt(session: Session, study_ids: Sequence[str]) -> dict[str, str]:
    """Return the reason of the open conflict of each study that has one, whether it came first or second."""
    found: dict[str, str] = {}
    for batch in in_batches(study_ids):
        query = select(StudyRow.id, StudyRow.conflict_with, StudyRow.conflict).where(
            StudyRow.conflict.is_not(None), or_(StudyRow.id.in_(batch), StudyRow.conflict_with.in_(batch))
        )
        for second, first, reason in session.execute(query):
            found |= {second: str(reason), str(first): str(reason)}
    return found


def mentions(text: str) -> list[ColumnElement[bool]]:
    """Return the conditions under which a study mentions all words of a text: in its name, patient, MRN, accession."""
    return [_mentions(word) for word in sought(text)]


def _mentions(word: str) -> ColumnElement[bool]:
    found = StudyRow.folded_text.contains(word, autoescape=True)
    if word.isascii():
        return found
    # Chinese, Japanese and Korean names are written without a space between family and given name.
    return or_(found, func.replace(StudyRow.folded_text, " ", "").contains(word, autoescape=True))


def locked(session: Session, study_id: str) -> StudyRow:
    """Return the row of a study for a change; writers of one study take turns.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    row = session.get(StudyRow, study_id, with_for_update=True)
    if row is None:
        raise NotFoundError(NOT_THERE)
    return row


def locked_pair(session: Session, study_id: str) -> tuple[StudyRow | None, StudyRow]:
    """Return the rows of a study and of the one that it is in conflict with, which is locked first, as on arrival.

    Nobody else changes studies of their patients meanwhile: other studies may become priors.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    other_id = session.scalar(select(StudyRow.conflict_with).where(StudyRow.id == study_id))
    patients = select(StudyRow.mrn).where(StudyRow.id.in_([study_id, other_id or study_id]))
    priors.take_turns(session, session.scalars(patients).all())
    other = locked(session, other_id) if other_id else None
    row = locked(session, study_id)
    return (other if row.conflict_with == other_id else None), row


def requeue(session: Session, row: StudyRow) -> None:
    """Let a study whose files changed be scored and read.

    What a reader committed blind counts no more: it was concluded from other files, and would show what the AI finds in
    these.
    """
    row.status, row.waiting, row.reason = StudyStatus.RECEIVED, True, NOT_SCORED_YET
    session.execute(update(DraftRow).where(DraftRow.study_id == row.id).values(blind=None))


def count_images(session: Session, study_ids: Collection[str]) -> None:
    """Count the images of studies anew, without those of series that are set aside; who changes files calls it."""
    session.flush()
    for batch in in_batches(list(study_ids)):
        session.execute(delete(ImageCountRow).where(ImageCountRow.study_id.in_(batch)))
        images = (
            select(SeriesRow.study_id, func.sum(InstanceRow.frames))
            .join(InstanceRow)
            .where(SeriesRow.study_id.in_(batch), SeriesRow.set_aside.is_(None))
            .group_by(SeriesRow.study_id)
        )
        session.execute(insert(ImageCountRow).from_select(["study_id", "images"], images))


def contents(session: Session, study_ids: Sequence[str]) -> dict[str, str]:
    """Return the digest of the files that each study has now, in the order of the IDs."""
    digests: dict[str, list[str]] = {study_id: [] for study_id in study_ids}
    for batch in in_batches(study_ids):
        query = select(SeriesRow.study_id, InstanceRow.sha256).join(SeriesRow).where(SeriesRow.study_id.in_(batch))
        for study_id, sha256 in session.execute(query):
            digests[study_id].append(sha256)
    return {study_id: contents_of(found) for study_id, found in digests.items()}
