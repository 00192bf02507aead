"""Write the tables and the plot in the docs from the results of `triage.training.evaluate.compare`.

Tested in tests/training/evaluate/test_compare.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Chart

from triage.errors import TriageError
from triage.training.evaluate.compare import PROTOCOLS
from triage.training.evaluate.metrics import Figure
from triage.training.fit.checkpoints import atomic_write
from triage.training.fit.recipe import load_recipe, names

BEGIN = "<!-- results: written by `python -m triage compare` -->"
END = "<!-- end of results -->"
RECIPES_PAGE = "recipes.md"
SPLITS_PAGE = "honest-evaluation.md"
PLOT = "honest.png"


class DocsError(TriageError):
    """A page lacks the comments that mark the place of its results."""


def publish(docs: Path) -> None:
    """Update the tables of both pages and the plot.

    Raises
    ------
    DocsError
        If a page lacks the two comments that enclose its results.
    """
    rows = read_results(docs / "results")
    _replace(docs / RECIPES_PAGE, "\n".join([*_recipe_table(), "", *_run_table(rows)]))
    _replace(docs / SPLITS_PAGE, "\n".join(_splits_table(rows)))
    if rows:
        draw(rows, docs / "results" / PLOT)


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return all results, sorted by recipe, network and split."""
    order = {protocol.name: place for place, protocol in enumerate(PROTOCOLS)}
    rows = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]
    return sorted(rows, key=lambda row: (row["recipe"], _network(row), order[row["way"]]))


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw the accuracy with its interval, by recipe and split."""
    series = sorted({_title(row) for row in rows})
    chart = Chart(figsize=(9, 4.2), layout="constrained")
    axes = chart.subplots()
    width = 0.8 / len(PROTOCOLS)
    for place, protocol in enumerate(PROTOCOLS):
        mine = [row for row in rows if row["way"] == protocol.name]
        if not mine:
            continue
        figures = [_figure(row, "accuracy") for row in mine]
        values = [figure.value for figure in figures]
        error = [[figure.value - figure.low for figure in figures], [figure.high - figure.value for figure in figures]]
        x = np.array([series.index(_title(row)) for row in mine]) + (place - (len(PROTOCOLS) - 1) / 2) * width
        axes.bar(x, values, width, yerr=error, capsize=3, label=protocol.name)
    axes.set_xticks(range(len(series)), series)
    axes.set_ylabel("accuracy on the test part, 95 % interval")
    axes.set_ylim(0, 1)
    axes.grid(axis="y", alpha=0.3)
    chart.legend(loc="outside upper center", ncols=len(PROTOCOLS))
    with atomic_write(path) as part:
        chart.savefig(part, format="png", dpi=110)


def _recipe_table() -> list[str]:
    lines = ["| recipe | reproduces | published result |", "|---|---|---|"]
    for name in names():
        recipe = load_recipe(name)
        lines.append(f"| `{name}` | {recipe.reproduces} | {recipe.published} |")
    return lines


def _run_table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["There are no results yet."]
    lines = [
        "| recipe | network | starting weights | split | training / validation / test | epochs (kept) | reduced | "
        "training accuracy | test accuracy | network's share of the time | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        pictures = " / ".join(f"{row['pictures'][part]:,}" for part in ("train", "validation", "test"))
        training = "–" if row["training_accuracy"] is None else f"{row['training_accuracy']:.3f}"
        cells = (
            f"`{row['recipe']}`",
            _network(row),
            row["started_from"],
            row["way"],
            pictures,
            f"{row['epochs']} ({row['kept_epoch']})",
            row["reduced"] or "no",
            training,
            str(_figure(row, "accuracy")),
            f"{row['network_share']:.0%}",
            f"{row['seconds'] / 60:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _splits_table(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["There are no results yet."]
    lines = [
        "| recipe | split | test pictures | accuracy | AUROC | recall | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        kind = "malignancy" if "auroc_malignancy" in row["figures"] else "tumor"
        recall = "glioma" if kind == "malignancy" else "tumor"
        cells = (
            _title(row).replace("\n", ", "),
            row["way"],
            f"{row['pictures']['test']:,}",
            str(_figure(row, "accuracy")),
            f"{kind} {_figure(row, f'auroc_{kind}')}",
            f"{recall} {_figure(row, f'recall_{recall}')}",
            str(_figure(row, "ece")),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f"![Accuracy of each recipe by split](results/{PLOT})"]


def _figure(row: dict[str, Any], name: str) -> Figure:
    return Figure(**{key: float("nan") if value is None else value for key, value in row["figures"][name].items()})


def _network(row: dict[str, Any]) -> str:
    network: dict[str, Any] = row["network"]
    return str(network.get("name") or network["kind"])


def _title(row: dict[str, Any]) -> str:
    return f"{row['recipe']}\n{_network(row)}"


def _replace(page: Path, results: str) -> None:
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DocsError(f"{page} has no place for its results. Add the lines {BEGIN} and {END} around it.")
    with atomic_write(page) as part:
        part.write_text(f"{before}{BEGIN}\n\n{results}\n\n{END}{after}")
