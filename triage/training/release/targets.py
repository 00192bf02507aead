"""What the product was asked to reach, held against what a model reaches on patients never seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.domain import Finding
from triage.inference.card import Card
from triage.training.evaluate.metrics import format_figure

Row = Mapping[str, float | None]
HEAD = ("target", "wanted", "reached (95 % interval)", "")
#: By where the figures stand among the card's metrics: name in words, name of the figure, least value wanted.
WANTED = {
    ("test", "figures"): (
        ("accuracy", "accuracy", 0.96),
        ("recall of glioma", f"recall_{Finding.GLIOMA}", 0.97),
        ("recall of meningioma", f"recall_{Finding.MENINGIOMA}", 0.90),
        ("AUROC of glioma", f"auroc_{Finding.GLIOMA}", 0.99),
    ),
    ("test", "glioma_operating_point"): (
        ("sensitivity at the glioma operating point", "sensitivity", 0.95),
        ("specificity there", "specificity", 0.85),
    ),
    ("test", "masks", "figures"): (
        ("Dice", "dice", 0.82),
        ("Dice of gliomas", f"dice_{Finding.GLIOMA}", 0.78),
        ("peak of the map inside the outline", "map_peak_inside_outline", 0.85),
    ),
    ("new_sources", "figures"): (
        ("new sources, AUROC of tumour against none", "auroc", 0.95),
        ("new sources, sensitivity at specificity 0.90", "sensitivity_at_90_specificity", 0.90),
    ),
    ("gate",): (("AUROC of the gate", "auroc", 0.99),),
}
MOST_ECE = 0.03
MOST_REFUSED = 0.01
LEAST_DICE_IN_3D = 0.60


def targets_of(card: Card) -> list[tuple[str, str, str, str]]:
    """Return a row of `HEAD` for each target that the card has a figure for."""
    metrics = card.metrics
    rows = [
        (words, f"{least:.2f} or more", format_figure(found[name]), verdict(found[name], least))
        for path, wanted in WANTED.items()
        if (found := _at(metrics, path))
        for words, name, least in wanted
    ]
    ece = metrics["test"]["figures"]["ece"]
    rows.append(
        ("calibration error (ECE)", f"{MOST_ECE:.2f} or less", format_figure(ece), verdict(_turned(ece), -MOST_ECE))
    )
    source, refused = max(metrics["gate"]["refused"].items(), key=lambda pair: pair[1])
    rows.append(
        (
            "refused by the gate, of the source that fares worst",
            f"less than {MOST_REFUSED:.0%}",
            f"{refused:.2%} of {source}",
            "held" if refused < MOST_REFUSED else "missed",
        )
    )
    if volumes := [row for row in metrics.get("volumes", ()) if row["trial"] is not None]:
        flagged, dice = sum(row["flagged"] for row in volumes), sum(row["dice"] for row in volumes) / len(volumes)
        rows += [
            (
                "volumes flagged as glioma",
                f"{len(volumes)} of {len(volumes)}",
                f"{flagged} of {len(volumes)}",
                "held" if flagged == len(volumes) else "missed",
            ),
            (
                "Dice of volumes in 3D",
                f"{LEAST_DICE_IN_3D:.2f} or more",
                f"{dice:.3f}",
                "held" if dice >= LEAST_DICE_IN_3D else "missed",
            ),
        ]
    return rows


def verdict(row: Row, least: float) -> str:
    """Return in words whether a figure is at least what was wanted, and whether its interval leaves that open."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None or low is None or high is None:
        return "not measurable"
    return ("held" if value >= least else "missed") + (
        ", but the interval reaches over it" if low < least <= high else ""
    )


def _turned(row: Row) -> Row:
    """The same figure where less is better."""
    signs = {name: None if value is None else -value for name, value in row.items()}
    return {"value": signs["value"], "low": signs["high"], "high": signs["low"]}


def _at(metrics: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for name in path:
        metrics = metrics.get(name) or {}
    return metrics
