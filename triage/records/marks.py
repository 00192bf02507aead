"""Marks of readers: a draft for each reader and study, saved as it changes, and frozen with the signature."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.domain import Reading
from triage.errors import NotFoundError, ReadingError
from triage.records import studies
from triage.records.database import Database
from triage.records.marked import Marks, parse
from triage.records.tables import DraftRow, InstanceRow, MarkDraftRow, MarkRow, ReadingRow, SeriesRow, StudyRow

NAMELESS = "Enter your name at the top of the page, so that your marks are kept under it."
BEING_SIGNED = (
    "This reading is being signed. What you mark now stays in this browser and is kept afterwards; take the signature "
    "back to sign it too."
)
#: Tiles of a mosaic, which is one frame on the record.
MAX_TILES = 1024


@dataclass(frozen=True, slots=True)
class MarkDraft:
    """Marks that are not signed.

    Attributes
    ----------
    version
        Grows by one with each change; 0 before the first.
    """

    marks: Marks
    version: int
    saved_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedMarks:
    """Marks that were signed with a reading, which is the `version`-th of its study."""

    marks: Marks
    reader: str
    version: int
    signed_at: datetime


class MarkStore:
    """Marks of one record.

    Parameters
    ----------
    database
        Holds the record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def draft(self, study_id: str, reader: str) -> MarkDraft:
        """Return what a reader marked in a study so far.

        Raises
        ------
        NotFoundError
            If there is no such study.
        """
        with self._database.read() as session:
            if session.get(StudyRow, study_id) is None:
                raise NotFoundError(studies.NOT_THERE)
            return _draft(session.get(MarkDraftRow, (study_id, reader)))

    def save(self, study_id: str, reader: str, content: object, *, seen: int) -> tuple[bool, MarkDraft]:
        """Keep what a reader marked, unless another window of the reader changed it meanwhile.

        Parameters
        ----------
        study_id
            The study.
        reader
            Name of the reader.
        content
            As the browser sent it, see `triage.records.marked`.
        seen
            Version of the draft that it continues.

        Returns
        -------
        kept
            Whether it was kept.
        draft
            What the record has now.

        Raises
        ------
        ReadingError
            If the content is wrong, the reader has no name, or a signature of the reader waits.
        NotFoundError
            If there is no such study.
        """
        if not reader:
            raise ReadingError(NAMELESS)
        with self._database.write() as session:
            studies.locked(session, study_id)
            waits = select(DraftRow.id).where(DraftRow.study_id == study_id, DraftRow.reader == reader)
            if session.scalar(waits.where(DraftRow.due_at.is_not(None))) is not None:
                raise ReadingError(BEING_SIGNED)
            marks = parse(content, _frames(session, study_id))
            row = session.get(MarkDraftRow, (study_id, reader))
            if (row.version if row else 0) != seen:
                return False, _draft(row)
            if row is None:
                row = MarkDraftRow(study_id=study_id, reader=reader)
                session.add(row)
            row.content, row.version, row.saved_at = marks.stored(), seen + 1, datetime.now(UTC)
            return True, MarkDraft(marks, row.version, row.saved_at)

    def signed(self, study_id: str) -> tuple[SignedMarks, ...]:
        """Return the marks that were signed with readings of a study, in the order of the readings."""
        query = select(MarkRow, ReadingRow).join(ReadingRow, ReadingRow.id == MarkRow.reading_id)
        query = query.where(ReadingRow.study_id == study_id).order_by(ReadingRow.id)
        with self._database.read() as session:
            return tuple(
                SignedMarks(parse(mark.content), reading.reader, reading.version, reading.signed_at)
                for mark, reading in session.execute(query)
            )


def latest(signed: Iterable[SignedMarks], readings: Sequence[Reading]) -> tuple[SignedMarks, ...]:
    """Return of each reader the marks of the latest reading, which can have none: what was removed before it is gone.

    Parameters
    ----------
    signed
        What was marked for the readings of a study, in their order; what came after `readings` is left out.
    readings
        All readings of the study, oldest first.
    """
    last = {item.reader: version for version, item in enumerate(readings, start=1)}
    return tuple(one for one in signed if last.get(one.reader) == one.version)


def freeze(session: Session, reading: ReadingRow) -> None:
    """Keep the marks of a reader with the reading that is being signed; they never change afterwards.

    The draft stays: an amendment goes on with it.

    Parameters
    ----------
    session
        Of the transaction that signs.
    reading
        It is in the database already.
    """
    row = session.get(MarkDraftRow, (reading.study_id, reading.reader))
    if row is None:
        return
    # What came between the signing and its arrival here is signed too: whoever compares the two times must see so.
    row.saved_at = min(row.saved_at, reading.signed_at)
    if parse(row.content):
        session.add(MarkRow(reading_id=reading.id, content=row.content))


def bring_along(session: Session, source: str, target: str, now: datetime) -> None:
    """Let what readers marked in a study, and have not signed, go on in the one that has its files from now on."""
    for row in session.scalars(select(MarkDraftRow).where(MarkDraftRow.study_id == source)):
        brought, there = parse(row.content), session.get(MarkDraftRow, (target, row.reader))
        if not brought:
            continue
        known = parse(there.content) if there else Marks()
        both = {
            "measurements": [*known.stored()["measurements"], *brought.stored()["measurements"]],
            "masks": brought.stored()["masks"] | known.stored()["masks"],
            "keys": list(dict.fromkeys([*known.keys, *brought.keys])),
        }
        try:
            content = parse(both).stored()
        except ReadingError:  # too many for one study: they stay where they are
            continue
        if there is None:
            there = MarkDraftRow(study_id=target, reader=row.reader, version=0)
            session.add(there)
        there.content, there.version, there.saved_at = content, there.version + 1, now


def follow(session: Session, study_id: str, lost: str, instead: str) -> None:
    """Let marks that are not signed stay on the slices of a file that is there in other bytes, by both sha256, now."""
    for row in session.scalars(select(MarkDraftRow).where(MarkDraftRow.study_id == study_id)):
        kept = json.dumps(row.content)
        if lost in kept:
            row.content, row.version = json.loads(kept.replace(lost, instead)), row.version + 1


def _draft(row: MarkDraftRow | None) -> MarkDraft:
    return MarkDraft(parse(row.content), row.version, row.saved_at) if row else MarkDraft(Marks(), 0, None)


def _frames(session: Session, study_id: str) -> dict[str, int]:
    """Return the number of slices that each file of a study can have."""
    query = select(InstanceRow.sha256, InstanceRow.frames, InstanceRow.kind).join(SeriesRow)
    found = session.execute(query.where(SeriesRow.study_id == study_id))
    return {sha256: MAX_TILES if kind == "DICOM" and frames == 1 else frames for sha256, frames, kind in found}
