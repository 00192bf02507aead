"""The monthly report of the monitoring: what it says, and that as one HTML file. It names no patient and no study."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from triage import __version__
from triage.domain import Band
from triage.insights import Share, share
from triage.languages.speech import day, later, locale, moment, number, percent, t
from triage.learning.monitored import LATELY, Month
from triage.reports import drift_words as words
from triage.reports.drift_charts import CHARTED, draw
from triage.reports.paper import fonts
from triage.reports.sources import MANUFACTURER
from triage.text import one_line

NOT_CLINICAL = later("Research use only: not for clinical decisions")
#: Groups of a table; the smallest ones are left out.
GROUPS = 6
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: what its columns are called, and its rows, whose first cell says what they are about."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Content:
    """What a report says, in the language of the reader.

    Attributes
    ----------
    alarms
        What the charts found, or why they found nothing.
    alarmed
        Whether they found anything.
    numbers, agreement
        The month beside the month before it; the readings by group.
    """

    month: Month
    title: str
    alarms: Sequence[str]
    alarmed: bool
    numbers: Table
    agreement: Sequence[Table]
    notes: Sequence[str]
    foot: str


def content(month: Month, model: str, made_at: datetime, pseudonym: Callable[[str], str] | None) -> Content:
    """Return what the report of a month says.

    Parameters
    ----------
    month
        What it is about.
    model
        Name of the model that serves.
    made_at
        When it is made.
    pseudonym
        Returns the code that stands for the name of a reader; None: the names stand there.
    """
    seen = month.watched
    found = [words.sentence(one, pseudonym) for one in seen.alarms]
    return Content(
        month=month,
        title=t("Monitoring report, {month}", month=words.month(month.first)),
        alarms=found or [quiet(month)],
        alarmed=bool(found),
        numbers=_numbers(month),
        agreement=[_agreement(month, by, pseudonym) for by in words.BY if seen.agreement.get(by)],
        notes=_notes(month),
        foot=f"{MANUFACTURER} {__version__}, {t('model {name}', name=one_line(model))}. "
        f"{t('Made {time}', time=moment(made_at.astimezone(UTC)))}.",
    )


def quiet(month: Month) -> str:
    """Return why no chart alarms: there are no studies, no baseline, or no change."""
    charts = month.watched.charts
    ready = sum(chart.is_ready for chart in charts.values())
    if not charts:
        return t("No study has arrived since the baseline begins.")
    if not ready:
        return t("No chart can alarm yet: no baseline is complete.")
    return t("None of {count} charts is off its baseline.", count=ready)


def as_html(said: Content) -> bytes:
    """Return the report as one HTML file that loads nothing."""
    page = _templates.get_template("monthly.html.j2")
    language = locale().replace("_", "-")
    text = page.render(
        said=said, notice=t(NOT_CLINICAL), charts=_svg(said.month), language=language, chart_title=t("Charts")
    )
    return text.encode()


def _svg(month: Month) -> str:
    """Return the charts as SVG, in base 64; text in it is drawn as paths."""
    with fonts():
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        for axes, what in zip(figure.subplots(3, 2).flat, CHARTED, strict=True):
            draw(axes, what, month.watched)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _numbers(month: Month) -> Table:
    now, before = month.counts, month.before
    rows: list[Sequence[str]] = [(t("Studies that arrived"), number(now["studies"]), number(before["studies"]))]

    def line(said: str, part: str, of: str) -> None:
        rows.append((said, *(_part(share(one[part], one[of])) for one in (now, before))))

    line(t("Not analysable"), "refused", "studies")
    line(t("Unlike the training data"), "unlike", "recorded")
    for band in Band:
        line(t("In band {band}", band=t(band)), band.value, "answered")
    rows.append((t("Readings that answer the AI"), number(now["read"]), number(before["read"])))
    line(t("Reader and AI agree"), "agreed", "read")
    line(t("Gliomas that the AI found"), "found", "gliomas")
    return Table(t("The month in numbers"), ("", t("This month"), t("Month before")), rows)


def _agreement(month: Month, by: str, pseudonym: Callable[[str], str] | None) -> Table:
    rows = []
    for one in month.watched.agreement[by][:GROUPS]:
        name = words.group(by, one.name)
        if by == "reader" and pseudonym:
            name = t("reader {code}", code=pseudonym(one.name))
        rows.append((name, _part(one.agreed), number(one.agreed.count), t("differs") if one.stands_out else ""))
    return Table(t(words.BY[by]), ("", t("Agreement"), "n", ""), rows)


def _notes(month: Month) -> list[str]:
    seen = month.watched
    first = [chart.first for chart in seen.charts.values() if chart.first]
    last = [chart.last for chart in seen.charts.values() if chart.last and chart.is_ready]
    notes = []
    if first and last:
        begin, end = day(min(first)), day(max(last))
        notes.append(t("The baseline begins on {begin} and ends, chart by chart, by {end}.", begin=begin, end=end))
    if seen.unrecorded:
        notes.append(
            t("Of {count} older results it is not known how the pictures looked to the network.", count=seen.unrecorded)
        )
    notes.append(
        t(
            "Agreement is that of the last {days} days, of settled studies, with 95 % intervals (Wilson). A group "
            "differs if chance explains its difference from the others with p < 0.01 (Fisher, corrected after Holm).",
            days=LATELY.days,
        )
    )
    notes.append(
        t(
            "Points are weeks with 95 % intervals; between the dashed lines they stay without a change. Alarms come "
            "from CUSUM charts: all together alarm at most once a year on average if nothing changed."
        )
    )
    return notes


def _part(found: Share) -> str:
    if not found.count:
        return words.NONE_YET
    interval = t("{low} to {high}", low=percent(found.low), high=percent(found.high))
    return f"{percent(found.value)} ({interval})"
