"""Studies whose identity is in doubt: listed side by side, and decided by a person, once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.domain import Resolution, StudyStatus
from triage.errors import ConflictError
from triage.records import audit, marks, priors, rows, studies
from triage.records.audit import Event
from triage.records.conflict_views import Conflict, Side
from triage.records.database import Database
from triage.records.folding import folded_name, folded_study
from triage.records.tables import InstanceRow, ReadingRow, SeriesRow, StudyRow

#: What a merged study takes over from the second one if that is the patient, and leaves to it.
PATIENT = ("patient_name", "mrn", "issuer", "birth_date", "sex", "age")
MERGED = "Merged with the study that had the same UID"
ALREADY_DECIDED = "Somebody else decided this conflict meanwhile. Look at the list again."
SIGNED = "The study to merge was signed already, and a signed reading stays with its study. Keep the two apart."
SIGNED_FOR = "The first study was signed for its patient. Merge under the patient of the first, or keep the two apart."


class Conflicts:
    """Conflicts of one record.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self) -> list[Conflict]:
        """Return the conflicts that wait for a decision, the oldest first."""
        with self._database.read() as session:
            seconds = session.scalars(
                select(StudyRow).where(StudyRow.conflict.is_not(None)).order_by(StudyRow.arrived_at, StudyRow.id)
            ).all()
            return [
                Conflict(
                    second.conflict or "",
                    second.claimed_uid or second.study_uid or "",
                    side_of(session, session.get_one(StudyRow, second.conflict_with)),
                    side_of(session, second),
                )
                for second in seconds
            ]

    def in_doubt(self, study_ids: Collection[str]) -> set[str]:
        """Return the studies that were set aside and wait for a decision."""
        with self._database.read() as session:
            wanted = select(StudyRow.id).where(StudyRow.id.in_(study_ids), StudyRow.conflict.is_not(None))
            return set(session.scalars(wanted))

    def resolve(self, study_id: str, resolution: Resolution, *, by: str, reason: str) -> None:
        """Carry out a decision in one transaction; the files and the audit row stay in any case.

        Parameters
        ----------
        study_id
            The study that was set aside.
        resolution
            Keep apart: both stay; only the first has the UIDs in DICOMweb. Merge: the first study gets the files of the
            second, and files of either patient that arrive later; it is then of the first patient, or of the second.
            Discard: one of the two leaves the worklist; if it is the first, the second gets the UIDs.
        by
            Name of the person.
        reason
            Why, for the audit trail.

        Raises
        ------
        ConflictError
            If it was decided already, or a signed study was to be merged.
        NotFoundError
            If there is no such study.
        """
        now = datetime.now(UTC)
        with self._database.write() as session:
            first, second = studies.locked_pair(session, study_id)
            if first is None or second.conflict is None:
                raise ConflictError(ALREADY_DECIDED)
            second.conflict = None
            if resolution in (Resolution.MERGE, Resolution.MERGE_AS_SECOND):
                _merge(session, first, second, now)
                if resolution is Resolution.MERGE_AS_SECOND:
                    _exchange_patients(session, first, second)
            elif resolution is Resolution.DISCARD_SECOND:
                _discard(second, reason)
            elif resolution is Resolution.DISCARD_FIRST:
                _exchange_uids(session, first, second)
                _discard(first, reason)
            for row in (first, second):
                session.add(audit.row(by, Event.RESOLVED, row.id, f"{resolution}: {reason}", now))
            priors.refresh(session, {first.mrn, second.mrn})


def side_of(session: Session, row: StudyRow) -> Side:
    """Return a study as one side of a conflict."""
    files = select(func.count(InstanceRow.id)).join(SeriesRow).where(SeriesRow.study_id == row.id)
    return Side(
        row.id,
        row.name,
        rows.header(row),
        row.arrived_at,
        session.scalar(files) or 0,
        _is_signed(session, row),
    )


def _is_signed(session: Session, row: StudyRow) -> bool:
    return session.scalar(select(ReadingRow.id).where(ReadingRow.study_id == row.id).limit(1)) is not None


def _merge(session: Session, first: StudyRow, second: StudyRow, now: datetime) -> None:
    if _is_signed(session, second):
        raise ConflictError(SIGNED)
    for series in list(second.series):
        for item in series.instances:
            taken = select(InstanceRow.id).where(InstanceRow.sop_instance_uid == item.claimed_uid)
            # Of two data sets with one UID, only the first can be found under it.
            if item.claimed_uid and session.scalar(taken) is None:
                item.sop_instance_uid, item.claimed_uid = item.claimed_uid, None
        known = next((row for row in first.series if row.uid and row.uid == series.uid), None)
        if known is None:
            series.study = first
        else:
            for item in list(series.instances):
                item.number = len(known.instances) + 1
                item.series = known
            session.flush()
            session.delete(series)
    second.status, second.waiting, second.reason = StudyStatus.MERGED, False, MERGED
    studies.requeue(session, first)
    marks.bring_along(session, second.id, first.id, now)
    studies.count_images(session, [first.id, second.id])


def _discard(row: StudyRow, reason: str) -> None:
    row.status, row.waiting, row.reason = StudyStatus.DISCARDED, False, f"Discarded: {reason}"


def _exchange_patients(session: Session, first: StudyRow, second: StudyRow) -> None:
    """Make the first study one of the second patient, and the other way round, so that late files find both."""
    if _is_signed(session, first):
        raise ConflictError(SIGNED_FOR)
    for name in PATIENT:
        mine, theirs = getattr(first, name), getattr(second, name)
        setattr(first, name, theirs)
        setattr(second, name, mine)
    for row in (first, second):
        row.folded_name = folded_name(row.patient_name or "")
        row.folded_text = folded_study(row.name, row.patient_name, row.mrn, row.accession_number)


def _exchange_uids(session: Session, first: StudyRow, second: StudyRow) -> None:
    """Give the UIDs of the first study to the second, and every other conflict with the first too."""
    claimed = second.claimed_uid
    if claimed and first.study_uid == claimed:
        first.study_uid, first.claimed_uid = None, claimed
    mine = [item for series in second.series for item in series.instances]
    wanted = {item.claimed_uid for item in mine}
    for series in first.series:
        for item in series.instances:
            if first.study_uid is None or item.sop_instance_uid in wanted:
                item.sop_instance_uid, item.claimed_uid = None, item.sop_instance_uid or item.claimed_uid
    session.flush()  # the UIDs are unique
    if claimed and session.scalar(select(StudyRow.id).where(StudyRow.study_uid == claimed)) is None:
        second.study_uid, second.claimed_uid = claimed, None
    for item in mine:
        taken = select(InstanceRow.id).where(InstanceRow.sop_instance_uid == item.claimed_uid)
        if item.claimed_uid and session.scalar(taken) is None:
            item.sop_instance_uid, item.claimed_uid = item.claimed_uid, None
    second.conflict_with = None
    others = select(StudyRow).where(StudyRow.conflict_with == first.id, StudyRow.status != StudyStatus.MERGED)
    for other in session.scalars(others):
        other.conflict_with = second.id
    first.conflict_with = second.id
