"""The audit trail as administrators read it: filtered, newest first, a page of it or all, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from triage.domain import StudyStatus
from triage.records.audit import Event
from triage.records.database import Read
from triage.records.studies import mentions
from triage.records.tables import AuditRow, StudyRow

#: Rows of one look at the record while everything is read.
BATCH = 2_000
#: Said instead of the detail of `TELLING` rows before a blind reading.
HIDDEN = "hidden: blind first read"
#: Events whose detail tells what the AI or a reader found.
TELLING = (Event.RANKED, Event.RERANKED, Event.COMMITTED, Event.SIGNED)
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
    blind
        Whether no row may tell what was found in a study that is not settled; nor may a search, so that it finds
        only what is shown.
    """

    words: str = ""
    events: tuple[Event, ...] = ()
    actor: str = ""
    study: str = ""
    since: datetime | None = None
    until: datetime | None = None
    blind: bool = False

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
    detail = _detail(blind=wanted.blind)
    conditions = [_has(word, detail, dialect) for word in wanted.words.split()]
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
    columns = [one for one in AuditRow.__table__.columns if one.name != AuditRow.detail.name]
    return select(*columns, detail.label(AuditRow.detail.name)).where(*conditions).order_by(AuditRow.id.desc())


def _detail(*, blind: bool) -> ColumnElement[str]:
    if not blind:
        return AuditRow.__table__.c.detail
    settled = select(StudyRow.id).where(StudyRow.status == StudyStatus.READ)
    tells = and_(AuditRow.event.in_(TELLING), AuditRow.study_id.not_in(settled))
    return case((tells, HIDDEN), else_=AuditRow.detail)


def _has(word: str, detail: ColumnElement[str], dialect: str) -> ColumnElement[bool]:
    return or_(*(_mentions(one, word, dialect) for one in (detail, AuditRow.actor, AuditRow.address)))


def _mentions(column: ColumnElement[str] | InstrumentedAttribute[Any], text: str, dialect: str) -> ColumnElement[bool]:
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
