"""The report of a study on one page A4: as PDF to print and file, and as PNG for the screen."""

from __future__ import annotations

import io
import textwrap
from datetime import UTC, datetime
from typing import Any, Literal

from triage import __version__
from triage.domain import Finding, Reading, StudyStatus
from triage.languages.speech import day, later, percent, retold, t
from triage.reading import meaning, standing, superseded, was_preliminary
from triage.reports.paper import LEFT, MUTED, RIGHT, WARNING, Paper, cut, fonts
from triage.reports.pictures import least_height, write_pictures
from triage.reports.sources import MANUFACTURER
from triage.reports.study_report import StudyReport
from triage.text import one_line, readable_age, readable_name

#: Characters in a line of the smallest text, and lines of one comment: as many as leave the pictures their room.
LINE, COMMENT_LINES, MOST_COMMENT_LINES = 100, 2, 60
#: Where the readings must have ended, above the last lines.
FOOT = 0.068
#: Readings that have room; the latest are shown.
READINGS = 4
later("arbitration")  # `meaning` says it in one word, which the search for sentences passes over
#: The title; of a study that is not read to the end it says so.
TITLE, NOT_READ = later("Brain MRI report"), later("Brain MRI, not read yet")
PRELIMINARY = later("Brain MRI report, preliminary")
TITLES = {StudyStatus.SECOND_READ: PRELIMINARY, StudyStatus.ARBITRATION: PRELIMINARY}
NOT_CLINICAL = later("Research use only: not for clinical decisions")


def report_page(report: StudyReport, form: Literal["pdf", "png"]) -> bytes:
    """Return the page as a file.

    Parameters
    ----------
    report
        What it says.
    form
        A PDF, or a PNG of 1,240 x 1,754 pixels.
    """
    with fonts():
        page = Paper()
        _heading(page, report)
        _ai_result(page, report)
        lines = _comment_lines(report, page.y - FOOT - least_height(report))
        write_pictures(page, report, FOOT + _high(report, lines))
        _readings(page, report, lines)
        _footer(page, report)
        buffer = io.BytesIO()
        about: dict[str, Any] = {"Title": f"{MANUFACTURER} report", "CreationDate": report.made_at}
        page.figure.savefig(buffer, format=form, dpi=150, metadata=about if form == "pdf" else None)
    return buffer.getvalue()


def _heading(page: Paper, report: StudyReport) -> None:
    study, header = report.study, report.study.header
    page.write(t(TITLES.get(study.status, TITLE if study.readings else NOT_READ)), 14, weight="bold", line=False)
    page.write(t(NOT_CLINICAL), 9.5, x=RIGHT, ha="right", color=WARNING, weight="bold")
    page.y -= 0.016
    known = (
        (t("Patient"), readable_name(header.patient_name) or t("not stated")),
        (t("MRN"), f"{header.mrn} ({header.issuer})" if header.mrn and header.issuer else header.mrn),
        (t("Birth date"), day(header.birth_date)),
        (t("Sex, age"), ", ".join(filter(None, (header.sex, readable_age(header.age))))),
        (t("Accession"), header.accession_number),
        (t("Study date"), day(header.study_date)),
        (t("Study"), header.description or study.name),
        (t("Received"), _moment(study.arrived_at)),
    )
    page.y -= 0.006
    for row in range(0, len(known), 2):
        for (name, value), x in zip(known[row : row + 2], (LEFT, 0.52), strict=True):
            page.write(name, 8, x=x, line=False, color=MUTED)
            page.write(cut(value or t("not stated"), 40), 9, x=x + 0.11, line=False)
        page.y -= 0.0175


def _ai_result(page: Paper, report: StudyReport) -> None:
    page.rule(t("AI result"))
    result = report.study.result
    if result is None:
        page.write(t("No AI result. {reason}", reason=cut(retold(report.study.reason), 100)))
        return
    reason = cut(retold(result.ranking.reason), 90)
    page.write(f"{t(result.predicted.label)}, {t(result.ranking.band)}: {reason}")
    shares = "   ".join(f"{t(finding.label)} {percent(result.probabilities[finding], 1)}" for finding in Finding)
    page.write(shares, 9)
    said = t("Probabilities are calibrated on patients that the model never saw.")
    if names := ", ".join(t(finding.label) for finding in result.in_doubt):
        said = f"{t('Not ruled out at 95 % coverage: {names}', names=names)}. {said}"
    for line in textwrap.wrap(said, LINE):
        page.write(line, 8, color=MUTED)


