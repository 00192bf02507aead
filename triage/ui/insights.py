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
from triage.insights import Bought, Case, Estimate, Share, Times
from triage.languages.speech import later, number, percent, t
from triage.text import one_line
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


def over_time(counts: Mapping[Band, Sequence[int]], moments: Sequence[datetime]) -> go.Figure:
    """Return the number of waiting studies over time, stacked by band, the most urgent at the bottom."""
    figure = go.Figure()
    for band, values in counts.items():
        figure.add_scatter(
            x=list(moments),
            y=list(values),
            name=t(band),
            stackgroup="waiting",
            line={"color": theme.palette().band[band], "width": 1, "shape": "hv"},
            hovertemplate=f"{t(band)}: {t('%{y} waited at %{x} UTC')}<extra></extra>",
        )
    figure.update_layout(
        **layout(),
        height=240,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis={"gridcolor": theme.palette().grid},
        yaxis={"gridcolor": theme.palette().grid, "rangemode": "tozero", "title": {"text": t("waiting studies")}},
    )
    return figure


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
    """Return the three durations by band: median, 90th percentile and number of studies."""
    table: dict[str, list[str]] = {t("Band"): [t(band) for band in Band]}
    for name, (duration, _) in TIMES.items():
        table[t(name)] = [duration_text(found) for found in insights.by_band(cases, duration).values()]
    return pd.DataFrame(table)


def time_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `times`."""
    taken = later("{said}: half of the studies took less than the first time, nine of ten less than the second")
    return {t(name): st.column_config.Column(help=t(taken, said=t(said))) for name, (_, said) in TIMES.items()}


def classes(counts: NDArray[np.int64]) -> pd.DataFrame:
    """Return for each class how often the AI found what readers called so, and kappa against all other classes."""
    table = []
    for at, finding in enumerate(Finding):
        found = insights.share(int(counts[at, at]), int(counts[:, at].sum()))
        kappa = estimate(insights.kappa(insights.one_class(counts, finding))) if found.count else NONE_YET
        agrees = {t("Reader"): t(finding.label), t("AI agrees"): part(found)}
        table.append({**agrees, t("Kappa"): kappa, "n": found.count})
    return pd.DataFrame(table)


def class_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `classes`."""
    helps = {
        t("AI agrees"): t("Of the studies that readers called so; with the 95 % interval (Wilson)"),
        t("Kappa"): t("Cohen's kappa of this class against all others, with its 95 % interval"),
        "n": t("Number of studies that readers called so"),
    }
    return {name: st.column_config.Column(help=text) for name, text in helps.items()}


def groups(found: Mapping[str, Share]) -> pd.DataFrame:
    """Return the agreement of groups of studies."""
    some = list(found.items())[:MOST_GROUPS]
    return pd.DataFrame(
        {
            t("Group"): [one_line(name) for name, _ in some],
            t("Agreement"): [part(one) for _, one in some],
            t("Overridden"): [one.count - one.part for _, one in some],
            "n": [one.count for _, one in some],
        }
    )


def group_columns() -> dict[str, Any]:
    """Return the configuration of the columns of `groups`."""
    helps = {
        t("Agreement"): t("Reader and AI name the same class; with the 95 % interval (Wilson)"),
        t("Overridden"): t("Number of studies in which they do not"),
        "n": t("Number of studies read with an AI result"),
    }
    return {name: st.column_config.Column(help=text) for name, text in helps.items()}


def minutes(value: float) -> str:
    """Return minutes as text."""
    if math.isnan(value):
        return NONE_YET
    if abs(value) < 1:
        return f"{60 * value:.0f} s"
    return f"{number(value)} min" if abs(value) < 600 else f"{number(value / 60, 1)} h"


def duration_text(found: Times) -> str:
    """Return median, 90th percentile and number of studies as text."""
    return f"{minutes(found.median)}, {minutes(found.p90)} (n = {number(found.count)})" if found.count else NONE_YET


def part(share: Share) -> str:
    """Return a share with its interval as text."""
    return f"{percent(share.value)} ({to(percent(share.low), percent(share.high))})" if share.count else NONE_YET


def estimate(found: Estimate) -> str:
    """Return a figure between -1 and 1 with its interval as text."""
    if math.isnan(found.value):
        return NONE_YET
    return f"{number(found.value, 2)} ({to(number(found.low, 2), number(found.high, 2))})"


def between(found: Estimate) -> str:
    """Return the interval of minutes as text; nothing if there is none."""
    return "" if math.isnan(found.value) else to(minutes(found.low), minutes(found.high))


def to(low: str, high: str) -> str:
    """Return the two ends of an interval as text."""
    return t("{low} to {high}", low=low, high=high)
