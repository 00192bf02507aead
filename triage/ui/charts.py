"""Plotly figure: the waiting studies by probability.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from triage.domain import Band, OperatingPoints
from triage.languages.speech import number, t
from triage.ui import theme


def layout() -> dict[str, Any]:
    """Return what all charts have in common."""
    return {
        "margin": {"l": 0, "r": 0, "t": 4, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": theme.palette().text, "size": 13},
        "separators": number(1000.5, 1)[-2] + number(1000)[1],  # of decimals and thousands
    }


def queue_strip(
    histogram: Mapping[Band, Sequence[int]], single: OperatingPoints, window: OperatingPoints | None
) -> go.Figure:
    """Return the waiting studies over P(glioma), stacked by band, with the glioma operating points.

    Parameters
    ----------
    histogram
        Counts in equal bins from 0 to 1, as `QueueSummary.histogram` holds them.
    single
        Operating points of a slice by the deployed model.
    window
        Those of neighbouring slices together; None if they are the same.
    """
    figure = go.Figure()
    for band, counts in histogram.items():
        width = 1 / len(counts)
        figure.add_bar(
            x=(np.arange(len(counts)) + 0.5) * width,
            y=list(counts),
            width=width * 0.9,
            name=t(band),
            marker_color=theme.palette().band[band],
            hovertemplate=f"{t(band)}: {t('%{y} studies near P(glioma) %{x:.2f}')}<extra></extra>",
        )
    lines = {t("glioma operating point"): single.glioma}
    if window is not None:
        lines = {
            t("operating point, one slice"): single.glioma,
            t("operating point, three slices together"): window.glioma,
        }
    for label, at in lines.items():
        figure.add_vline(x=at, line={"color": theme.palette().text, "dash": "dot", "width": 1})
        figure.add_annotation(
            x=at,
            y=1,
            yref="paper",
            text=f" {label}",
            showarrow=False,
            xanchor="left",
            yanchor="top",
            font={"size": 11, "color": theme.palette().muted},
        )
    figure.update_layout(
        **layout(),
        barmode="stack",
        height=190,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        xaxis={
            "range": [0, 1],
            "title": {"text": t("P(glioma) of the waiting studies"), "standoff": 12},
            "automargin": True,
            "gridcolor": theme.palette().grid,
            "dtick": 0.1,
        },
        yaxis={"gridcolor": theme.palette().grid, "nticks": 3, "rangemode": "tozero"},
    )
    return figure
