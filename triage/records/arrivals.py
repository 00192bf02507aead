"""Files become rows: found or made, in one transaction, a study, its series and its instances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from triage.domain import Band, Outcome, SeriesHeader, StudyHeader, StudyStatus
from triage.records import audit
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import Arrival, Taken, contents_of

RECEIVED = "Received; not scored yet"
#: Values in one IN (...); databases have a limit.
CHUNK = 500


def take_in(
    session: Session, name: str, arrivals: Sequence[Arrival], *, actor: str, site_band: Band, now: datetime
) -> Taken:
    """Add files of one study; see `triage.records.store.Store.add_files`."""
    row = _known_study(session, arrivals)
    digests, uids = zip(*((item.instance.sha256, item.instance.sop_instance_uid) for item in arrivals), strict=True)
    owners = present(session, InstanceRow.sha256, SeriesRow.study_id, digests)
    named = present(session, InstanceRow.sop_instance_uid, SeriesRow.study_id, uids)
    outcomes: list[Outcome] = []
    for arrival in arrivals:
        item = arrival.instance
        if item.sha256 in owners:
            outcomes.append(Outcome.ALREADY_HERE)
        elif reason := _conflict(item.sop_instance_uid in named, row, arrival):
            outcomes.append(Outcome.CONFLICT)
            session.add(audit.row(actor, "conflict", row.id if row else None, reason, now))
        else:
            if row is None:
                row = _new_study(name, arrival.study, site_band, now)
                session.add(row)
            _add_instance(row, arrival)
            owners[item.sha256] = row.id
            if item.sop_instance_uid:
                named[item.sop_instance_uid] = row.id
            outcomes.append(Outcome.ACCEPTED)
    accepted = outcomes.count(Outcome.ACCEPTED)
    if row is not None and accepted:
        late = row.status != StudyStatus.RECEIVED
        # Pictures that nobody has seen yet are never hidden behind an earlier result or a signed reading.
        row.status, row.waiting, row.reason = StudyStatus.RECEIVED, True, RECEIVED
        detail = f"{accepted} file(s)" + (", after the study was judged" if late else "")
        session.add(audit.row(actor, "received", row.id, detail, now))
    session.flush()
    study_id = row.id if row else next(iter(owners.values()), None)
    return Taken(study_id, tuple(outcomes), contents(session, study_id)[study_id] if study_id else "")


def contents(session: Session, *study_ids: str) -> dict[str, str]:
    """Return the digest of the files that each study has now."""
    digests: dict[str, list[str]] = {study_id: [] for study_id in study_ids}
    for chunk in _chunks(study_ids):
        query = select(SeriesRow.study_id, InstanceRow.sha256).join(SeriesRow).where(SeriesRow.study_id.in_(chunk))
        for study_id, sha256 in session.execute(query):
            digests[study_id].append(sha256)
    return {study_id: contents_of(found) for study_id, found in digests.items()}


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _known_study(session: Session, arrivals: Sequence[Arrival]) -> StudyRow | None:
    for uid in {arrival.study.uid for arrival in arrivals} - {""}:
        query = select(StudyRow).where(StudyRow.study_uid == uid).with_for_update()
        return session.scalar(query)
    return None


def present(
    session: Session, column: InstrumentedAttribute[Any], wanted: InstrumentedAttribute[str], values: Sequence[str]
) -> dict[str, str]:
    """Return what the record has, in another column of instances or of their series, beside each value it knows."""
    found: dict[str, str] = {}
    for chunk in _chunks([value for value in values if value]):
        query = select(column, wanted).select_from(InstanceRow).join(SeriesRow).where(column.in_(chunk))
        found.update((value, other) for value, other in session.execute(query))
    return found


def _conflict(uid_is_taken: bool, row: StudyRow | None, arrival: Arrival) -> str:
    """Return why a file cannot enter the study, in words that name nobody; empty where it can."""
    if uid_is_taken:
        return "One SOP Instance UID with other contents"
    if row is not None and row.mrn and arrival.study.mrn and row.mrn != arrival.study.mrn:
        return "One Study Instance UID with another patient"
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
        reason=RECEIVED,
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
