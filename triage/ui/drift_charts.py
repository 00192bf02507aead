"""Plotly figures of the page Monitoring. Tested in tests/pages/test_monitoring.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go

from triage.domain import Band, Finding
from triage.languages.speech import day, later, number, percent, t
from triage.learning.agreement import Reliability
from triage.learning.drift import Chart, Point
from triage.learning.monitored import Watched
from triage.learning.series import Measure, Name
from triage.reports import drift_words as words
from triage.text import html_text
from triage.ui import theme
from triage.ui.charts import layout
from triage.ui.insights import part

HOVER = later("Week of %{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]} studies")
#: Most days that an axis names.
MARKS = 4
SHARES = frozenset(Measure) - {Measure.BRIGHTNESS, Measure.CONTRAST, Measure.CALIBRATION}


def weeks(name: Name, chart: Chart, since: date | None) -> go.Figure:
    """Return a chart by week: values with their intervals, the baseline, and the limits without a change."""
    measure = name[0]
    points = [point for point in chart.weeks if since is None or point.day >= since]
    days = [point.day for point in points]
    alarmed = any(shift.ended is None for shift in chart.shifts)
    colour = theme.palette().band[Band.STAT] if alarmed else theme.palette().finding[Finding.NOTUMOR]
    figure = go.Figure()
    for limits in ([point.low for point in points], [point.high for point in points]):
        line = {"color": theme.palette().muted, "width": 1, "dash": "dash", "shape": "hvh"}
        figure.add_scatter(x=days, y=limits, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=days,
        y=[point.value.value for point in points],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.value.high - point.value.value for point in points],
            "arrayminus": [point.value.value - point.value.low for point in points],
            "width": 0,
            "thickness": 2.5,
            "color": _faint(colour),
        },
        mode="lines+markers",
        line={"color": colour, "width": 1.5},
        marker={"size": 5},
        customdata=_told(measure, points),
        hovertemplate=f"{t(HOVER)}<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=chart.baseline.value, line={"color": theme.palette().muted, "width": 1})
    for shift in chart.shifts:
        if shift.ended is None and points and shift.since >= days[0]:
            figure.add_vline(x=shift.since, line={"color": colour, "width": 1, "dash": "dot"})
    figure.update_layout(**_frame(measure, days), height=220)
    return figure


def sums(chart: Chart, since: date | None) -> go.Figure:
    """Return the CUSUM of a chart for a rise and for a fall; it alarms at 1."""
    figure = go.Figure()
    shown = [at for at, one in enumerate(chart.days) if since is None or one >= since]
    for said, height, dash in ((t("rise"), chart.rise, "solid"), (t("fall"), chart.fall, "dot")):
        figure.add_scatter(
            x=[chart.days[at] for at in shown],
            y=[height[at] for at in shown],
            name=said,
            line={"color": theme.palette().finding[Finding.NOTUMOR], "width": 1.5, "dash": dash},
            hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        )
    figure.add_hline(y=1, line={"color": theme.palette().band[Band.STAT], "width": 1})
    figure.update_layout(
        **layout(),
        height=200,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis=_days([chart.days[at] for at in shown]),
        yaxis={"gridcolor": theme.palette().grid, "range": [0, 1.3], "title": {"text": t("alarm at 1")}},
    )
    return figure


def mixture(measure: Measure, seen: Watched, since: date | None) -> go.Figure:
    """Return the share of each class, band, scanner, sequence or plane by week."""
    figure = go.Figure()
    shown: set[date] = set()
    for at, ((of, label), chart) in enumerate(one for one in seen.charts.items() if one[0][0] is measure):
        points = [point for point in chart.weeks if since is None or point.day >= since]
        shown.update(point.day for point in points)
        name = words.named(of, label)
        figure.add_scatter(
            x=[point.day for point in points],
            y=[point.value.value for point in points],
            name=html_text(name),
            mode="lines+markers",  # one week alone makes no line
            line={"width": 2, "color": _colour(of, label, at)},
            marker={"size": 5},
            customdata=_told(of, points),
            hovertemplate=f"{html_text(name)}<br>{t(HOVER)}<extra></extra>",
        )
    figure.update_layout(
        **_frame(measure, shown),
        height=260,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    return figure


def reliability(bins: Sequence[Reliability]) -> go.Figure:
    """Return the share that readers called glioma over P(glioma)."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": theme.palette().muted, "dash": "dash", "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[one.expected for one in bins],
        y=[one.true.value for one in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one.true.high - one.true.value for one in bins],
            "arrayminus": [one.true.value - one.true.low for one in bins],
            "width": 0,
            "thickness": 2.5,
            "color": _faint(theme.palette().finding[Finding.NOTUMOR]),
        },
        mode="markers",
        marker={"color": theme.palette().finding[Finding.NOTUMOR], "size": 7},
        customdata=[[percent(one.expected), part(one.true), number(one.true.count)] for one in bins],
        hovertemplate=t("P(glioma) %{customdata[0]}<br>gliomas: %{customdata[1]}<br>%{customdata[2]} studies")
        + "<extra></extra>",
        showlegend=False,
    )
    axis = {"gridcolor": theme.palette().grid, "range": [-0.02, 1.02], "tickformat": ".0%"}
    figure.update_layout(
        **layout(),
        height=240,
        xaxis=axis | {"title": {"text": t("P(glioma)")}},
        yaxis=axis | {"title": {"text": t("called glioma")}},
    )
    return figure


def _frame(measure: Measure, weeks: Collection[date]) -> dict[str, Any]:
    axis: dict[str, Any] = {"gridcolor": theme.palette().grid, "nticks": 5}
    if measure in SHARES:
        axis |= {"tickformat": ".0%", "rangemode": "tozero"}
    elif measure is Measure.CALIBRATION:
        axis |= {"tickformat": "+.0%"}
    return {**layout(), "xaxis": _days(weeks) | {"title": {"text": t("week of"), "standoff": 4}}, "yaxis": axis}


def _days(days: Collection[date]) -> dict[str, Any]:
    """Return an axis whose marks are some of these days, each once; by itself it would name a day for every hour."""
    known = sorted(set(days))
    axis: dict[str, Any] = {"gridcolor": theme.palette().grid, "tickformat": t("%b %d, %Y")}
    if not known:
        return axis
    step = -(-len(known) // MARKS)
    beside = max(timedelta(days=4), (known[-1] - known[0]) / 40)
    return axis | {"tickvals": known[::step], "range": [known[0] - beside, known[-1] + beside]}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.3)"


def _told(measure: Measure, points: Sequence[Point]) -> list[list[str]]:
    return [[day(point.day), words.interval(measure, point.value), number(point.studies)] for point in points]


def _colour(measure: Measure, label: str, at: int) -> str:
    colours = theme.palette()
    if measure is Measure.CLASS:
        return colours.finding[Finding(label)]
    if measure is Measure.BAND:
        return colours.band[Band(label)]
    others: list[str] = [*list(colours.finding.values())[::-1], colours.muted, colours.text]
    return others[at % len(others)]