def _moment(at: datetime) -> str:
    """Return a time in the time zone of this machine, and in UTC if that is another."""
    local, universal = at.astimezone(), at.astimezone(UTC)
    if local.tzname() == "UTC":
        return f"{day(universal)}, {universal:%H:%M} UTC"
    other = "" if local.date() == universal.date() else f"{day(universal)}, "
    return f"{day(local)}, {local:%H:%M} {local.tzname()} ({other}{universal:%H:%M} UTC)"


def _comment_lines(report: StudyReport, room: float) -> int:
    """Return how many lines of each comment have room with the readings."""
    longest = max((len(_wrapped(reading)) for reading in report.study.readings[-READINGS:]), default=0)
    tried = range(min(longest, MOST_COMMENT_LINES), COMMENT_LINES, -1)
    return next((lines for lines in tried if _high(report, lines) <= room), COMMENT_LINES)


def _high(report: StudyReport, lines: int) -> float:
    """Return how much of the page the readings take, with so many lines of each comment."""
    trial = Paper()
    top = trial.y
    _readings(trial, report, lines)
    return top - trial.y


def _readings(page: Paper, report: StudyReport, most: int) -> None:
    page.rule(t("Readings"))
    readings = report.study.readings
    if not readings:
        page.write(t("Not read yet: no reader has signed this study."), weight="bold")
        return
    if len(readings) > READINGS:
        said = t("The latest {shown} of {count} readings.", shown=READINGS, count=len(readings))
        page.write(said, 8, color=MUTED)
    replaced = superseded(readings)
    for reading, is_replaced in list(zip(readings, replaced, strict=True))[-READINGS:]:
        is_latest = reading is readings[-1]
        state = t("superseded") if is_replaced else t(standing(reading, readings, report.study.status))
        if not is_replaced and was_preliminary(reading, readings, report.study.status):
            state = t("was preliminary until another reader signed")
        page.write(_sentence(reading, state), 9, weight="bold" if is_latest else "normal")
        by, at, what = cut(reading.reader, 60), _moment(reading.signed_at), t(meaning(reading))
        page.write(t("Signed by {reader}, {time}: {meaning}", reader=by, time=at, meaning=what), 8, color=MUTED)
        lines = _wrapped(reading)
        if len(lines) > most:
            lines = [*lines[: most - 1], cut(lines[most - 1], LINE - 32) + t(" … (whole in the record)")]
        for line in lines:
            page.write(line, 8)
        page.y -= 0.004


def _wrapped(reading: Reading) -> list[str]:
    """Return the comment of a reading in its own lines, those that are too long broken."""
    return [line for one in reading.comment.splitlines() for line in textwrap.wrap(one_line(one), LINE)]


def _sentence(reading: Reading, state: str) -> str:
    reason = f", {t(reading.reason)}" if reading.reason else ""
    said = t(reading.finding.label) + (f": {one_line(reading.lesion)}" if reading.lesion else "")
    return f"{said} ({state}; {t(reading.decision)}{reason})"


def _footer(page: Paper, report: StudyReport) -> None:
    page.y = FOOT - 0.006
    result = report.study.result
    model = t("no model")
    if result:
        model = t("model {name}", name=result.model) + f", sha256 {result.model_sha256}"
    page.write(f"{MANUFACTURER} {__version__}, {model}", 6.5, color=MUTED)
    files = t("Study {id}, files {digest}", id=report.study.study_id, digest=report.study.contents)
    page.write(files, 6.5, color=MUTED)
    sealed = " " + t("Record sealed up to {head}.", head=report.head) if report.head else ""
    page.write(f"{t('Made {time}', time=_moment(report.made_at))}. {t(NOT_CLINICAL)}.{sealed}", 6.5, color=MUTED)
