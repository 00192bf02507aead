"""The report of a study on one page A4: as PDF to print and file, and as PNG for the screen."""

from __future__ import annotations

import io
import textwrap
from functools import cache
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import Ellipse

from triage import __version__
from triage.domain import Finding, Reading
from triage.records.marked import Measurement, described
from triage.reports.key_images import KeyImage
from triage.reports.sources import MANUFACTURER, RESEARCH
from triage.reports.study_report import StudyReport, concluded, moment
from triage.text import one_line, readable_name

#: Inches.
A4 = (8.27, 11.69)
FONT = "DejaVu Sans"
LEFT, RIGHT = 0.07, 0.93
MUTED, ACCENT, OUTLINE, MARK = "#5b6570", "#0b5cad", "#ff6fae", "#ffd54a"
#: Characters in a line of the smallest text, and lines of one comment.
LINE, COMMENT_LINES = 100, 2
#: Readings that have room; the latest are shown.
READINGS = 4
#: Text is embedded as TrueType, so that it can be searched and copied.
EMBEDDED = {"pdf.fonttype": 42, "font.family": FONT}
#: A search for "final" does not find a word with the ligature "fi".
NO_LIGATURES = ("-liga", "-clig")
MISSING = "□"


def report_page(report: StudyReport, form: Literal["pdf", "png"]) -> bytes:
    """Return the page as a file.

    Parameters
    ----------
    report
        What it says.
    form
        A PDF, or a PNG of 1,240 x 1,754 pixels.
    """
    with mpl.rc_context(EMBEDDED):
        figure = Figure(figsize=A4, facecolor="white")
        page = _Page(figure)
        _heading(page, report)
        _ai_result(page, report)
        _images(page, report)
        _readings(page, report)
        _footer(page, report)
        buffer = io.BytesIO()
        about: dict[str, Any] = {"Title": f"{MANUFACTURER} report", "CreationDate": report.made_at}
        figure.savefig(buffer, format=form, dpi=150, metadata=about if form == "pdf" else None)
    return buffer.getvalue()


