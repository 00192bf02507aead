"""What models said of the site's own studies, beside what was signed: the ground of every figure on the page Models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.domain import Finding, ReadingState, StudyStatus, likeliest
from triage.records.database import Read
from triage.records.model_tables import ShadowRow
from triage.records.signed import signed_studies
from triage.records.tables import AIResultRow, ReadingRow, StudyRow


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said of one settled study.

    Attributes
    ----------
    patient
        What the studies of one patient have in common; it names nobody.
    name, card
        Of the model; the card is the digest of its network in results that were filed before cards were recorded.
    called
        What was signed.
    """

    study_id: str
    patient: str
    name: str
    card: str
    probabilities: Mapping[Finding, float]
    called: Finding

    @property
    def predicted(self) -> Finding:
        """The most probable class."""
        return likeliest(self.probabilities)

    @property
    def is_right(self) -> bool:
        """Whether the model names the class that was signed."""
        return self.predicted is self.called


def answers(read: Read) -> list[Answer]:
    """Return what all models said, in shadow too, of the settled studies with one of the four classes.

    A study is settled once it waits for nobody; what a reader concluded before is told to no one.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    """
    patients = {one.study_id: one.patient for one in signed_studies(read)}
    with read() as session:
        filed, unseen = _joined(session, AIResultRow), _joined(session, ShadowRow)
    return [
        Answer(
            study_id=study_id,
            patient=patients.get(study_id, study_id),
            name=name,
            card=card or network,
            probabilities={one: float(probabilities[one]) for one in Finding},
            called=Finding(called),
        )
        for study_id, called, name, card, network, probabilities in (*filed, *unseen)
        if probabilities is not None
    ]


def _joined(session: Session, table: type[AIResultRow] | type[ShadowRow]) -> list[Any]:
    """Return study, signed class, and name, card, network and probabilities of a model."""
    last = (
        select(ReadingRow.study_id, func.max(ReadingRow.version).label("version"))
        .group_by(ReadingRow.study_id)
        .subquery()
    )
    query = (
        select(StudyRow.id, ReadingRow.finding, table.model, table.card, table.model_sha256, table.probabilities)
        .join(last, last.c.study_id == StudyRow.id)
        .join(ReadingRow, (ReadingRow.study_id == StudyRow.id) & (ReadingRow.version == last.c.version))
        .join(
            table,
            (table.study_id == StudyRow.id) & (table.contents == func.coalesce(ReadingRow.contents, table.contents)),
        )
        .where(
            StudyRow.waiting.is_(False),
            StudyRow.status == StudyStatus.READ,
            ReadingRow.state != ReadingState.PRELIMINARY,
            ReadingRow.finding.in_([one.value for one in Finding]),
        )
        .order_by(StudyRow.arrived_at, StudyRow.id, table.id)
    )
    return list(session.execute(query))
