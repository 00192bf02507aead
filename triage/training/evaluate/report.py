"""The report of an evaluation: one HTML file that needs nothing else, with the failure gallery.

It holds pictures of the data set, so it belongs where those may lie.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_curve

from triage.training.fit.checkpoints import atomic_write

BINS = 10
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
h2 { margin: 2rem 0 .3rem }
table { border-collapse: collapse; width: 100%; margin: .8rem 0 }
td, th { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid #e3e8ee }
td { font-variant-numeric: tabular-nums; white-space: nowrap } td small { color: #5b6b7b }
.charts { display: grid; grid-template-columns: 1fr 1fr } .charts > div { min-width: 0 }
@media (max-width: 900px) { .charts { grid-template-columns: 1fr } }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 16px 14px }
figure { margin: 0 } figure img { width: 100%; background: #000; border-radius: 3px }
figcaption { font-size: 12px; line-height: 1.35; overflow-wrap: anywhere } figcaption span { color: #5b6b7b }
"""
#: What the tables call the figures of the whole, of each class, and of the masks.
WHOLE = {"accuracy": "accuracy", "ece": "expected calibration error", "brier": "Brier score"}
PER_CLASS = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auroc": "AUROC",
    "sensitivity_at_95_specificity": "sensitivity at 95 % specificity",
}
MASKS = {"dice": "Dice", "iou": "IoU", "dice_where_called": "Dice where stage one calls a tumour"}
Row = dict[str, float | None]


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
    """Write the report of what `triage.training.evaluate.evaluate.judge` found."""
    classes = summary["classes"]
    charts = [
        _confusion(np.array(summary["confusion"]), summary["confusion_shares"]),
        _roc(probabilities, truth, classes),
        _reliability(probabilities, truth),
    ]
    table, *pair = [
        chart.to_html(
            full_html=False, include_plotlyjs=index == 0, div_id=f"chart{index}", config={"displaylogo": False}
        )
        for index, chart in enumerate(charts)
    ]
    title = f"Evaluation of {html.escape(summary['model'])}"
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style>",
        f"<h1>{title}</h1><p>Research use only. {_about(summary)}</p>",
        f"<h2>Figures</h2><p>Intervals: {html.escape(summary['intervals'])}.</p>{_figures(summary)}",
        _masks(summary["masks"]),
        f"{table}<div class='charts'>{''.join(f'<div>{picture}</div>' for picture in pair)}</div>",
        "<h2>Failure gallery</h2><p>The most confident mistakes first, as the network saw them.</p>",
        f"<div class='gallery'>{''.join(map(_card, mistakes))}</div>",
        _skipped(summary["skipped"]),
        "</html>",
    ]
    with atomic_write(path) as part:
        part.write_text("\n".join(parts))


def _about(summary: dict[str, Any]) -> str:
    counts = ", ".join(f"{html.escape(name)} {count:,}" for name, count in summary["counts"].items())
    notes = "; ".join(map(html.escape, summary["data"]["notes"]))
    judged, layout = summary["data"]["judged"], html.escape(summary["data"]["layout"])
    return f"{judged:,} pictures ({layout}): {counts}.<br>Judged on: {notes}."


def _figures(summary: dict[str, Any]) -> str:
    figures: dict[str, Row] = summary["figures"]
    kinds = [*summary["classes"], *(["malignancy"] if "auroc_malignancy" in figures else [])]
    rows = {name: [figures.get(f"{figure}_{name}") for figure in PER_CLASS] for name in kinds}
    return _table(WHOLE.values(), {"": [figures[name] for name in WHOLE]}) + _table(PER_CLASS.values(), rows)


def _masks(masks: dict[str, Any] | None) -> str:
    if masks is None:
        return ""
    said = f"{masks['called_tumour']:,} of {masks['pictures']:,} pictures with a mask are called a tumour by stage one."
    table = _table(MASKS.values(), {"": [masks["figures"][name] for name in MASKS]})
    return f"<h2>Masks</h2><p>{said} Intervals: {html.escape(masks['intervals'])}.</p>{table}"


def _table(columns: Iterable[str], rows: Mapping[str, Sequence[Row | None]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("", *columns))
    body = "".join(
        f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{_number(figure)}</td>' for figure in figures)}</tr>"
        for name, figures in rows.items()
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(figure: Row | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} <small>({figure['low']:.3f} to {figure['high']:.3f})</small>"


def _confusion(table: NDArray[np.int64], shares: dict[str, dict[str, Row]]) -> go.Figure:
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
        showscale=False,
    )
    figure = go.Figure(heatmap)
    figure.update_yaxes(autorange="reversed")
    return _styled(figure, "Confusion: counts, and shares of the true class", "predicted", "true")


def _cell(count: int, share: Row) -> str:
    if share["value"] is None:
        return str(count)
    return f"{count}<br>{share['value']:.0%} ({share['low']:.0%} to {share['high']:.0%})"


def _roc(probabilities: NDArray[np.float64], truth: NDArray[np.int64], classes: Sequence[str]) -> go.Figure:
    figure = go.Figure()
    for index, name in enumerate(classes):
        if 0 < (truth == index).sum() < len(truth):
            false, true, _ = roc_curve(truth == index, probabilities[:, index])
            figure.add_scatter(x=false, y=true, mode="lines", name=name)
    return _styled(figure, "ROC, each class against the rest", "1 - specificity", "sensitivity")


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
    return _styled(figure, "Reliability of the predicted class", "mean confidence", "share that is right")


def _styled(figure: go.Figure, title: str, across: str, up: str) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        title=title,
        height=440,
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#1c2733"},
        legend={"orientation": "h", "y": -0.2},
        margin={"l": 70, "r": 20, "t": 60, "b": 60},
    )
    figure.update_xaxes(title=across)
    figure.update_yaxes(title=up)
    return figure


def _card(mistake: Mistake) -> str:
    buffer = io.BytesIO()
    Image.fromarray(mistake.pixels).save(buffer, format="JPEG", quality=85)
    picture = base64.b64encode(buffer.getvalue()).decode()
    said = f"{mistake.truth}, called {mistake.predicted} ({mistake.confidence:.2f})"
    return (
        f"<figure><img alt='{html.escape(said)}' src='data:image/jpeg;base64,{picture}'>"
        f"<figcaption><b>{html.escape(said)}</b><br><span>{html.escape(mistake.name)}</span></figcaption></figure>"
    )


def _skipped(skipped: Sequence[dict[str, str]]) -> str:
    if not skipped:
        return ""
    rows = "".join(f"<li>{html.escape(row['path'])}: {html.escape(row['reason'])}</li>" for row in skipped)
    return f"<h2>Skipped files</h2><ul>{rows}</ul>"
