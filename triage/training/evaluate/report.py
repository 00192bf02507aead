"""The HTML report of an evaluation: one self-contained file with charts and a failure gallery.

It contains pictures of the data set, so it may be stored only where those may be stored. The page itself is the
template ``report.html.j2`` beside this module.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_curve

from triage.training.fit.checkpoints import atomic_write

RELIABILITY_BINS = 10
#: Figures of all pictures, of each class, and of the masks, and their names in the tables.
OVERALL_FIGURES = {"accuracy": "accuracy", "ece": "expected calibration error", "brier": "Brier score"}
CLASS_FIGURES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auroc": "AUROC",
    "sensitivity_at_95_specificity": "sensitivity at 95 % specificity",
}
MASK_FIGURES = {"dice": "Dice", "iou": "IoU", "dice_where_called": "Dice of those that are called a tumour"}
Row = dict[str, float | None]


@dataclass(frozen=True)
class Mistake:
    """A picture with a wrong prediction.

    Attributes
    ----------
    name
        Name of the item.
    truth, predicted
        Names of the classes.
    confidence
        Probability of the predicted class.
    pixels
        ``(side, side)`` uint8, as the network saw it.
    """

    name: str
    truth: str
    predicted: str
    confidence: float
    pixels: NDArray[np.uint8]

    @property
    def jpeg(self) -> str:
        """The picture as JPEG in base64."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, format="JPEG", quality=85)
        return base64.b64encode(buffer.getvalue()).decode()


def write_report(
    path: Path,
    summary: dict[str, Any],
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    mistakes: Sequence[Mistake],
) -> None:
    """Write the report of an evaluation.

    Parameters
    ----------
    path
        HTML file to write.
    summary
        From `triage.training.evaluate.evaluate.evaluate_samples`.
    probabilities, truth
        ``(examples, classes)`` and ``(examples,)``.
    mistakes
        Pictures of the gallery.
    """
    classes, figures = summary["classes"], summary["figures"]
    charts = [
        _confusion(np.array(summary["confusion"]), summary["confusion_shares"]),
        _roc(probabilities, truth, classes),
        _reliability(probabilities, truth),
    ]
    kinds = [*classes, *(["malignancy"] if "auroc_malignancy" in figures else [])]
    page = _template().render(
        summary=summary,
        overall_names=OVERALL_FIGURES,
        overall={"": [figures[name] for name in OVERALL_FIGURES]},
        class_names=CLASS_FIGURES,
        by_class={kind: [figures.get(f"{name}_{kind}") for name in CLASS_FIGURES] for kind in kinds},
        mask_names=MASK_FIGURES,
        masks={"": [summary["masks"]["figures"][name] for name in MASK_FIGURES]} if summary["masks"] else {},
        charts=[_embedded(chart, index) for index, chart in enumerate(charts)],
        mistakes=mistakes,
    )
    with atomic_write(path) as part:
        part.write_text(page)


def _template() -> Template:
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("report.html.j2")


def _embedded(chart: go.Figure, index: int) -> str:
    # The first chart brings the script for all of them.
    page: str = chart.to_html(
        full_html=False, include_plotlyjs=index == 0, div_id=f"chart{index}", config={"displaylogo": False}
    )
    return page


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
    bins = np.minimum((confidence * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    filled = np.unique(bins)
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot"}, name="perfectly calibrated")
    figure.add_scatter(
        x=[confidence[bins == b].mean() for b in filled],
        y=[correct[bins == b].mean() for b in filled],
        text=[f"{(bins == b).sum()} pictures" for b in filled],
        mode="lines+markers",
        name="model",
    )
    return _styled(figure, "Reliability of the predicted class", "mean confidence", "share of correct predictions")


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
