"""What persons decided about conflicts: listed, and undone; nothing that was discarded is out of sight."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from triage.domain import Resolution, StudyStatus
from triage.errors import ConflictError
from triage.reading import status_of
from triage.records import audit, priors, rows, studies
from triage.records.arrivals import why_in_doubt
from triage.records.audit import Event
from triage.records.conflict_views import Decided, Side
from triage.records.conflicts import PATIENT, side_of
from triage.records.database import Database, in_batches
from triage.records.results import rank
from triage.records.tables import AIResultRow, AuditRow, StudyRow

#: Decisions on the list.
LISTED = 50
CANNOT_UNDO = "This decision cannot be undone, or somebody else undid it meanwhile. Look at the list again."
UNDO_THE_OTHER_FIRST = "The other study was discarded or merged meanwhile. Undo that decision first, then this one."
#: Between decision and reason in an audit row.
COLON = ": "


class Decisions:
    """Decisions of one record, from its audit trail.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def made(self) -> list[Decided]:
        """Return the latest decisions, and what was undone of them, the newest first."""
        concerned = select(StudyRow.id).where(
            or_(StudyRow.conflict_with.is_not(None), StudyRow.status == StudyStatus.DISCARDED)
        )
        # The two rows of a decision have one time, which also leads to the study that is in no conflict any more.
        times = select(AuditRow.at).where(AuditRow.study_id.in_(concerned), _is_decision()).distinct()
        newest = times.order_by(AuditRow.at.desc()).limit(LISTED)
        query = select(AuditRow).where(AuditRow.at.in_(newest), _is_decision())
        with self._database.read() as session:
            found = session.scalars(query.order_by(AuditRow.at.desc(), AuditRow.id)).all()
            pairs = [list(pair) for _, pair in groupby(found, lambda row: (row.at, row.actor))]
            later: set[str | None] = set()
            # By study, the one that has its patient of that time by now: a merge under the second exchanged them.
            holders: dict[str, str] = {}
            made = []
            for pair in pairs:
                studies_of_it = {row.study_id for row in pair}
                item = _decided(session, pair, holders, is_last=later.isdisjoint(studies_of_it))
                made.append(item)
                later |= studies_of_it
            return made

    def undo(self, study_id: str, *, by: str, reason: str, second_read: bool = True) -> None:
        """Undo a decision in one transaction: both studies are on the record as before, and in conflict again.

        The UIDs stay with the study that has them; the conflict can be decided for the other one.

        Parameters
        ----------
        study_id
            The study that was discarded or kept apart, see `Decided.undo_id`.
        by
            Name of the person.
        reason
            Why, for the audit trail.
        second_read
            Whether a glioma needs a second reader.

        Raises
        ------
        ConflictError
            If it was merged, or undone already, or the other study was discarded or merged since.
        NotFoundError
            If there is no such study.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            other, row = studies.locked_pair(session, study_id)
            if other is None or row.conflict is not None or row.status == StudyStatus.MERGED:
                raise ConflictError(CANNOT_UNDO)
            if other.status in (StudyStatus.DISCARDED, StudyStatus.MERGED):
                raise ConflictError(UNDO_THE_OTHER_FIRST)
            if row.status == StudyStatus.DISCARDED:
                _put_back(session, row, now, second_read=second_read)
            row.conflict = why_in_doubt(other, rows.header(row))
            for one in (other, row):
                session.add(audit.row(by, Event.REOPENED, one.id, reason, now))
            priors.refresh(session, {other.mrn, row.mrn})

    def discarded(self, study_ids: Collection[str]) -> dict[str, str]:
        """Return who discarded which of the studies, when and why, by study ID; studies that were not are left out."""
        found: dict[str, str] = {}
        with self._database.read() as session:
            for batch in in_batches(list(study_ids)):
                query = select(AuditRow).join(StudyRow, StudyRow.id == AuditRow.study_id)
                query = query.where(StudyRow.id.in_(batch), StudyRow.status == StudyStatus.DISCARDED)
                for row in session.scalars(query.where(AuditRow.event == Event.RESOLVED).order_by(AuditRow.id)):
                    why = row.detail.partition(COLON)[2]
                    found[str(row.study_id)] = f"Discarded by {row.actor} on {row.at:%Y-%m-%d}: {why}"
        return found


def _is_decision() -> ColumnElement[bool]:
    return AuditRow.event.in_((Event.RESOLVED, Event.REOPENED))


def _decided(session: Session, pair: Sequence[AuditRow], holders: dict[str, str], *, is_last: bool) -> Decided:
    """Return the decision of two audit rows, the one of the first study first; set `holders` to before it."""
    first, second = (session.get_one(StudyRow, row.study_id) for row in pair)
    said = pair[0]
    what, why = None, said.detail
    if said.event == Event.RESOLVED:
        name, _, why = said.detail.partition(COLON)
        what = Resolution(name)
    changed = (
        {
            Resolution.KEEP_APART: second,
            Resolution.DISCARD_SECOND: second,
            Resolution.DISCARD_FIRST: first,
        }.get(what)
        if what
        else None
    )
    undo_id = changed.id if changed is not None and is_last else ""
    if what is Resolution.MERGE_AS_SECOND:
        mine, theirs = holders.get(first.id, first.id), holders.get(second.id, second.id)
        holders[first.id], holders[second.id] = theirs, mine
    one, other = (_side_then(session, row, holders) for row in (first, second))
    return Decided(said.at, said.actor, what, why, one, other, undo_id)


def _side_then(session: Session, row: StudyRow, holders: Mapping[str, str]) -> Side:
    """Return a side with the patient that it was of when it was decided."""
    side = side_of(session, row)
    holder = rows.header(session.get_one(StudyRow, holders.get(row.id, row.id)))
    return replace(side, header=replace(side.header, **{name: getattr(holder, name) for name in PATIENT}))


def _put_back(session: Session, row: StudyRow, now: datetime, *, second_read: bool) -> None:
    """Put a discarded study back: as read if nothing came since its reading, otherwise to be scored and read."""
    contents = studies.contents(session, [row.id])[row.id]
    signed = [rows.reading(item) for item in row.readings]
    if signed and signed[-1].contents in (None, contents):
        known = select(AIResultRow.reason).where(AIResultRow.study_id == row.id).order_by(AIResultRow.id.desc())
        row.reason = session.scalar(known.limit(1)) or "Read without the AI"
        late = studies.current(session, row.id, contents) if second_read else None
        row.status = status_of(signed, rows.result(late) if late else None)
        row.waiting = row.status != StudyStatus.READ
        if late is not None and row.waiting:
            rank(row, rows.result(late), now)  # it may have come while the study was discarded
    else:
        row.status, row.waiting, row.reason = StudyStatus.RECEIVED, True, studies.NOT_SCORED_YET
