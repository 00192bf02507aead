"""The report of a study on one page A4: as PDF to print and file, and as PNG for the screen."""

from __future__ import annotations

import io
import re
import textwrap
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.patheffects import Stroke

from triage import __version__
from triage.domain import Finding, Reading
from triage.languages import speech
from triage.languages.speech import day, later, percent, retold, t
from triage.reading import meaning, superseded, was_preliminary
from triage.records.marked import Measurement, described
from triage.reports.key_images import KeyImage
from triage.reports.paper import LEFT, MUTED, RIGHT, WARNING, Paper, cut, fonts
from triage.reports.sources import MANUFACTURER
from triage.reports.study_report import StudyReport
from triage.text import one_line, readable_age, readable_name

OUTLINE, MARK, LETTER = "#ff6fae", "#ffd54a", "#dce6f0"
#: Letters and numbers on a picture have a dark rim, as in the viewer: they stay readable on bone and fat.
RIM = Stroke(linewidth=2, foreground="black")
#: Where the letters stand, as shares of the picture, and how they are aligned.
EDGES = (
    (0.015, 0.5, "left", "center"),
    (0.985, 0.5, "right", "center"),
    (0.5, 0.985, "center", "top"),
    (0.5, 0.015, "center", "bottom"),
)
#: What a measurement is called, in the words of the viewer.
MEASURED = {"length": later("Length"), "angle": later("Angle"), "ellipse": later("Ellipse"), "probe": later("Probe")}
#: Characters in a line of the smallest text, and lines of one comment.
LINE, COMMENT_LINES = 100, 2
#: Characters in a line below a key image, and lines that have room there.
IMAGE_LINE, UNDER_IMAGE = 62, 4
#: Characters of its place and of who marked it: with these, whether the AI began the outline is never cut off.
PLACE, AUTHOR = 84, 28
#: Readings that have room; the latest are shown.
READINGS = 4
DECIMAL = re.compile(r"-?\d+\.\d+")
later("arbitration")  # `meaning` says it in one word, which the search for sentences passes over
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
        _images(page, report)
        _readings(page, report)
        _footer(page, report)
        buffer = io.BytesIO()
        about: dict[str, Any] = {"Title": f"{MANUFACTURER} report", "CreationDate": report.made_at}
        page.figure.savefig(buffer, format=form, dpi=150, metadata=about if form == "pdf" else None)
    return buffer.getvalue()


def _heading(page: Paper, report: StudyReport) -> None:
    study, header = report.study, report.study.header
    page.write(t("Brain MRI report"), 17, weight="bold", line=False)
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


def _images(page: Paper, report: StudyReport) -> None:
    page.rule(t("Key images"))
    if not report.images:
        page.write(
            retold(report.unseen) or t("No slice was chosen, measured or outlined, and no AI result names one."),
            color=MUTED,
        )
        return
    count = len(report.images)
    across = min(count, 2)
    wide, high = (RIGHT - LEFT - 0.02) / 2, 0.195 if count > 2 else 0.295
    for number, image in enumerate(report.images):
        left = LEFT + number % across * (wide + 0.02)
        if number and number % across == 0:
            page.y -= high + 0.053
        axes = page.figure.add_axes((left, page.y - high, wide, high))
        _draw(axes, image)
        above = page.y
        page.y -= high + 0.004
        caption = _caption(image)
        for line in caption:
            page.write(line, 7, x=left, color=MUTED)
        for line in _measured(image, UNDER_IMAGE - len(caption)):
            page.write(line, 7, x=left)
        page.y = above
    page.y -= high + 0.055


def _caption(image: KeyImage) -> list[str]:
    """Return which slice an image is and who marked it, with room left for what was measured."""
    begun = t(", outline begun with the AI's") if image.begun_by_ai else ""
    author = cut(retold(image.author), AUTHOR)
    if image.is_superseded:
        author = t("of the superseded reading of {reader}", reader=author)
    said = f"{t(image.kind)}: {cut(retold(image.place), PLACE)} · {author}{begun}"
    return _wrapped(said, UNDER_IMAGE - 1)


def _measured(image: KeyImage, most: int) -> list[str]:
    """Return what was measured on an image, in at most so many lines."""
    said = [
        f"{number} {t(MEASURED[one.kind])}: {_described(one)}" for number, one in enumerate(image.measurements, start=1)
    ]
    return _wrapped("; ".join(said), most)


def _wrapped(text: str, most: int) -> list[str]:
    """Return a text as lines of the width of a key image; of what has no room, only that it is there."""
    lines = textwrap.wrap(one_line(text), IMAGE_LINE)
    return lines if len(lines) <= most else [*lines[: most - 1], cut(lines[most - 1], IMAGE_LINE - 6) + " …"]


def _described(one: Measurement) -> str:
    """Return a measurement with its numbers as the reader writes them."""
    said = retold(described(one))
    return DECIMAL.sub(lambda found: speech.number(float(found[0]), len(found[0].partition(".")[2])), said)


