"""The report of an evaluation: one HTML file that needs nothing else, with the failure gallery.

It holds pictures of the data set, so it belongs where those may lie.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_curve

from triage.training.checkpoints import whole

BINS = 10
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
figure { display: inline-block; width: 160px; margin: 0 12px 16px 0; vertical-align: top }
figure img { width: 100%; background: #000 } figcaption { font-size: 12px; overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class Mistake:
    """A picture that the model named wrongly: ``pixels`` as the network saw it, ``(side, side)`` uint8."""

    name: str
    truth: str
    predicted: str
    confidence: float
    pixels: NDArray[np.uint8]


def write_report(
    path: Path,
    summary: dict[str, Any],
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    mistakes: Sequence[Mistake],
) -> None:
    """Write the report of what `triage.training.judge.judge` found."""
    classes = summary["classes"]
    charts = [
        _confusion(np.array(summary["confusion"]), summary["confusion_shares"]),
        _roc(probabilities, truth, classes),
        _reliability(probabilities, truth),
    ]
    pictures = [
        chart.to_html(full_html=False, include_plotlyjs=index == 0, div_id=f"chart{index}")
        for index, chart in enumerate(charts)
    ]
    title = f"Evaluation of {html.escape(summary['model'])}"
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style>",
        f"<h1>{title}</h1><p>Research use only. {_about(summary)}</p>",
        f"<h2>Figures</h2><p>{html.escape(summary['intervals'])}</p>{_table(summary['figures'])}",
        _masks(summary["masks"]),
        *pictures,
        f"<h2>Failure gallery</h2><p>The most confident mistakes first.</p>{''.join(map(_card, mistakes))}",
        _skipped(summary["skipped"]),
        "</html>",
    ]
    with whole(path) as part:
        part.write_text("\n".join(parts))


def _about(summary: dict[str, Any]) -> str:
    counts = ", ".join(f"{html.escape(name)} {count:,}" for name, count in summary["counts"].items())
    notes = "; ".join(map(html.escape, summary["data"]["notes"]))
    return f"{summary['data']['judged']:,} pictures ({html.escape(summary['data']['layout'])}): {counts}. {notes}."


def _table(figures: dict[str, dict[str, float | None]]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name.replace('_', ' '))}</td>"
        + "".join(f"<td class='number'>{'–' if value is None else f'{value:.3f}'}</td>" for value in row.values())
        + "</tr>"
        for name, row in figures.items()
    )
    return f"<table><tr><th>figure</th><th>value</th><th>low</th><th>high</th></tr>{rows}</table>"


def _masks(masks: dict[str, Any] | None) -> str:
    if masks is None:
        return ""
    said = f"{masks['called_tumour']:,} of {masks['pictures']:,} pictures with a mask are called a tumour by stage one."
    return f"<h2>Masks</h2><p>{said} {html.escape(masks['intervals'])}</p>{_table(masks['figures'])}"


def _confusion(table: NDArray[np.int64], shares: dict[str, dict[str, dict[str, float | None]]]) -> go.Figure:
    classes = list(shares)
    cells = [[shares[true][called] for called in classes] for true in classes]
    words = [[_cell(*cell) for cell in zip(*row, strict=True)] for row in zip(table, cells, strict=True)]
    heatmap = go.Heatmap(
        z=[[cell["value"] for cell in row] for row in cells],
        x=classes,
        y=classes,
        text=words,
        texttemplate="%{text}",
        colorscale="Blues",
    )
    figure = go.Figure(heatmap)
    figure.update_layout(title="Confusion: counts, shaded by share of the true class", height=420)
    figure.update_xaxes(title="predicted")
    figure.update_yaxes(title="true", autorange="reversed")
    return figure


def _cell(count: int, share: dict[str, float | None]) -> str:
    if share["value"] is None:
        return str(count)
    return f"{count}<br>{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _roc(probabilities: NDArray[np.float64], truth: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    figure = go.Figure()
    for index, name in enumerate(classes):
        if 0 < (truth == index).sum() < len(truth):
            false, true, _ = roc_curve(truth == index, probabilities[:, index])
            figure.add_scatter(x=false, y=true, mode="lines", name=name)
    figure.update_layout(title="ROC, each class against the rest", height=420)
    figure.update_xaxes(title="1 - specificity")
    figure.update_yaxes(title="sensitivity")
    return figure


def _reliability(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> go.Figure:
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    filled = np.unique(bins)
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot"}, name="means what it says")
    figure.add_scatter(
        x=[confidence[bins == b].mean() for b in filled],
        y=[correct[bins == b].mean() for b in filled],
        text=[f"{(bins == b).sum()} pictures" for b in filled],
        mode="lines+markers",
        name="model",
    )
    figure.update_layout(title="Reliability of the predicted class", height=420)
    figure.update_xaxes(title="mean confidence")
    figure.update_yaxes(title="share that is right")
    return figure


def _card(mistake: Mistake) -> str:
    buffer = io.BytesIO()
    Image.fromarray(mistake.pixels).save(buffer, format="JPEG", quality=85)
    picture = base64.b64encode(buffer.getvalue()).decode()
    said = f"{mistake.truth}, called {mistake.predicted} ({mistake.confidence:.2f})"
    return (
        f"<figure><img alt='{html.escape(said)}' src='data:image/jpeg;base64,{picture}'>"
        f"<figcaption><b>{html.escape(said)}</b><br>{html.escape(mistake.name)}</figcaption></figure>"
    )


def _skipped(skipped: Sequence[dict[str, str]]) -> str:
    if not skipped:
        return ""
    rows = "".join(f"<li>{html.escape(row['path'])}: {html.escape(row['reason'])}</li>" for row in skipped)
    return f"<h2>Skipped files</h2><ul>{rows}</ul>"
