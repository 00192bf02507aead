"""Which studies are priors: older pictures of a patient, sent for comparison beside a newer study."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.domain import StudyStatus
from triage.records import rows
from triage.records.identity import agree
from triage.records.tables import StudyRow

#: A study that is this old when it arrives was not made for today.
OLD = timedelta(days=90)
#: More studies under one MRN are not those of one patient: some senders write "unknown".
MOST = 200
#: Priors are sent with the new study, or on the evening before.
TOGETHER = timedelta(days=1)


def take_turns(session: Session, mrns: Collection[str | None]) -> None:
    """Let one transaction at a time change studies of these patients; before any row of them is locked.

    Whoever locks their own study first, and then marks those of others, can wait for somebody who does the same. SQLite
    has one writer at a time anyway.

    Parameters
    ----------
    session
        In whose transaction it happens; its end gives the turn back.
    mrns
        The patients; None and "" are nobody.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    for key in sorted({_key(mrn) for mrn in mrns if mrn}):
        session.execute(select(func.pg_advisory_xact_lock(key)))


def refresh(session: Session, mrns: Collection[str | None]) -> None:
    """Mark the priors among the studies of these patients anew; whoever does it has taken turns.

    A study is a prior of the newest study of its patient that is younger than it, if it came with or after that one, or
    was `OLD` on arrival. An unread study never becomes a prior because the patient came again.

    Parameters
    ----------
    session
        In whose transaction it happens.
    mrns
        The patients; None and "" are nobody.
    """
    session.flush()
    gone = (StudyStatus.MERGED, StudyStatus.DISCARDED)
    for mrn in filter(None, mrns):
        newest_first = select(StudyRow).where(StudyRow.mrn == mrn).order_by(StudyRow.study_date.desc(), StudyRow.id)
        studies = list(session.scalars(newest_first.limit(MOST)))
        present = [row for row in studies if row.status not in gone and row.conflict is None]
        for row in studies:
            newer = [other for other in present if row in present and _is_prior(row, other)]
            row.prior_of = max(newer, key=lambda other: (str(other.study_date), other.id)).id if newer else None


def refresh_all(session: Session) -> None:
    """Mark the priors of all patients: of those in a record of before there were marks, too."""
    several = select(StudyRow.mrn).where(StudyRow.mrn != "").group_by(StudyRow.mrn).having(func.count() > 1)
    refresh(session, session.scalars(several).all())


def _key(mrn: str) -> int:
    """Return the number of the lock of a patient."""
    digest = hashlib.blake2b(mrn.encode(), digest_size=8, person=b"priors").digest()
    return int.from_bytes(digest, signed=True)


def _is_prior(row: StudyRow, other: StudyRow) -> bool:
    if row.study_date is None or other.study_date is None or row.study_date >= other.study_date:
        return False
    sent_along = other.arrived_at <= row.arrived_at + TOGETHER
    old = row.arrived_at.date() - row.study_date > OLD
    return (sent_along or old) and agree(rows.header(row), rows.header(other))
