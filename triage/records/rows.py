"""Rows of the tables as the frozen objects that the record returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from triage.domain import (
    AIResult,
    Band,
    Confidence,
    Decision,
    Finding,
    Inputs,
    Plane,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    Role,
    SeriesHeader,
    SliceScores,
    StudyHeader,
    StudyStatus,
    conclusion,
)
from triage.reading import meaning, standing, superseded, was_preliminary
from triage.records.model_tables import RerankRow
from triage.records.reranked import Rank, Reranked
from triage.records.tables import AIResultRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.views import Instance, SeriesFiles, SignedReading, contents_of

BANDS = tuple(Band)
#: Key of the inputs of a study in the slices of its result, which older results lack.
INPUTS = "inputs"


def instance(row: InstanceRow) -> Instance:
    """Return a received file."""
    return Instance(
        sha256=row.sha256,
        name=row.name,
        kind=row.kind,
        size=row.size,
        sop_instance_uid=row.sop_instance_uid or "",
        content=row.content or "",
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
        birth_date=row.birth_date,
        issuer=row.issuer or "",
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


def signed(row: ReadingRow, study: StudyRow, answered: AIResult | None) -> SignedReading:
    """Return a reading with its study and the AI result that it answers."""
    all_of_it = [reading(item) for item in study.readings]
    at = row.version - 1
    return SignedReading(
        study_id=study.id,
        name=study.name,
        patient_name=study.patient_name or "",
        mrn=study.mrn or "",
        accession_number=study.accession_number or "",
        study_date=study.study_date,
        instance=_representative(study, answered),
        predicted=answered.predicted if answered else None,
        reading=all_of_it[at],
        state=standing(all_of_it[at], all_of_it, StudyStatus(study.status)),
        settled=was_preliminary(all_of_it[at], all_of_it, StudyStatus(study.status)),
        superseded=superseded(all_of_it)[at],
        before=all_of_it[at - 1] if at else None,
    )


def _representative(study: StudyRow, answered: AIResult | None) -> Instance:
    """Return the file that represents a study: the one that the AI result shows, or the first not set aside."""
    files = [instance(item) for row in study.series for item in row.instances]
    if answered and answered.slices and answered.contents == contents_of(item.sha256 for item in files):
        return files[answered.slices.instance]
    scored = [item for row in study.series if not row.set_aside for item in row.instances]
    return instance(scored[0]) if scored else files[0]


def slices_as_json(slices: SliceScores | None) -> dict[str, Any] | None:
    """Return slice scores as the database stores them."""
    if slices is None:
        return None
    kept: dict[str, Any] = {
        "shown": [slices.series, slices.slice, slices.instance],
        "table": slices.table,
        "steps": slices.steps,
    }
    return kept | {INPUTS: asdict(slices.inputs)} if slices.inputs else kept


def _slices(stored: dict[str, Any] | None) -> SliceScores | None:
    if stored is None:
        return None
    table = tuple(tuple(None if row is None else tuple(row) for row in series) for series in stored["table"])
    series, position, instance = stored["shown"]
    inputs = Inputs(**stored[INPUTS]) if INPUTS in stored else None
    return SliceScores(series, position, instance, table, tuple(stored.get("steps", ())), inputs)


def result(row: AIResultRow) -> AIResult:
    """Return an AI result."""
    probabilities = {finding: float(row.probabilities[finding]) for finding in Finding}
    return AIResult(
        model=row.model,
        model_sha256=row.model_sha256,
        probabilities=probabilities,
        ranking=Ranking(BANDS[row.band], row.reason),
        contents=row.contents,
        prediction_set=tuple(Finding(name) for name in row.prediction_set or ()),
        slices=_slices(row.slices),
        filed_at=row.filed_at,
        card=row.card or "",
    )


def reranked(row: RerankRow) -> Reranked:
    """Return what another model made of the rank of a study."""
    return Reranked(
        study_id=row.study_id,
        at=row.at,
        before=_rank(row.before_model, row.before_band, row.before_malignancy, row.before_predicted),
        after=_rank(row.model, row.band, row.malignancy, row.predicted),
        refusal=row.refusal or "",
    )


def _rank(model: str, band: int, malignancy: float | None, predicted: str | None) -> Rank:
    return Rank(model, BANDS[band], malignancy, Finding(predicted) if predicted else None)


def reading(row: ReadingRow) -> Reading:
    """Return a reading."""
    # Before roles were kept, every reading but the first amended another.
    role = Role(row.role) if row.role else Role.FIRST if row.version == 1 else Role.AMENDMENT
    return Reading(
        reader=row.reader,
        decision=Decision(row.decision),
        finding=conclusion(row.finding),
        reason=ReasonCode(row.reason) if row.reason else None,
        comment=row.comment,
        state=ReadingState(row.state),
        signed_at=row.signed_at,
        model_sha256=row.model_sha256,
        contents=row.contents,
        role=role,
        lesion=row.lesion or "",
        confidence=Confidence(row.confidence) if row.confidence else None,
        blind=conclusion(row.blind) if row.blind else None,
        account=row.account,
    )


def reading_row(study_id: str, version: int, reading: Reading) -> ReadingRow:
    """Return the row of a reading; versions of a study count from 1."""
    return ReadingRow(
        study_id=study_id,
        version=version,
        reader=reading.reader,
        decision=reading.decision,
        finding=reading.finding,
        reason=reading.reason,
        comment=reading.comment,
        state=reading.state,
        signed_at=reading.signed_at,
        model_sha256=reading.model_sha256,
        contents=reading.contents,
        role=reading.role,
        lesion=reading.lesion or None,
        confidence=reading.confidence,
        blind=reading.blind,
        account=reading.account,
        meaning=meaning(reading),
    )


def reading_as_json(reading: Reading) -> dict[str, Any]:
    """Return a reading that is not stored yet, as its draft keeps it."""
    kept = asdict(reading)
    return kept | {"signed_at": reading.signed_at.isoformat()}


def reading_of_json(kept: Mapping[str, Any]) -> Reading:
    """Return the reading that a draft keeps."""
    names = [name for name in ReadingRow.__table__.columns.keys() if name in kept]  # noqa: SIM118 - a column mapping
    fields = {name: kept[name] for name in names} | {"signed_at": datetime.fromisoformat(kept["signed_at"])}
    return reading(ReadingRow(version=1, **fields))
