"""The audit trail as administrators read it: filtered, newest first, a page of it or all, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from triage.records.audit import Event
from triage.records.database import Read
from triage.records.studies import mentions
from triage.records.tables import AuditRow, StudyRow

#: Rows of one look at the record while everything is read.
BATCH = 2_000
#: Digits of an ID that are shown, and by which its study is found.
BEGINNING = 8


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """Which rows; an empty part asks for nothing.

    Attributes
    ----------
    words
        All of them stand in who, what or from where, in any order.
    events
        One of these.
    actor
        Part of the name.
    study
        ID of a study or at least its first `BEGINNING` digits, or words that it mentions, see `WorklistFilter.text`.
    since, until
        From this time on, and before this time.
    """

    words: str = ""
    events: tuple[Event, ...] = ()
    actor: str = ""
    study: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def said(self) -> str:
        """Return which parts are in use, for the audit trail; never what was searched for, which can name a patient."""
        parts = {
            "words": self.words,
            "events": self.events,
            "person": self.actor,
            "study": self.study,
            "time": self.since or self.until,
        }
        used = ", ".join(name for name, value in parts.items() if value)
        return f"filtered by {used}" if used else "all of it"


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One row of the trail: who did what, when, from where, about which study."""

    number: int
    at: datetime
    actor: str
    account: str
    address: str
    event: Event
    study_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Trail:
    """The audit trail of one record.

    Attributes
    ----------
    read
        Makes reading sessions.
    """

    read: Read

    def page(self, wanted: TrailFilter, size: int, before: int | None = None) -> list[TrailEntry]:
        """Return the newest rows, or those before a row.

        Parameters
        ----------
        wanted
            Which rows.
        size
            At most so many.
        before
            Number of a row; None for the newest.
        """
        with self.read() as session:
            query = _query(wanted, session.get_bind().dialect.name).limit(size)
            if before is not None:
                query = query.where(AuditRow.id < before)
            return [_entry(row) for row in session.execute(query)]

    def all(self, wanted: TrailFilter) -> Iterator[TrailEntry]:
        """Give all rows, newest first; those that are written meanwhile are not among them."""
        before: int | None = None
        while found := self.page(wanted, BATCH, before):
            yield from found
            before = found[-1].number


def _query(wanted: TrailFilter, dialect: str) -> Select[Any]:
    conditions = [_has(word, dialect) for word in wanted.words.split()]
    if wanted.events:
        conditions.append(AuditRow.event.in_(wanted.events))
    if wanted.actor:
        conditions.append(_mentions(AuditRow.actor, wanted.actor, dialect))
    if study := wanted.study.strip():
        begins = StudyRow.id.startswith(study, autoescape=True) if len(study) >= BEGINNING else false()
        named = select(StudyRow.id).where(or_(begins, and_(true(), *mentions(study))))
        conditions.append(AuditRow.study_id.in_(named))
    if wanted.since is not None:
        conditions.append(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditRow.at < wanted.until)
    # Columns, not objects that could be changed: half the time, and it counts where all is taken away.
    return select(*AuditRow.__table__.columns).where(*conditions).order_by(AuditRow.id.desc())


def _has(word: str, dialect: str) -> ColumnElement[bool]:
    return or_(*(_mentions(one, word, dialect) for one in (AuditRow.detail, AuditRow.actor, AuditRow.address)))


def _mentions(column: InstrumentedAttribute[Any], text: str, dialect: str) -> ColumnElement[bool]:
    # LIKE of SQLite does not tell A from a, and is four times as fast without lower() around both sides.
    find = column.contains if dialect == "sqlite" else column.icontains
    return find(text, autoescape=True)


def _entry(row: Row[Any]) -> TrailEntry:
    return TrailEntry(
        number=row.id,
        at=row.at,
        actor=row.actor,
        account=row.account or "",
        address=row.address or "",
        event=Event(row.event),
        study_id=row.study_id or "",
        detail=row.detail,
    )
