"""What came in and what was signed, counted by day in the database, for `triage.learning.drift`.

Nothing here names a study or a patient. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Subquery, and_, case, cast, false, func, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from triage.domain import Band, Finding, Plane, ReadingState, StudyStatus
from triage.records.database import Read
from triage.records.rows import INPUTS
from triage.records.tables import AIResultRow, ReadingRow, SeriesRow, StudyRow

#: Words of a series description that name a sequence, as LIKE has them; the first that matches counts.
SEQUENCES: Mapping[str, tuple[str, ...]] = {
    "FLAIR": ("flair", "dark fluid", "dark_fluid"),
    "diffusion": ("dwi", "diff", "adc", "trace"),
    "T1 with contrast": ("t1c", "t1_c", "t1%gd", "t1%post", "t1%contrast", "t1%km", "t1w_c", "mprage%gd", "mprage%ce"),
    "T1": ("t1", "mprage", "mp2rage", "spgr", "bravo"),
    "T2": ("t2", "ciss", "fiesta"),
}
PLANES = tuple(one.value for one in Plane)
#: A study none of whose series names its sequence, or its plane.
NO_SEQUENCE, NO_PLANE = "no sequence named", "no plane stated"
#: Upper ends of the bins of P(glioma); the last bin ends at 1.
EDGES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of the studies of one day that have scanner and model in common.

    Attributes
    ----------
    scanner, model
        As the files state it, and the digest of the model; empty if there is none.
    counts
        By what is counted: number of studies, or a sum over them.
    bin
        Of `EDGES`, where the studies have P(glioma) in common too.
    """

    day: date
    scanner: str
    model: str
    counts: Mapping[str, float]
    bin: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """Studies that were read on one day and have much in common, and how many readings name the class of the AI.

    Attributes
    ----------
    model
        Digest of the model that they answer.
    sex, age
        As the files state them; empty if they do not.
    sequences
        Those that a study has, of `SEQUENCES` and `NO_SEQUENCE`.
    """

    day: date
    model: str
    reader: str
    scanner: str
    sex: str
    age: str
    sequences: tuple[str, ...]
    studies: int
    agreed: int


def received(read: Read, *, since: date | None = None, settled_only: bool = False) -> list[Tally]:
    """Count the studies by day of arrival, scanner and model; merged and discarded ones are left out.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    since
        Only studies that arrived on this day or later.
    settled_only
        What the AI said counts only of studies that wait for no reader, so that nobody learns it before a blind
        reading.
    """
    scored = _scored()
    newest = (
        select(AIResultRow.study_id, func.max(AIResultRow.id).label("id")).group_by(AIResultRow.study_id).subquery()
    )
    known = AIResultRow.slices[INPUTS]
    usual, many = known["unusual"].as_integer(), known["scored"].as_integer()
    bright, contrast = known["brightness"].as_float(), known["contrast"].as_float()
    told = StudyRow.waiting.is_(False) if settled_only else true()
    has_answer = and_(AIResultRow.id.is_not(None), told)
    counts: dict[str, ColumnElement[Any]] = {
        "studies": func.count(),
        "refused": _number(StudyRow.status == StudyStatus.NOT_ANALYSABLE),
        "recorded": _number(many > 0),
        "unlike": _number(and_(many > 0, 2 * usual >= many)),
        "brightness": func.sum(bright),
        "brightness squared": func.sum(bright * bright),
        "contrast": func.sum(contrast),
        "contrast squared": func.sum(contrast * contrast),
        "results": _number(AIResultRow.id.is_not(None)),
        "answered": _number(has_answer),
    }
    counts |= {name: _number(scored.c[name] == 1) for name in (*SEQUENCES, NO_SEQUENCE, *PLANES, NO_PLANE)}
    counts |= {one.value: _number(and_(has_answer, StudyRow.predicted == one)) for one in Finding}
    counts |= {one.value: _number(and_(has_answer, StudyRow.band == one.order)) for one in Band}
    columns = func.coalesce(scored.c.scanner, ""), func.coalesce(AIResultRow.model_sha256, "")

    def query(dialect: str) -> Select[Any]:
        day = _day(StudyRow.arrived_at, dialect)
        chosen = (
            select(day, *columns, *counts.values())
            .select_from(StudyRow)
            .outerjoin(scored, scored.c.study_id == StudyRow.id)
            .outerjoin(newest, newest.c.study_id == StudyRow.id)
            .outerjoin(AIResultRow, AIResultRow.id == newest.c.id)
            .where(StudyRow.status.not_in([StudyStatus.MERGED, StudyStatus.DISCARDED]), StudyRow.ranked_at.is_not(None))
            .group_by(day, *columns)
        )
        return chosen if since is None else chosen.where(day >= since.isoformat())

    return _tallies(read, query, list(counts))


def read_by_day(read: Read, *, since: date | None = None) -> list[Tally]:
    """Count the settled studies by the day of their last reading, scanner, model that it answers, and P(glioma).

    `Tally.counts` has the number of studies (``read``), those in which reader and AI agree, the studies that readers
    called glioma, those of them that the AI did, and the sum of P(glioma) (``expected``).
    """
    settled = _settled()
    agrees, glioma = settled.c.agrees == 1, settled.c.finding == Finding.GLIOMA
    counts: dict[str, ColumnElement[Any]] = {
        "read": func.count(),
        "agreed": _number(agrees),
        "gliomas": _number(glioma),
        "found": _number(and_(glioma, agrees)),
        "expected": func.sum(settled.c.glioma),
    }
    number = case(*((settled.c.glioma < edge, at) for at, edge in enumerate(EDGES)), else_=len(EDGES))
    columns = settled.c.scanner, settled.c.model, number

    def query(dialect: str) -> Select[Any]:
        day = _day(settled.c.signed_at, dialect)
        chosen = select(day, *columns, *counts.values()).group_by(day, *columns)
        return chosen if since is None else chosen.where(day >= since.isoformat())

    return _tallies(read, query, list(counts), binned=True)


