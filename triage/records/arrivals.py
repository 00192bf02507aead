"""Received files become rows, found or made in one transaction: a study, its series and its instances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from triage.domain import Band, Outcome, SeriesHeader, StudyHeader, StudyStatus
from triage.errors import StorageError
from triage.records import audit, studies
from triage.records.audit import Event
from triage.records.database import Database, in_batches
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import Added, Arrival

#: Reason that a study has on the worklist until it is scored.
NOT_SCORED_YET = "Received; not scored yet"
SAME_UID = "One SOP Instance UID with other contents"
OTHER_PATIENT = "One Study Instance UID with another patient"


class Arrivals:
    """Received files of one record.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, arrivals: Sequence[Arrival], *, actor: str, site_band: Band = Band.ROUTINE) -> Added:
        """Add files of one study in one transaction; a study that is not there yet is made.

        A study that was judged or read goes back to the queue, since it has slices that nobody has seen.

        Parameters
        ----------
        name
            Name of the study, if it is new.
        arrivals
            Files with one Study Instance UID, or one file that has none; their bytes are on disk already.
        actor
            Who handed them over.
        site_band
            Priority that the referrer asked for.

        Raises
        ------
        StorageError
            If the database did not take them.
        """
        for last_try in (False, True):
            try:
                with self._database.write() as session:
                    return _add(session, name, arrivals, actor=actor, site_band=site_band, now=datetime.now(UTC))
            except IntegrityError as error:
                # Another hand-over committed the same file or study in between: now it is found.
                if last_try:
                    raise StorageError("Not stored: these files keep arriving from elsewhere. Repeat it.") from error
        raise AssertionError("unreachable")

    def studies_of(self, digests: Sequence[str]) -> dict[str, str]:
        """Return the ID of the study that holds each file, by its sha256; files that no study holds are left out."""
        with self._database.read() as session:
            return _known(session, InstanceRow.sha256, SeriesRow.study_id, digests)

    def digests_of(self, sop_instance_uids: Sequence[str]) -> dict[str, str]:
        """Return the sha256 of the file with each SOP Instance UID; unknown UIDs are left out."""
        with self._database.read() as session:
            return _known(session, InstanceRow.sop_instance_uid, InstanceRow.sha256, sop_instance_uids)


def _add(
    session: Session, name: str, arrivals: Sequence[Arrival], *, actor: str, site_band: Band, now: datetime
) -> Added:
    row = _known_study(session, arrivals)
    digests, uids = zip(*((item.instance.sha256, item.instance.sop_instance_uid) for item in arrivals), strict=True)
    owners = _known(session, InstanceRow.sha256, SeriesRow.study_id, digests)
    uid_owners = _known(session, InstanceRow.sop_instance_uid, SeriesRow.study_id, uids)
    outcomes: list[Outcome] = []
    for arrival in arrivals:
        item = arrival.instance
        if item.sha256 in owners:
            outcomes.append(Outcome.ALREADY_HERE)
        elif reason := _conflict(item.sop_instance_uid in uid_owners, row, arrival):
            outcomes.append(Outcome.CONFLICT)
            session.add(audit.row(actor, Event.CONFLICT, row.id if row else None, reason, now))
        else:
            if row is None:
                row = _new_study(name, arrival.study, site_band, now)
                session.add(row)
            _add_instance(row, arrival)
            owners[item.sha256] = row.id
            if item.sop_instance_uid:
                uid_owners[item.sop_instance_uid] = row.id
            outcomes.append(Outcome.ACCEPTED)
    accepted = outcomes.count(Outcome.ACCEPTED)
    if row is not None and accepted:
        late = row.status != StudyStatus.RECEIVED
        # An earlier result or a signed reading never hides slices that nobody has seen.
        row.status, row.waiting, row.reason = StudyStatus.RECEIVED, True, NOT_SCORED_YET
        detail = f"{accepted} file(s)" + (", after the study was judged" if late else "")
        session.add(audit.row(actor, Event.RECEIVED, row.id, detail, now))
    session.flush()
    study_id = row.id if row else next(iter(owners.values()), None)
    contents = studies.contents(session, [study_id])[study_id] if study_id else ""
    return Added(study_id, tuple(outcomes), contents)


def _known_study(session: Session, arrivals: Sequence[Arrival]) -> StudyRow | None:
    for uid in {arrival.study.uid for arrival in arrivals} - {""}:
        query = select(StudyRow).where(StudyRow.study_uid == uid).with_for_update()
        return session.scalar(query)
    return None


def _known(
    session: Session, column: InstrumentedAttribute[Any], wanted: InstrumentedAttribute[str], values: Sequence[str]
) -> dict[str, str]:
    """Return the wanted column of the instances, or of their series, whose `column` has one of the values."""
    found: dict[str, str] = {}
    for batch in in_batches([value for value in values if value]):
        query = select(column, wanted).select_from(InstanceRow).join(SeriesRow).where(column.in_(batch))
        found.update((value, other) for value, other in session.execute(query))
    return found


def _conflict(uid_is_taken: bool, row: StudyRow | None, arrival: Arrival) -> str:
    """Return why a file cannot enter the study, without naming a patient; empty if it can."""
    if uid_is_taken:
        return SAME_UID
    if row is not None and row.mrn and arrival.study.mrn and row.mrn != arrival.study.mrn:
        return OTHER_PATIENT
    return ""


def _new_study(name: str, header: StudyHeader, site_band: Band, now: datetime) -> StudyRow:
    return StudyRow(
        id=uuid4().hex,
        name=name,
        study_uid=header.uid or None,
        patient_name=header.patient_name or None,
        mrn=header.mrn or None,
        accession_number=header.accession_number or None,
        description=header.description or None,
        study_date=header.study_date,
        sex=header.sex or None,
        age=header.age or None,
        site_band=site_band.order,
        arrived_at=now,
        status=StudyStatus.RECEIVED,
        waiting=True,
        band=site_band.order,
        reason=NOT_SCORED_YET,
    )


def _add_instance(study: StudyRow, arrival: Arrival) -> None:
    series = next((row for row in study.series if row.uid == (arrival.series.uid or None)), None)
    if series is None:
        series = _new_series(arrival.series)
        study.series.append(series)
    item = arrival.instance
    series.instances.append(
        InstanceRow(
            number=len(series.instances) + 1,
            sha256=item.sha256,
            name=item.name,
            kind=item.kind,
            size=item.size,
            sop_instance_uid=item.sop_instance_uid or None,
            sop_class_uid=item.sop_class_uid or None,
            transfer_syntax=item.transfer_syntax or None,
            frames=item.frames,
        )
    )


def _new_series(header: SeriesHeader) -> SeriesRow:
    return SeriesRow(
        uid=header.uid or None,
        number=header.number,
        description=header.description,
        modality=header.modality or None,
        plane=header.plane,
        scanner=header.scanner or None,
        spacing=list(header.spacing) if header.spacing else None,
        set_aside=header.set_aside or None,
    )
