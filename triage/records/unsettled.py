"""Studies that somebody may read next to teach the model, with what readers and AI said of them so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from triage.domain import Conclusion, Finding, Reading, StudyStatus
from triage.reading import opinions
from triage.records import rows
from triage.records.database import Read, in_batches
from triage.records.tables import AIResultRow, ReadingRow, StudyRow

#: Studies that are looked at, the latest to arrive: older ones are of scanners and protocols that may be gone.
LATEST = 5000
#: Statuses of studies that can be read.
READABLE = (StudyStatus.RANKED, StudyStatus.SECOND_READ, StudyStatus.ARBITRATION, StudyStatus.READ)


@dataclass(frozen=True, slots=True)
class Said:
    """What is on the record of a study that may be read next.

    Attributes
    ----------
    opinions
        What each reader concluded last, by name; empty for a study that nobody has read. After an arbitration that
        of the arbitrator alone.
    readers
        Everybody who signed it.
    probabilities, prediction_set
        Of the newest AI result.
    distance
        Median distance of its slices from the training data, below 1 for most of these; None if it was not recorded.
    """

    study_id: str
    status: StudyStatus
    opinions: Mapping[str, Conclusion]
    readers: frozenset[str]
    probabilities: Mapping[Finding, float]
    prediction_set: tuple[Finding, ...]
    distance: float | None = None


def latest_said(read: Read) -> list[Said]:
    """Return what was said of the latest studies that have an AI result and can be read, the latest first."""
    scored = select(AIResultRow.study_id, func.max(AIResultRow.id).label("id")).group_by(AIResultRow.study_id)
    newest = scored.subquery()
    distance = AIResultRow.slices["inputs"]["distance"].as_float()
    query = (
        select(StudyRow.id, StudyRow.status, AIResultRow.probabilities, AIResultRow.prediction_set, distance)
        .join(newest, newest.c.study_id == StudyRow.id)
        .join(AIResultRow, AIResultRow.id == newest.c.id)
        .where(StudyRow.status.in_(READABLE), StudyRow.conflict.is_(None))
        .order_by(StudyRow.arrived_at.desc(), StudyRow.id)
        .limit(LATEST)
    )
    with read() as session:
        found = session.execute(query).all()
        signed: dict[str, list[Reading]] = defaultdict(list)
        for batch in in_batches([row[0] for row in found]):
            readings = select(ReadingRow).where(ReadingRow.study_id.in_(batch)).order_by(ReadingRow.id)
            for reading in session.scalars(readings):
                signed[reading.study_id].append(rows.reading(reading))
    return [
        Said(
            study_id=study_id,
            status=StudyStatus(status),
            readers=frozenset(reading.reader for reading in signed[study_id]),
            opinions={name: reading.finding for name, reading in opinions(signed[study_id]).items()},
            probabilities={finding: float(probabilities[finding]) for finding in Finding},
            prediction_set=tuple(Finding(name) for name in possible or ()),
            distance=far,
        )
        for study_id, status, probabilities, possible, far in found
    ]
