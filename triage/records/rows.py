"""Rows of the tables as the record hands them out."""

from __future__ import annotations

from typing import Any

from triage.domain import (
    AIResult,
    Band,
    Decision,
    Finding,
    Plane,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    SeriesHeader,
    SliceScores,
    StudyHeader,
)
from triage.records.tables import AIResultRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import Instance, SeriesFiles

BANDS = tuple(Band)


def instance(row: InstanceRow) -> Instance:
    """Return a received file."""
    return Instance(
        sha256=row.sha256,
        name=row.name,
        kind=row.kind,
        size=row.size,
        sop_instance_uid=row.sop_instance_uid or "",
        sop_class_uid=row.sop_class_uid or "",
        transfer_syntax=row.transfer_syntax or "",
        frames=row.frames,
    )


def header(row: StudyRow) -> StudyHeader:
    """Return a study's identity."""
    return StudyHeader(
        uid=row.study_uid or "",
        patient_name=row.patient_name or "",
        mrn=row.mrn or "",
        accession_number=row.accession_number or "",
        description=row.description or "",
        study_date=row.study_date,
        sex=row.sex or "",
        age=row.age or "",
    )


def series(row: SeriesRow) -> SeriesFiles:
    """Return a series with its files."""
    header = SeriesHeader(
        uid=row.uid or "",
        number=row.number,
        description=row.description,
        modality=row.modality or "",
        scanner=row.scanner or "",
        plane=Plane(row.plane) if row.plane else None,
        spacing=(row.spacing[0], row.spacing[1], row.spacing[2]) if row.spacing else None,
        set_aside=row.set_aside or "",
    )
    return SeriesFiles(header, tuple(instance(item) for item in row.instances))


def kept(slices: SliceScores | None) -> dict[str, Any] | None:
    """Return slice scores as the database keeps them."""
    return None if slices is None else {"shown": [slices.series, slices.slice], "table": slices.table}


def _slices(kept: dict[str, Any] | None) -> SliceScores | None:
    if kept is None:
        return None
    table = tuple(tuple(None if row is None else tuple(row) for row in series) for series in kept["table"])
    return SliceScores(kept["shown"][0], kept["shown"][1], table)


def result(row: AIResultRow) -> AIResult:
    """Return an AI result."""
    probabilities = {finding: float(row.probabilities[finding]) for finding in Finding}
    return AIResult(
        model=row.model,
        model_sha256=row.model_sha256,
        probabilities=probabilities,
        ranking=Ranking(BANDS[row.band], row.reason),
        contents=row.contents,
        slices=_slices(row.slices),
        filed_at=row.filed_at,
    )


def reading(row: ReadingRow) -> Reading:
    """Return a reading."""
    return Reading(
        reader=row.reader,
        decision=Decision(row.decision),
        finding=Finding(row.finding),
        reason=ReasonCode(row.reason) if row.reason else None,
        comment=row.comment,
        state=ReadingState(row.state),
        signed_at=row.signed_at,
        model_sha256=row.model_sha256,
        contents=row.contents,
    )
