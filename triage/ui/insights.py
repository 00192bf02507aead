"""Figures and tables of the page Insights. Tested in tests/pages/test_insights.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from triage import insights
from triage.domain import Band, Finding
from triage.insights import Bought, Case, Estimate, Share
from triage.languages.speech import later, number, percent, t
from triage.records.worklist_views import QueueSummary
from triage.text import table_cell
from triage.ui import theme
from triage.ui.charts import layout

#: Most groups of a table; the smallest ones are left out.
MOST_GROUPS = 50
TIMES = {
    later("Time to notification"): (insights.notification, later("From arrival until the study is ranked")),
    later("Wait"): (insights.wait, later("From the rank until a reader first opens the study")),
    later("Turnaround"): (insights.turnaround, later("From arrival until the first signature")),
}
NONE_YET = "–"
#: Milliseconds, in which Plotly counts.
MINUTE, DAY = 60_000, 86_400_000


def queue_now(summary: QueueSummary, *, blind: bool) -> None:
    """Draw how many studies wait, by band; before a blind reading all of them together."""
    with st.container(horizontal=True, gap="xlarge"):
        if blind:
            said = t("Studies that wait for a reading, of any age")
            st.metric(t("All"), number(summary.total), help=said, width="content")
        for band in () if blind else Band:
            said = t("Studies of band {band} that wait for a reading, of any age", band=t(band))
            st.metric(t(band), number(summary.counts[band]), help=said, width="content")
        st.metric(
            t("Not analysable"),
            number(summary.not_analysable),
            help=t("Of these, the studies that the AI could not judge. They stay in the queue for a reader."),
            width="content",
        )


def over_time(counts: Mapping[Band, Sequence[int]], moments: Sequence[datetime], *, blind: bool) -> go.Figure:
    """Return the number of waiting studies over time, stacked by band, the most urgent at the bottom.

    Before a blind reading all bands are one.
    """
    palette = theme.palette()
    lines = [(t(band), palette.band[band], list(values)) for band, values in counts.items()]
    if blind:
        lines = [(t("All"), palette.full, [sum(each) for each in zip(*counts.values(), strict=True)])]
    figure = go.Figure()
    for name, colour, values in lines:
        figure.add_scatter(
            x=list(moments),
            y=values,
            name=name,
            stackgroup="waiting",
            line={"color": colour, "width": 1, "shape": "hv"},
            hovertemplate=f"{name}: {t('%{y} waited at %{x} UTC')}<extra></extra>",
        )
    figure.update_layout(
        **layout(),
        height=240,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis=_moments(),
        yaxis={"gridcolor": theme.palette().grid, "rangemode": "tozero", "title": {"text": t("waiting studies")}},
    )
    return figure


def _moments() -> dict[str, Any]:
    """Return an axis of days and hours; the Plotly of the pages knows English names of months only."""
    written = t("%b %d, %Y")
    stops = [
        {"dtickrange": [None, MINUTE - 1], "value": f"%H:%M:%S\n{written}"},
        {"dtickrange": [MINUTE, DAY - 1], "value": f"%H:%M\n{written}"},
        {"dtickrange": [DAY, None], "value": written},
    ]
    return {"gridcolor": theme.palette().grid, "tickformatstops": stops, "hoverformat": f"{written} %H:%M"}


def waits(bought: Bought) -> go.Figure:
    """Return how long each glioma took from arrival to signature, as it was read and first in, first out."""
    figure = go.Figure()
    colours = (theme.palette().muted, theme.palette().finding[Finding.GLIOMA])
    for (order, minutes), colour in zip(reversed(list(bought.waits.items())), colours, strict=True):
        figure.add_box(x=list(minutes), name=t(order), marker_color=colour, boxpoints="outliers", orientation="h")
    figure.update_layout(
        **layout(),
        height=200,
        showlegend=False,
        xaxis={
            "gridcolor": theme.palette().grid,
            "rangemode": "tozero",
            "title": {"text": t("minutes to the signature, gliomas")},
        },
        yaxis={"automargin": True},
    )
    return figure


def matrix(counts: NDArray[np.int64]) -> go.Figure:
    """Return the counts of AI against reader."""
    names = [t(finding.label) for finding in Finding]
    figure = go.Figure(
        go.Heatmap(
            z=counts,
            x=names,
            y=names,
            text=counts,
            texttemplate="%{text}",
            colorscale=[[0, theme.palette().grid], [1, theme.palette().full]],
            textfont={"color": theme.palette().text},
            showscale=False,
            hovertemplate=f"{t('AI: %{y}<br>reader: %{x}<br>%{z} studies')}<extra></extra>",
        )
    )
    figure.update_layout(
        **layout(),
        height=280,
        xaxis={"title": {"text": t("reader")}, "automargin": True},
        yaxis={"title": {"text": t("AI")}, "autorange": "reversed", "automargin": True},
    )
    return figure


def times(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the three durations by band: median, 90th percentile and number of studies, one line each."""
    table = []
    for name, (duration, said) in TIMES.items():
        for band, found in insights.by_band(cases, duration).items():
            figures = {"median": minutes(found.median), "p90": minutes(found.p90), "n": found.count}
            table.append({"time": t(name), "counted": t(said), "band": t(band), **figures})
    return pd.DataFrame(table)


