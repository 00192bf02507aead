"""Received files become rows, found or made in one transaction: a study, its series and its instances."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from triage.domain import Band, Outcome, SeriesHeader, StudyHeader, StudyStatus
from triage.errors import StorageError
from triage.records import audit, marks, priors, rows, studies
from triage.records.audit import Event
from triage.records.database import Database, in_batches
from triage.records.folding import folded_name, folded_study
from triage.records.identity import agree
from triage.records.tables import InstanceRow, SeriesRow, StudyRow
from triage.records.views import Added, Arrival, Instance, KnownInstance

#: Why a study is set aside; neither names a patient.
SAME_UID = "Identity conflict: one SOP Instance UID, two data sets"
OTHER_PATIENT = "Identity conflict: one Study Instance UID, two patients"


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

        A study that was judged or read goes back to the queue, since it has slices that nobody has seen. Files of
        another patient under a known Study Instance UID, and another data set under a known SOP Instance UID, become a
        study of their own, which is set aside until a person decides: the file that came first is not the truth.

        Parameters
        ----------
        name
            Name of the study, if it is new.
        arrivals
            Files with one Study Instance UID, or files of one study that have none; their bytes are on disk already.
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

    def holders(self) -> dict[str, str]:
        """Return the ID of the study that holds each file on the record, by its sha256."""
        query = select(InstanceRow.sha256, SeriesRow.study_id).join(SeriesRow)
        with self._database.read() as session:
            return dict(session.execute(query).all())

    def known(self, sop_instance_uids: Sequence[str]) -> dict[str, list[KnownInstance]]:
        """Return the files that have or claim each SOP Instance UID; unknown UIDs are left out."""
        with self._database.read() as session:
            return _known_instances(session, sop_instance_uids)

    def note_content(self, sha256: str, content: str) -> None:
        """Note the digest of the data set of a file that an earlier version received."""
        with self._database.write() as session:
            for row in session.scalars(select(InstanceRow).where(InstanceRow.sha256 == sha256)):
                row.content = content

    def mend(self, lost: str, instead: Instance | None, *, actor: str) -> dict[str, str]:
        """Note that a file which was missing or altered on disk was received again, and is on disk.

        Parameters
        ----------
        lost
            Its sha256 on the record.
        instead
            The file that takes its place, of the same data set in other bytes; None if it is the same file.
        actor
            Who handed it over.

        Returns
        -------
        dict
            The study with the digest of its contents, if it has to be scored again.

        Raises
        ------
        StorageError
            If the database did not take it.
        """
        now = datetime.now(UTC)
        try:
            with self._database.write() as session:
                row = session.scalar(select(InstanceRow).where(InstanceRow.sha256 == lost))
                if row is None:
                    return {}  # another hand-over mended it
                study = row.series.study
                session.add(audit.row(actor, Event.MENDED, study.id, "1 file was lost on disk and received again", now))
                if instead is not None and instead.sha256 != lost:
                    row.sha256, row.size, row.transfer_syntax = instead.sha256, instead.size, instead.transfer_syntax
                    marks.follow(session, study.id, lost, instead.sha256)
                elif study.status != StudyStatus.NOT_ANALYSABLE:
                    return {}
                if study.status not in (StudyStatus.MERGED, StudyStatus.DISCARDED):
                    studies.requeue(session, study)
                session.flush()
                return studies.contents(session, [study.id])
        except IntegrityError as error:
            raise StorageError("Not stored: this file keeps arriving from elsewhere. Repeat it.") from error


def why_in_doubt(first: StudyRow, header: StudyHeader) -> str:
    """Return why a study with this header cannot be the same as the first one."""
    return SAME_UID if agree(rows.header(first), header) else OTHER_PATIENT


def _add(
    session: Session, name: str, arrivals: Sequence[Arrival], *, actor: str, site_band: Band, now: datetime
) -> Added:
    candidates = _candidates(session, arrivals)
    owners = _known(session, InstanceRow.sha256, SeriesRow.study_id, [one.instance.sha256 for one in arrivals])
    known = _known_instances(session, [one.instance.sop_instance_uid for one in arrivals])
    outcomes: list[Outcome] = []
    study_ids: list[str] = []
    added: dict[str, list[str]] = {}
    for arrival in arrivals:
        item = arrival.instance
        same_uid = known.get(item.sop_instance_uid, [])
        owner = owners.get(item.sha256) or next(
            (one.study_id for one in same_uid if item.content and one.content == item.content), None
        )
        if owner is None:
            row = _place(candidates, arrival, same_uid)
            if row is None:
                row = _new_study(name, arrival.study, site_band, now)
                owned = next((one.study_id for one in same_uid if not one.claimed), None)
                if candidates or owned:
                    session.flush()  # the row that the new one refers to may be new too
                    first = candidates[0] if candidates else session.get_one(StudyRow, owned)
                    _set_aside(row, first, arrival.study)
                candidates.append(row)
                session.add(row)
            else:
                _complete(row, arrival.study)
            _add_instance(row, arrival)
            owner = owners[item.sha256] = row.id
            if item.sop_instance_uid:
                known.setdefault(item.sop_instance_uid, []).append(
                    KnownInstance(owner, item.sha256, item.content, row.claimed_uid is not None)
                )
            added.setdefault(owner, []).append(row.conflict or "")
            outcomes.append(Outcome.CONFLICT if row.conflict else Outcome.ACCEPTED)
        else:
            outcomes.append(Outcome.ALREADY_HERE)
        study_ids.append(owner)
    for row in candidates:
        if row.id in added:
            _requeue(session, row, added[row.id], actor, now)
    priors.refresh(session, {row.mrn for row in candidates})
    studies.count_images(session, list(added))
    return Added(tuple(outcomes), tuple(study_ids), studies.contents(session, list(added)))


def _requeue(session: Session, row: StudyRow, conflicts: Sequence[str], actor: str, now: datetime) -> None:
    """Put a study with new files into the queue: an earlier result or reading never hides slices nobody has seen."""
    late = row.status != StudyStatus.RECEIVED
    studies.requeue(session, row)
    detail = f"{len(conflicts)} file(s)" + (", after the study was judged" if late else "")
    session.add(audit.row(actor, Event.RECEIVED, row.id, detail, now))
    if row.conflict:
        session.add(audit.row(actor, Event.CONFLICT, row.id, f"{row.conflict}: {len(conflicts)} file(s)", now))


def _candidates(session: Session, arrivals: Sequence[Arrival]) -> list[StudyRow]:
    """Return the studies that have or claim the Study Instance UID, the one that has it first.

    A discarded study claims nothing: what arrives later of its patient is a new conflict.
    """
    uid, mrns = arrivals[0].study.uid, {one.study.mrn for one in arrivals}
    if not uid:
        priors.take_turns(session, mrns)
        return []
    claims = and_(StudyRow.claimed_uid == uid, StudyRow.status != StudyStatus.DISCARDED)
    wanted = or_(StudyRow.study_uid == uid, claims)
    priors.take_turns(session, mrns.union(session.scalars(select(StudyRow.mrn).where(wanted))))
    query = (
        select(StudyRow)
        .where(wanted)
        .order_by(StudyRow.study_uid.is_(None), StudyRow.arrived_at, StudyRow.id)
        .with_for_update()
    )
    return list(session.scalars(query))


def _place(candidates: Sequence[StudyRow], arrival: Arrival, same_uid: Sequence[KnownInstance]) -> StudyRow | None:
    """Return the study that a file belongs to: of its patient, and without another file under its SOP Instance UID."""
    owned = any(not one.claimed for one in same_uid)
    taken = {one.study_id for one in same_uid}
    for candidate in candidates:
        if not agree(rows.header(candidate), arrival.study):
            continue
        row: StudyRow | None = candidate
        if candidate.status == StudyStatus.MERGED:
            row = next((other for other in candidates if other.id == candidate.conflict_with), None)
        if row is None or row.id in taken or (owned and row.claimed_uid is None):
            continue
        return row
    return None


def _complete(row: StudyRow, header: StudyHeader) -> None:
    """Fill in what earlier files left out of the identity, so that later ones are compared with all that is known."""
    row.issuer = row.issuer or header.issuer or None
    row.birth_date = row.birth_date or header.birth_date
    row.sex = row.sex or header.sex or None
    if header.patient_name and not row.patient_name:
        row.patient_name = header.patient_name
        row.folded_name = folded_name(header.patient_name)
        row.folded_text = folded_study(row.name, row.patient_name, row.mrn, row.accession_number)


def _set_aside(row: StudyRow, first: StudyRow, header: StudyHeader) -> None:
    """Make a study one whose identity is in doubt."""
    row.conflict = why_in_doubt(first, header)
    row.study_uid, row.claimed_uid, row.conflict_with = None, header.uid, first.id


def _known(
    session: Session, column: InstrumentedAttribute[Any], wanted: InstrumentedAttribute[str], values: Sequence[str]
) -> dict[str, str]:
    """Return the wanted column of the instances, or of their series, whose `column` has one of the values."""
    found: dict[str, str] = {}
    for batch in in_batches([value for value in values if value]):
        query = select(column, wanted).select_from(InstanceRow).join(SeriesRow).where(column.in_(batch))
        found.update((value, other) for value, other in session.execute(query))
    return found


def _known_instances(session: Session, uids: Sequence[str]) -> dict[str, list[KnownInstance]]:
    found: dict[str, list[KnownInstance]] = {}
    for batch in in_batches([uid for uid in uids if uid]):
        for column in (InstanceRow.sop_instance_uid, InstanceRow.claimed_uid):
            claimed = column is InstanceRow.claimed_uid
            query = select(column, SeriesRow.study_id, InstanceRow.sha256, InstanceRow.content)
            for uid, study_id, sha256, content in session.execute(query.join(SeriesRow).where(column.in_(batch))):
                found.setdefault(str(uid), []).append(KnownInstance(study_id, sha256, content or "", claimed))
    return found


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
        birth_date=header.birth_date,
        issuer=header.issuer or None,
        site_band=site_band.order,
        arrived_at=now,
        status=StudyStatus.RECEIVED,
        waiting=True,
        band=site_band.order,
        reason=studies.NOT_SCORED_YET,
    )


def _add_instance(study: StudyRow, arrival: Arrival) -> None:
    series = next((row for row in study.series if row.uid == (arrival.series.uid or None)), None)
    if series is None:
        series = _new_series(arrival.series)
        study.series.append(series)
    elif not arrival.series.set_aside:
        series.set_aside = None  # the first file was typed by a slip, or is not all there is
    item = arrival.instance
    series.instances.append(
        InstanceRow(
            number=len(series.instances) + 1,
            sha256=item.sha256,
            name=item.name,
            kind=item.kind,
            size=item.size,
            sop_instance_uid=(item.sop_instance_uid if study.claimed_uid is None else None) or None,
            claimed_uid=(None if study.claimed_uid is None else item.sop_instance_uid) or None,
            content=item.content or None,
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