class _Page:
    """Writes down a page; `y` is the height of the next line, from 1 at the top to 0."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.y = 0.955

    def write(self, text: str, size: float = 9, *, x: float = LEFT, line: bool = True, **style: Any) -> None:
        self.figure.text(
            x, self.y, _drawable(text), size=size, va="top", parse_math=False, fontfeatures=NO_LIGATURES, **style
        )
        if line:
            self.y -= size * 0.00175

    def rule(self, title: str) -> None:
        self.y -= 0.012
        self.write(title, 10.5, weight="bold", color=ACCENT)
        self.y -= 0.002


def _heading(page: _Page, report: StudyReport) -> None:
    study, header = report.study, report.study.header
    page.write("Brain MRI report", 17, weight="bold", line=False)
    page.write(f"{RESEARCH}: not for clinical decisions", 9.5, x=RIGHT, ha="right", color="#b00020", weight="bold")
    page.y -= 0.016
    known = (
        ("Patient", readable_name(header.patient_name) or "not stated"),
        ("MRN", f"{header.mrn} ({header.issuer})" if header.mrn and header.issuer else header.mrn),
        ("Birth date", f"{header.birth_date:%Y-%m-%d}" if header.birth_date else ""),
        ("Sex, age", ", ".join(filter(None, (header.sex, header.age.lstrip("0"))))),
        ("Accession", header.accession_number),
        ("Study date", f"{header.study_date:%Y-%m-%d}" if header.study_date else ""),
        ("Study", header.description or study.name),
        ("Received", moment(study.arrived_at)),
    )
    page.y -= 0.006
    for row in range(0, len(known), 2):
        for (name, value), x in zip(known[row : row + 2], (LEFT, 0.52), strict=True):
            page.write(name, 8, x=x, line=False, color=MUTED)
            page.write(_cut(value or "not stated", 44), 9, x=x + 0.085, line=False)
        page.y -= 0.0175


def _ai_result(page: _Page, report: StudyReport) -> None:
    page.rule("AI result")
    result = report.study.result
    if result is None:
        page.write(f"No AI result. {_cut(report.study.reason, 100)}")
        return
    page.write(f"{result.predicted.label}, {result.ranking.band}: {_cut(result.ranking.reason, 90)}")
    shares = "   ".join(f"{finding.label} {result.probabilities[finding]:.1%}" for finding in Finding)
    page.write(shares, 9)
    names = ", ".join(finding.label for finding in result.prediction_set)
    said = f"Not ruled out at 95 % coverage: {names}." if names else "This model states no prediction set."
    page.write(f"{said} Probabilities are calibrated on patients that the model never saw.", 8, color=MUTED)


def _images(page: _Page, report: StudyReport) -> None:
    page.rule("Key images")
    if not report.images:
        page.write(
            report.unseen or "No slice was chosen, measured or outlined, and no AI result names one.", color=MUTED
        )
        return
    count = len(report.images)
    across = min(count, 2)
    wide, high = (RIGHT - LEFT - 0.02) / 2, 0.2 if count > 2 else 0.3
    for number, image in enumerate(report.images):
        left = LEFT + number % across * (wide + 0.02)
        if number and number % across == 0:
            page.y -= high + 0.048
        axes = page.figure.add_axes((left, page.y - high, wide, high))
        _draw(axes, image)
        above = page.y
        page.y -= high + 0.004
        page.write(_cut(f"{image.place} · {image.author}", 62), 7, x=left, color=MUTED)
        for line in _measured(image):
            page.write(line, 7, x=left)
        page.y = above
    page.y -= high + 0.05


def _measured(image: KeyImage) -> list[str]:
    """Return what was measured on an image, in at most two lines."""
    said = [f"{number}: {described(one)}" for number, one in enumerate(image.measurements, start=1)]
    lines = textwrap.wrap("; ".join(said), 62)
    return lines if len(lines) <= 2 else [lines[0], _cut(lines[1], 56) + " …"]


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
    for number, one in enumerate(image.measurements, start=1):
        _draw_measurement(axes, one, number)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)


def _draw_measurement(axes: Axes, one: Measurement, number: int) -> None:
    x, y = zip(*one.points, strict=True)
    if one.kind == "ellipse":
        (left, top), (right, bottom) = one.points
        middle, size = ((left + right) / 2, (top + bottom) / 2), (abs(right - left), abs(bottom - top))
        axes.add_patch(Ellipse(middle, *size, fill=False, color=MARK, linewidth=1.1))
    else:
        axes.plot(x, y, color=MARK, linewidth=1.1, marker="+" if one.kind == "probe" else None)
    axes.text(max(x), y[x.index(max(x))], f" {number}", color=MARK, size=8, clip_on=True)


def _readings(page: _Page, report: StudyReport) -> None:
    page.rule("Readings")
    readings = report.study.readings
    if not readings:
        page.write("Not read yet: no reader has signed this study.", weight="bold")
        return
    if len(readings) > READINGS:
        page.write(f"The latest {READINGS} of {len(readings)} readings.", 8, color=MUTED)
    for reading in readings[-READINGS:]:
        is_latest = reading is readings[-1]
        page.write(_sentence(reading), 9, weight="bold" if is_latest else "normal")
        page.write(f"Signed by {_cut(reading.reader, 60)}, {moment(reading.signed_at)}", 8, color=MUTED)
        lines = textwrap.wrap(one_line(reading.comment), LINE)
        if len(lines) > COMMENT_LINES:
            lines = [
                *lines[: COMMENT_LINES - 1],
                _cut(lines[COMMENT_LINES - 1], LINE - 32) + " … (whole in the record)",
            ]
        for line in lines:
            page.write(line, 8)
        page.y -= 0.004


def _sentence(reading: Reading) -> str:
    reason = f", {reading.reason}" if reading.reason else ""
    return f"{concluded(reading)} ({reading.state}; {reading.decision}{reason})"


def _footer(page: _Page, report: StudyReport) -> None:
    page.y = 0.062
    result = report.study.result
    model = f"model {result.model}, sha256 {result.model_sha256}" if result else "no model"
    page.write(f"{MANUFACTURER} {__version__}, {model}", 6.5, color=MUTED)
    page.write(f"Study {report.study.study_id}, files {report.study.contents}", 6.5, color=MUTED)
    page.write(f"Made {moment(report.made_at)}. {RESEARCH}: not for clinical decisions.", 6.5, color=MUTED)


def _cut(text: str, limit: int) -> str:
    shown = one_line(text)
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def _drawable(text: str) -> str:
    """Return a text with `MISSING` for each character that the font does not have."""
    return "".join(one if _has(one) else MISSING for one in text)


@cache
def _has(character: str) -> bool:
    font = get_font(findfont(FontProperties(family=FONT)))
    return bool(font.get_char_index(ord(character)))
