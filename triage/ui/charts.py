"""Plotly figures: the waiting studies by probability, and the probabilities of a study.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from triage.domain import Band, Finding, OperatingPoints
from triage.ui import theme


def layout() -> dict[str, Any]:
    """Return what all charts have in common."""
    return {
        "margin": {"l": 0, "r": 0, "t": 4, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": theme.palette().text, "size": 13},
    }


def queue_strip(histogram: Mapping[Band, Sequence[int]], points: OperatingPoints) -> go.Figure:
    """Return the waiting studies over P(glioma), stacked by band, with the glioma operating point.

    Parameters
    ----------
    histogram
        Counts in equal bins from 0 to 1, as `QueueSummary.histogram` holds them.
    points
        Operating points of the deployed model.
    """
    figure = go.Figure()
    for band, counts in histogram.items():
        width = 1 / len(counts)
        figure.add_bar(
            x=(np.arange(len(counts)) + 0.5) * width,
            y=list(counts),
            width=width * 0.9,
            name=band,
            marker_color=theme.palette().band[band],
            hovertemplate=f"{band}: %{{y}} studies near P(glioma) %{{x:.2f}}<extra></extra>",
        )
    figure.add_vline(x=points.glioma, line={"color": theme.palette().text, "dash": "dot", "width": 1})
    figure.add_annotation(
        x=points.glioma,
        y=1,
        yref="paper",
        text=" glioma operating point",
        showarrow=False,
        xanchor="left",
        yanchor="top",
        font={"size": 11, "color": theme.palette().muted},
    )
    figure.update_layout(
        **layout(),
        barmode="stack",
        height=150,
        legend={"orientation": "h", "y": 1.0, "yanchor": "top", "x": 1, "xanchor": "right"},
        xaxis={
            "range": [0, 1],
            "title": {"text": "P(glioma) of the waiting studies", "standoff": 4},
            "automargin": True,
            "gridcolor": theme.palette().grid,
            "dtick": 0.1,
        },
        yaxis={"gridcolor": theme.palette().grid, "nticks": 3, "rangemode": "tozero"},
    )
    return figure


def probabilities(values: Mapping[Finding, float]) -> go.Figure:
    """Return the class probabilities as horizontal bars, in the order of the classes."""
    findings = list(reversed(Finding))
    figure = go.Figure(
        go.Bar(
            x=[values[finding] for finding in findings],
            y=[finding.label for finding in findings],
            orientation="h",
            marker_color=[theme.palette().finding[finding] for finding in findings],
            text=[f"{values[finding]:.1%}" for finding in findings],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    figure.update_layout(
        **layout(),
        height=150,
        xaxis={"range": [0, 1.15], "visible": False},
        yaxis={"automargin": True, "ticksuffix": "  "},
        bargap=0.3,
    )
    return figure
