"""The targets of the product, and whether a model reaches them on patients that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from triage.domain import Finding
from triage.inference.card import Card
from triage.training.evaluate.metrics import format_figure

Row = Mapping[str, float | None]
COLUMNS = ("target", "wanted", "reached (95 % interval)", "result")
#: By the path of the figures in the card's metrics: name of the target, name of the figure, smallest accepted value.
AT_LEAST = {
    ("test", "figures"): (
        ("accuracy", "accuracy", 0.94),
        ("recall of glioma", f"recall_{Finding.GLIOMA}", 0.95),
        ("recall of meningioma", f"recall_{Finding.MENINGIOMA}", 0.91),
        ("AUROC of glioma", f"auroc_{Finding.GLIOMA}", 0.99),
    ),
    ("test", "by_source", "figshare", "figures"): (("accuracy on figshare", "accuracy", 0.95),),
    ("test", "glioma_operating_point"): (
        ("sensitivity at the glioma operating point", "sensitivity", 0.95),
        ("specificity at the glioma operating point", "specificity", 0.85),
    ),
    ("test", "masks", "figures"): (
        ("Dice", "dice", 0.80),
        ("Dice of gliomas", f"dice_{Finding.GLIOMA}", 0.72),
        ("peak of the map inside the outline", "map_peak_inside_outline", 0.88),
    ),
    ("sources_left_out", "figures"): (
        ("sources left out, gliomas in STAT", "gliomas_stat", 0.85),
        ("sources left out, gliomas called glioma", "gliomas_called", 0.75),
    ),
    ("new_sources", "figures"): (
        ("new sources, AUROC of tumour against no tumour", "auroc", 0.95),
        ("new sources, sensitivity at specificity 0.90", "sensitivity_at_90_specificity", 0.90),
    ),
}
#: The same with the largest accepted value.
AT_MOST = {
    ("test", "figures"): (("calibration error (ECE)", "ece", 0.03),),
    ("sources_left_out", "figures"): (
        ("sources left out, gliomas in ROUTINE", "gliomas_routine", 0.05),
        ("sources left out, heads without tumour in STAT", "tumour_free_stat", 0.05),
        ("sources left out, other lesions in ROUTINE", "other_lesions_routine", 0.15),
        ("sources left out, calibration error (ECE)", "ece", 0.08),
    ),
}
#: Share of the brains of a source that the gate refuses, and of other pictures that it lets pass, with the source left
#: out. Sources with fewer pictures than `MIN_PICTURES` do not count for the former.
MAX_REFUSED = 0.01
MAX_PASSED = 0.01
MIN_PICTURES = 100
MIN_DICE_IN_3D = 0.60


def targets_of(card: Card) -> list[tuple[str, str, str, str]]:
    """Return a row of `COLUMNS` for each target whose figure is on the card."""
    metrics = card.metrics
    rows = [
        (words, f"{least:.2f} or more", format_figure(found[name]), verdict(found[name], least))
        for path, wanted in AT_LEAST.items()
        if (found := _at(metrics, path))
        for words, name, least in wanted
    ]
    rows += [
        (words, f"{most:.2f} or less", format_figure(found[name]), verdict(_turned(found[name]), -most))
        for path, wanted in AT_MOST.items()
        if (found := _at(metrics, path))
        for words, name, most in wanted
    ]
    rows += _gate(metrics["gate"])
    if volumes := [row for row in metrics.get("volumes", ()) if row["trial"] is not None]:
        flagged, dice = sum(row["flagged"] for row in volumes), sum(row["dice"] for row in volumes) / len(volumes)
        rows += [
            (
                "volumes flagged as glioma",
                f"{len(volumes)} of {len(volumes)}",
                f"{flagged} of {len(volumes)}",
                "reached" if flagged == len(volumes) else "missed",
            ),
            (
                "Dice of volumes in 3D",
                f"{MIN_DICE_IN_3D:.2f} or more",
                f"{dice:.3f}",
                "reached" if dice >= MIN_DICE_IN_3D else "missed",
            ),
        ]
    return rows


def _gate(gate: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    large = {source: hits / total for source, (hits, total) in gate["refused"].items() if total >= MIN_PICTURES}
    source, refused = max(large.items(), key=lambda pair: pair[1], default=("any source", 0.0))
    others = [counts for name, counts in gate["passed"].items() if not name.startswith("drawn ")]
    hits, total = (sum(column) for column in zip(*others, strict=True)) if others else (0, 0)
    rows = [
        (
            "brains that the gate refuses, in the source with the most",
            f"{MAX_REFUSED:.0%} or less",
            f"{refused:.2%} of {source}",
            "reached" if refused <= MAX_REFUSED else "missed",
        )
    ]
    if total:
        passed = hits / total
        rows.append(
            (
                "real pictures of anything else that the gate lets pass",
                f"{MAX_PASSED:.0%} or less",
                f"{passed:.2%} ({hits} of {total})",
                "reached" if passed <= MAX_PASSED else "missed",
            )
        )
    return rows


def verdict(row: Row, least: float) -> str:
    """Return as text whether a figure reaches its target, and whether the target lies inside its interval."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None or low is None or high is None:
        return "not measurable"
    return ("reached" if value >= least else "missed") + (
        ", but the interval includes the target" if low < least <= high else ""
    )


def _turned(row: Row) -> Row:
    """Return the negated figure, for targets where less is better."""
    signs = {name: None if value is None else -value for name, value in row.items()}
    return {"value": signs["value"], "low": signs["high"], "high": signs["low"]}


def _at(metrics: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    for name in path:
        metrics = metrics.get(name) or {}
    return metrics
