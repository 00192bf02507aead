"""Studies as rows of the worklist: with their images, doubts and signatures. Tested in tests/records/test_queue.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from triage.domain import Finding, Reading, StudyStatus
from triage.reading import superseded
from triage.records import rows, studies
from triage.records.begun import begun
from triage.records.merged import merged
from triage.records.reranked import Reranked
from triage.records.tables import ClaimRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.worklist_views import Signature, WorklistRow

#: Said before the reason for the rank of a prior.
PRIOR = "Prior of a newer study of this patient"


def worklist_rows(session: Session, query: Select[StudyRow], now: datetime) -> dict[str, WorklistRow]:
    """Return the studies of a query by ID, in its order, each as a row of the worklist; nine queries however many.

    `now` is the time by which claims are counted.
    """
    found_studies = list(session.scalars(query))
    ids = [study.id for study in found_studies]
    doubts = studies.in_doubt(session, ids)
    others = merged(session, ids)
    signatures = _signatures(session, ids)
    unsigned = begun(session, ids)
    reranks = {study_id: rows.reranked(row) for study_id, row in studies.reranks(session, ids).items()}
    open_now = select(ClaimRow.study_id, ClaimRow.reader).where(ClaimRow.study_id.in_(ids), ClaimRow.until > now)
    holders: dict[str, str] = dict(session.execute(open_now).all())
    counted = func.coalesce(func.sum(case((SeriesRow.set_aside.is_(None), InstanceRow.frames), else_=0)), 0)
    images = (
        select(SeriesRow.study_id, func.max(SeriesRow.modality), counted)
        .join(InstanceRow)
        .where(SeriesRow.study_id.in_(ids))
        .group_by(SeriesRow.study_id)
    )
    found = {study_id: (modality, slices) for study_id, modality, slices in session.execute(images)}
    return {
        study.id: replace(
            _as_ranked(study, *found.get(study.id, (None, 0))),
            reason=_reason(study, reranks.get(study.id)),
            doubt=doubts.get(study.id, ""),
            merged=others.get(study.id, ()),
            claimed_by=holders.get(study.id, ""),
            drafts=tuple(sorted(unsigned[study.id].drafts)),
            committed=frozenset(unsigned[study.id].committed),
            signatures=signatures.get(study.id, ()),
        )
        for study in found_studies
    }


def _signatures(session: Session, ids: list[str]) -> Mapping[str, tuple[Signature, ...]]:
    """Return who signed what for each study that was signed, oldest first."""
    query = select(ReadingRow).where(ReadingRow.study_id.in_(ids)).order_by(ReadingRow.version)
    found: dict[str, list[Reading]] = {}
    for row in session.scalars(query):
        found.setdefault(row.study_id, []).append(rows.reading(row))
    return {
        study_id: tuple(
            Signature(one.reader, one.finding.label, one.signed_at, replaced)
            for one, replaced in zip(readings, superseded(readings), strict=True)
        )
        for study_id, readings in found.items()
    }


def _reason(row: StudyRow, reranked: Reranked | None) -> str:
    """Return why a study stands where it stands, and whether another model put it there; signed, it is past."""
    anew = reranked.said() if reranked is not None and row.status == StudyStatus.RANKED else ""
    return ". ".join(filter(None, (PRIOR if row.prior_of else "", anew, row.reason)))


def _as_ranked(row: StudyRow, modality: str | None, slices: int) -> WorklistRow:
    return WorklistRow(
        study_id=row.id,
        name=row.name,
        status=StudyStatus(row.status),
        band=rows.BANDS[row.band],
        malignancy=row.malignancy,
        predicted=Finding(row.predicted) if row.predicted else None,
        arrived_at=row.arrived_at,
        reason=row.reason,
        is_prior=row.prior_of is not None,
        waiting=row.waiting,
        patient_name=row.patient_name or "",
        mrn=row.mrn or "",
        accession_number=row.accession_number or "",
        study_date=row.study_date,
        modality=modality or "",
        slices=slices,
    )