def _moment(at: datetime) -> str:
    """Return a time in the time zone of this machine, and in UTC if that is another."""
    local, universal = at.astimezone(), at.astimezone(UTC)
    if local.tzname() == "UTC":
        return f"{day(universal)}, {universal:%H:%M} UTC"
    other = "" if local.date() == universal.date() else f"{day(universal)}, "
    return f"{day(local)}, {local:%H:%M} {local.tzname()} ({other}{universal:%H:%M} UTC)"


def _draw(axes: Axes, image: KeyImage) -> None:
    rows, columns = image.gray.shape
    down, along = image.spacing or (1.0, 1.0)
    axes.set_axis_off()
    axes.imshow(image.gray, cmap="gray", vmin=0, vmax=255, extent=(0, columns, rows, 0), aspect=down / along)
    if image.mask is not None and image.mask.any():
        # One row around it, or an outline at the edge of the slice would stay open.
        inside = np.pad(image.mask.astype(float), 1)
        at = np.arange(columns + 2) - 0.5, np.arange(rows + 2) - 0.5
        axes.contour(*at, inside, levels=[0.5], colors=[OUTLINE], linewidths=1.1)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    for number, one in enumerate(image.measurements, start=1):
        _draw_measurement(axes, one, number)
    for letter, (x, y, ha, va) in zip(image.edges or (), EDGES, strict=False):
        _write(axes, (x, y), letter, LETTER, ha=ha, va=va, transform=axes.transAxes)


def _draw_measurement(axes: Axes, one: Measurement, number: int) -> None:
    x, y = zip(*one.points, strict=True)
    beside = dict(zip(x, y, strict=True))
    if one.kind == "ellipse":
        (left, top), (right, bottom) = one.points
        middle, size = ((left + right) / 2, (top + bottom) / 2), (abs(right - left), abs(bottom - top))
        beside = dict.fromkeys(x, middle[1])
        axes.add_patch(Ellipse(middle, *size, fill=False, color=MARK, linewidth=1.1))
    else:
        axes.plot(x, y, color=MARK, linewidth=1.1, marker="+" if one.kind == "probe" else None)
    right = max(x)
    is_inside = right < 0.9 * axes.get_xlim()[1]  # beyond it, the number would be cut off
    at, said = (right, f" {number}") if is_inside else (min(x), f"{number} ")
    align = "left" if is_inside else "right"
    _write(axes, (at, beside[at]), said, MARK, ha=align, va="center", clip_on=True)


def _write(axes: Axes, at: tuple[float, float], said: str, colour: str, **style: Any) -> None:
    """Write on a picture; the rim is drawn by itself, since a text with a rim is no text any more in a PDF."""
    axes.text(*at, said, color="none", size=8, weight="bold", path_effects=[RIM], **style)
    axes.text(*at, said, color=colour, size=8, weight="bold", **style)


def _readings(page: Paper, report: StudyReport) -> None:
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
        state = t("superseded") if is_replaced else t(reading.state)
        if not is_replaced and was_preliminary(reading, readings, report.study.status):
            state = t("preliminary until another reader signed")
        page.write(_sentence(reading, state), 9, weight="bold" if is_latest else "normal")
        by, at, what = cut(reading.reader, 60), _moment(reading.signed_at), t(meaning(reading))
        page.write(t("Signed by {reader}, {time}: {meaning}", reader=by, time=at, meaning=what), 8, color=MUTED)
        lines = textwrap.wrap(one_line(reading.comment), LINE)
        if len(lines) > COMMENT_LINES:
            lines = [
                *lines[: COMMENT_LINES - 1],
                cut(lines[COMMENT_LINES - 1], LINE - 32) + t(" … (whole in the record)"),
            ]
        for line in lines:
            page.write(line, 8)
        page.y -= 0.004


def _sentence(reading: Reading, state: str) -> str:
    reason = f", {t(reading.reason)}" if reading.reason else ""
    said = t(reading.finding.label) + (f": {one_line(reading.lesion)}" if reading.lesion else "")
    return f"{said} ({state}; {t(reading.decision)}{reason})"


def _footer(page: Paper, report: StudyReport) -> None:
    page.y = 0.062
    result = report.study.result
    model = t("no model")
    if result:
        model = t("model {name}", name=result.model) + f", sha256 {result.model_sha256}"
    page.write(f"{MANUFACTURER} {__version__}, {model}", 6.5, color=MUTED)
    files = t("Study {id}, files {digest}", id=report.study.study_id, digest=report.study.contents)
    page.write(files, 6.5, color=MUTED)
    sealed = " " + t("Record sealed up to {head}.", head=report.head) if report.head else ""
    page.write(f"{t('Made {time}', time=_moment(report.made_at))}. {t(NOT_CLINICAL)}.{sealed}", 6.5, color=MUTED)