def time_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `times`."""
    column = st.column_config.Column
    return {
        "time": column(t("Time")),
        "counted": column(t("What is counted")),
        "band": column(t("Band"), help=t("The band that a study has now")),
        "median": column(t("Median"), help=t("Half of the studies took less")),
        "p90": column(t("90th percentile"), help=t("Nine of ten studies took less")),
        "n": column("n", help=t("Number of studies")),
    }


def classes(counts: NDArray[np.int64]) -> pd.DataFrame:
    """Return for each class how often the AI found what readers called so, and kappa against all other classes."""
    table = []
    for at, finding in enumerate(Finding):
        found = insights.share(int(counts[at, at]), int(counts[:, at].sum()))
        agrees = {"label": t(finding.label), "ai_agrees": part(found)}
        table.append({**agrees, "kappa": kappa(insights.one_class(counts, finding), found.count), "n": found.count})
    return pd.DataFrame(table)


def class_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `classes`."""
    helps = {
        "label": (t("Class of the reader"), t("What readers signed")),
        "ai_agrees": (t("AI agrees"), t("Of the studies that readers called so; with the 95 % interval (Wilson)")),
        "kappa": (
            t("Kappa"),
            t(
                "Cohen's kappa of this class against all others, with its 95 % interval; told from {fewest} studies "
                "that readers called so",
                fewest=insights.FEWEST,
            ),
        ),
        "n": ("n", t("Number of studies that readers called so")),
    }
    return {name: st.column_config.Column(label, help=text) for name, (label, text) in helps.items()}


def groups(found: Mapping[str, Share]) -> pd.DataFrame:
    """Return the agreement of groups of studies."""
    some = list(found.items())[:MOST_GROUPS]
    return pd.DataFrame(
        {
            "group": [table_cell(name) or t("not stated") for name, _ in some],
            "agreement": [part(one) for _, one in some],
            "overridden": [one.count - one.part for _, one in some],
            "n": [one.count for _, one in some],
        }
    )


def group_columns(name: str) -> dict[str, Any]:
    """Return the configuration of the columns of `groups`; `name` says what the groups are of."""
    column = st.column_config.Column
    return {
        "group": column(name),
        "agreement": column(
            t("Agreement"), help=t("Reader and AI name the same class; with the 95 % interval (Wilson)")
        ),
        "overridden": column(t("Overridden"), help=t("Number of studies in which they do not")),
        "n": column("n", help=t("Number of studies read with an AI result")),
    }


def reasons(found: Mapping[str, int]) -> pd.DataFrame:
    """Return how often the AI was overridden for each reason."""
    return pd.DataFrame({"reason": [t(reason) for reason in found], "n": list(found.values())})


def reason_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `reasons`."""
    column = st.column_config.Column
    return {"reason": column(t("Reason")), "n": column("n", help=t("Number of studies"))}


def minutes(value: float) -> str:
    """Return minutes as text."""
    if math.isnan(value):
        return NONE_YET
    if abs(value) < 1:
        return f"{60 * value:.0f} s"
    return f"{number(value)} min" if abs(value) < 600 else f"{number(value / 60, 1)} h"


def earlier_or_later(value: float) -> str:
    """Return how much sooner or later something was, in words: a minus would have to be read twice."""
    if math.isnan(value):
        return NONE_YET
    said = later("{time} later") if value < 0 else later("{time} earlier")
    return t(said, time=minutes(abs(value))) if round(60 * value) else t("no difference")


def mean_change(found: Estimate, count: int) -> str:
    """Return by how much studies were read earlier, as text; of too few, that they are."""
    return earlier_or_later(found.value) if insights.enough(count) else too_few(count)


def change_between(found: Estimate, count: int) -> str:
    """Return the interval of `mean_change` as a sentence; of too few, from how many on there is one."""
    if not insights.enough(count):
        return t("The mean is told from {fewest} studies.", fewest=insights.FEWEST)
    low, high = earlier_or_later(found.low), earlier_or_later(found.high)
    return t("95 % interval (bootstrap): {interval}.", interval=to(low, high))


def kappa(counts: NDArray[np.int64], count: int) -> str:
    """Return kappa with its interval as text; of too few studies, that they are."""
    return estimate(insights.kappa(counts)) if insights.enough(count) else too_few(count)


def too_few(count: int) -> str:
    """Return that a figure would be chance, and how many studies there are."""
    return t("too few (n = {count})", count=count) if count else NONE_YET


def part(share: Share) -> str:
    """Return a share with its interval as text."""
    return f"{percent(share.value)} ({to(percent(share.low), percent(share.high))})" if share.count else NONE_YET


def estimate(found: Estimate) -> str:
    """Return a figure between -1 and 1 with its interval as text."""
    if math.isnan(found.value):
        return NONE_YET
    return f"{number(found.value, 2)} ({to(number(found.low, 2), number(found.high, 2))})"


def to(low: str, high: str) -> str:
    """Return the two ends of an interval as text."""
    return t("{low} to {high}", low=low, high=high)
