"""What `bench.learning` found, as tables and plots of ``docs/learning-loop.md``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

BEGIN = "<!-- results: written by `python -m bench.learning` -->"
END = "<!-- end of results -->"
PAGE = "learning-loop.md"
#: Sources as they are called in the text.
TITLES = {
    "lgg": "Low-grade gliomas (TCGA-LGG)",
    "br35h": "Tumours and heads of the web (Br35H with navoneel)",
    "nichart": "Healthy heads of one collection (nichart)",
}
COLUMNS = {"before": "serving model", "after": "candidate", "upper": "trained with the source"}


def publish(docs: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write the results into the page, and print them."""
    lines = [line for result in results for line in _section(docs, result)]
    text = (docs / PAGE).read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    (docs / PAGE).write_text(f"{before}{BEGIN}\n\n{chr(10).join(lines).strip()}\n\n{END}{after}")
    (docs / "results" / "learning-loop.json").write_text(json.dumps(results, indent=1) + "\n")
    print("\n".join(lines))


def _section(docs: Path, result: dict[str, Any]) -> list[str]:
    gained = result["gained"]
    name = f"learning-{result['source']}-{result['studies']}.svg"
    _draw(result, docs / "images" / name)
    lines = [
        f"### {TITLES[result['source']]}, {result['studies']:,} studies signed",
        "",
        f"{result['studies']:,} studies of {result['patients']} patients were signed. What was won is measured on all "
        f"{gained['studies']} studies of the {gained['patients']} patients of the test part, by what they show.",
        "",
        f"| | {' | '.join(COLUMNS.values())} | gain of the candidate | share of the gap |",
        "|---|---|---|---|---|---|",
    ]
    for title, row in gained["figures"].items():
        values = " | ".join(f"{row[column]:.3f}" for column in COLUMNS)
        change = f"{row['after'] - row['before']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        lines.append(f"| {title} | {values} | {change} | {_share(row)} |")
    lines += ["", "| candidate | may serve | what stops it |", "|---|---|---|"]
    for row in result["rows"]:
        stops = "; ".join(row["against"])
        lines.append(f"| {row['name']} | {'no' if stops else 'yes'} | {stops or 'nothing'} |")
    lines += ["", "Elsewhere, on the reference set:", "", "| candidate | check | verdict |", "|---|---|---|"]
    for check in result["rows"][0]["checks"]:
        if check["name"].endswith("reference set"):
            lines.append(f"| {result['rows'][0]['name']} | {check['name']} | {check['verdict']}: {check['said']} |")
    return [*lines, "", f"![What the candidate won]({'images/' + name})", ""]


def _draw(result: dict[str, Any], path: Path) -> None:
    figures = result["gained"]["figures"]
    chart = Figure(figsize=(9, 3.6), layout="constrained")
    axes = chart.subplots()
    for place, (column, title) in enumerate(COLUMNS.items()):
        values = [row[column] for row in figures.values()]
        axes.bar([at + (place - 1) * 0.27 for at in range(len(values))], values, 0.27, label=title)
    axes.set_xticks(range(len(figures)), list(figures))
    axes.set_ylim(0, 1)
    axes.grid(axis="y", alpha=0.3)
    chart.legend(loc="outside upper center", ncols=len(COLUMNS))
    chart.savefig(path, format="svg", metadata={"Date": None})


def _share(row: dict[str, Any]) -> str:
    gap = row["upper"] - row["before"]
    return f"{(row['after'] - row['before']) / gap:.0%}" if abs(gap) >= 0.02 else "no gap"