def alike(read: Read, since: date | None, until: date) -> list[Alike]:
    """Count the settled studies by the day of their last reading and by what they have in common.

    Parameters
    ----------
    read
        Opens sessions to read with, `Store.read`.
    since, until
        Only studies whose last reading was signed on one of these days.
    """
    settled = _settled()
    flags = [settled.c[name] for name in (*SEQUENCES, NO_SEQUENCE)]
    columns = settled.c.model, settled.c.reader, settled.c.scanner, settled.c.sex, settled.c.age, *flags

    def query(dialect: str) -> Select[Any]:
        day = _day(settled.c.signed_at, dialect)
        chosen = (
            select(func.count(), _number(settled.c.agrees == 1), day, *columns)
            .where(day <= until.isoformat())
            .group_by(day, *columns)
        )
        return chosen if since is None else chosen.where(day >= since.isoformat())

    return [
        Alike(
            date.fromisoformat(day),
            model,
            reader,
            scanner,
            sex or "",
            age or "",
            tuple(name for name, has in zip((*SEQUENCES, NO_SEQUENCE), has_them, strict=True) if has),
            studies,
            agreed,
        )
        for studies, agreed, day, model, reader, scanner, sex, age, *has_them in _all(read, query)
    ]


def _scored() -> Subquery:
    """Return what the series of a study that are not set aside say of it, one row a study."""
    description = func.lower(SeriesRow.description)
    taken: ColumnElement[bool] = false()
    flags: dict[str, ColumnElement[Any]] = {}
    for name, words in SEQUENCES.items():
        says = or_(*(description.like(f"%{word}%") for word in words))
        flags[name] = func.max(case((and_(says, not_(taken)), 1), else_=0))
        taken = or_(taken, says)
    flags[NO_SEQUENCE] = func.min(case((taken, 0), else_=1))
    flags |= {plane: func.max(case((SeriesRow.plane == plane, 1), else_=0)) for plane in PLANES}
    flags[NO_PLANE] = func.min(case((SeriesRow.plane.is_(None), 1), else_=0))
    return (
        select(
            SeriesRow.study_id,
            func.max(SeriesRow.scanner).label("scanner"),
            *(flag.label(name) for name, flag in flags.items()),
        )
        .where(SeriesRow.set_aside.is_(None))
        .group_by(SeriesRow.study_id)
        .subquery()
    )


def _settled() -> Subquery:
    """Return the studies whose last reading names one of the classes, answers an AI result and waits for nobody."""
    last = (
        select(ReadingRow.study_id, func.max(ReadingRow.version).label("version"))
        .group_by(ReadingRow.study_id)
        .subquery()
    )
    scored = _scored()
    probability = {one: AIResultRow.probabilities[one.value].as_float() for one in Finding}
    # The likeliest class as `triage.domain.likeliest` has it: of equal ones the first.
    likeliest = case(
        *(
            (and_(*(probability[one] >= probability[other] for other in Finding if other is not one)), one.value)
            for one in Finding
        )
    )
    return (
        select(
            ReadingRow.signed_at,
            ReadingRow.finding,
            ReadingRow.reader,
            AIResultRow.model_sha256.label("model"),
            probability[Finding.GLIOMA].label("glioma"),
            case((likeliest == ReadingRow.finding, 1), else_=0).label("agrees"),
            func.coalesce(scored.c.scanner, "").label("scanner"),
            StudyRow.sex,
            StudyRow.age,
            *(scored.c[name] for name in (*SEQUENCES, NO_SEQUENCE)),
        )
        .select_from(ReadingRow)
        .join(last, and_(last.c.study_id == ReadingRow.study_id, last.c.version == ReadingRow.version))
        .join(StudyRow, StudyRow.id == ReadingRow.study_id)
        .join(
            AIResultRow,
            and_(
                AIResultRow.study_id == StudyRow.id,
                AIResultRow.model_sha256 == ReadingRow.model_sha256,
                AIResultRow.contents == func.coalesce(ReadingRow.contents, AIResultRow.contents),
            ),
        )
        .outerjoin(scored, scored.c.study_id == StudyRow.id)
        .where(
            StudyRow.waiting.is_(False),
            StudyRow.status.not_in([StudyStatus.MERGED, StudyStatus.DISCARDED]),
            ReadingRow.state != ReadingState.PRELIMINARY,
            ReadingRow.finding.in_([one.value for one in Finding]),
        )
        .subquery()
    )


def _day(moment: InstrumentedAttribute[Any] | ColumnElement[Any], dialect: str) -> ColumnElement[str]:
    """Return the day of a moment in UTC as ISO 8601 text; SQLite keeps moments as such text."""
    if dialect == "sqlite":
        return func.substr(moment, 1, 10)
    return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD")


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(cast(case((condition, 1), else_=0), Integer))


def _tallies(
    read: Read, query: Callable[[str], Select[Any]], names: Sequence[str], *, binned: bool = False
) -> list[Tally]:
    found = []
    for day, scanner, model, *rest in _all(read, query):
        counts = {name: float(one or 0) for name, one in zip(names, rest[binned:], strict=True)}
        found.append(Tally(date.fromisoformat(day), scanner, model, counts, rest[0] if binned else 0))
    return found


def _all(read: Read, query: Callable[[str], Select[Any]]) -> list[Any]:
    with read() as session:
        return list(session.execute(query(session.get_bind().dialect.name)))
