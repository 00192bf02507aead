"""Searches of DICOMweb peers: studies, series and instances, and the files that hold them.

Studies of PNG, JPEG and NIfTI files have no UIDs and are never found here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from triage.domain import SeriesHeader, StudyHeader
from triage.records import rows
from triage.records.database import Read, in_batches
from triage.records.folding import folded, folded_name
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import Instance


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """Criteria; an empty one matches everything. In texts, ``*`` matches any characters and ``?`` one.

    Attributes
    ----------
    patient_name
        In DICOM form or as people write it; matches any representation of a name. Case and accents do not count.
    description
        Case and accents do not count.
    """

    uids: tuple[str, ...] = ()
    patient_name: str = ""
    mrn: str = ""
    accession_number: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study with the number of its series and files."""

    header: StudyHeader
    modalities: tuple[str, ...]
    series: int
    instances: int


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series with the number of its files."""

    study_uid: str
    header: SeriesHeader
    instances: int


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """A file with the UIDs of its study and series."""

    study_uid: str
    series_uid: str
    instance: Instance


@dataclass(frozen=True, slots=True)
class Search:
    """Searches of one record.

    Attributes
    ----------
    read
        Makes reading sessions.
    """

    read: Read

    def studies(self, wanted: StudyQuery) -> list[FoundStudy]:
        """Return studies, the newest arrivals first."""
        query = (
            select(StudyRow)
            .where(*_conditions(wanted))
            .order_by(StudyRow.arrived_at.desc(), StudyRow.id)
            .offset(wanted.offset)
            .limit(wanted.limit)
        )
        with self.read() as session:
            found = list(session.scalars(query))
            counted = _counted(session, [row.id for row in found])
            return [FoundStudy(rows.header(row), *counted.get(row.id, ((), 0, 0))) for row in found]

    def series(self, study_uid: str, modality: str = "", uid: str = "") -> list[FoundSeries]:
        """Return the series of a study, in its order."""
        query = (
            select(SeriesRow, func.count(InstanceRow.id))
            .join(StudyRow)
            .join(InstanceRow)
            .where(StudyRow.study_uid == study_uid, SeriesRow.uid.is_not(None))
            .group_by(SeriesRow.id)
            .order_by(SeriesRow.number, SeriesRow.id)
        )
        if modality:
            query = query.where(SeriesRow.modality == modality)
        if uid:
            query = query.where(SeriesRow.uid == uid)
        with self.read() as session:
            return [FoundSeries(study_uid, rows.series(row).header, count) for row, count in session.execute(query)]

    def instances(self, study_uid: str, series_uid: str = "", uid: str = "") -> list[FoundInstance]:
        """Return the files of a study, of one of its series, or the one with a SOP Instance UID."""
        query = _placed().where(StudyRow.study_uid == study_uid)
        if series_uid:
            query = query.where(SeriesRow.uid == series_uid)
        if uid:
            query = query.where(InstanceRow.sop_instance_uid == uid)
        with self.read() as session:
            return _found(session, query)

    def places(self, sop_instance_uids: Collection[str]) -> dict[str, FoundInstance]:
        """Return the files that are on the record, by SOP Instance UID."""
        with self.read() as session:
            return {
                found.instance.sop_instance_uid: found
                for batch in in_batches(list(sop_instance_uids))
                for found in _found(session, _placed().where(InstanceRow.sop_instance_uid.in_(batch)))
            }


def _conditions(wanted: StudyQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [StudyRow.study_uid.is_not(None)]
    if wanted.uids:
        conditions.append(StudyRow.study_uid.in_(wanted.uids))
    for column, pattern in (
        (StudyRow.mrn, wanted.mrn),
        (StudyRow.accession_number, wanted.accession_number),
        (StudyRow.folded_description, folded(wanted.description)),
    ):
        if pattern:
            conditions.append(column.ilike(_as_like(pattern), escape="\\"))
    names = folded_name(wanted.patient_name).split("=")
    conditions += [_is_called(pattern) for pattern in names if pattern.strip("*")]
    if wanted.modalities:
        conditions.append(StudyRow.series.any(SeriesRow.modality.in_(wanted.modalities)))
    if wanted.first:
        conditions.append(StudyRow.study_date >= wanted.first)
    if wanted.last:
        conditions.append(StudyRow.study_date <= wanted.last)
    return conditions


def _is_called(pattern: str) -> ColumnElement[bool]:
    """Match one representation of a name; components that the pattern leaves out may be anything."""
    called = _as_like(pattern)
    any_of = (StudyRow.folded_name.like(f"%={called}{end}%", escape="\\") for end in ("=", "^"))
    # The names of all studies are in one index, so that a pattern that begins with a wildcard reads no whole rows.
    return StudyRow.id.in_(select(StudyRow.id).where(or_(*any_of)))


def _as_like(pattern: str) -> str:
    literal = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return literal.replace("*", "%").replace("?", "_")


def _counted(session: Session, study_ids: Sequence[str]) -> dict[str, tuple[tuple[str, ...], int, int]]:
    """Return the modalities and the numbers of series and files of each study."""
    query = (
        select(SeriesRow.study_id, SeriesRow.modality, func.count(InstanceRow.id))
        .join(InstanceRow)
        .where(SeriesRow.study_id.in_(study_ids))
        .group_by(SeriesRow.id)
        .order_by(SeriesRow.id)
    )
    found: dict[str, tuple[tuple[str, ...], int, int]] = {}
    for study_id, modality, count in session.execute(query):
        modalities, series, instances = found.get(study_id, ((), 0, 0))
        known = modalities if not modality or modality in modalities else (*modalities, modality)
        found[study_id] = known, series + 1, instances + count
    return found


def _placed() -> Select[StudyRow, SeriesRow, InstanceRow]:
    query = select(StudyRow, SeriesRow, InstanceRow).join(SeriesRow, SeriesRow.study_id == StudyRow.id)
    return query.join(InstanceRow).order_by(SeriesRow.number, SeriesRow.id, InstanceRow.number)


def _found(session: Session, query: Select[StudyRow, SeriesRow, InstanceRow]) -> list[FoundInstance]:
    return [
        FoundInstance(study.study_uid or "", series.uid or "", rows.instance(instance))
        for study, series, instance in session.execute(query)
    ]
