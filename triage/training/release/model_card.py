"""``MODEL_CARD.md``: the card in words, for whoever decides whether to use the model; no number is typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triage.inference.card import Card
from triage.training.evaluate.metrics import format_figure
from triage.training.layouts import FINDINGS
from triage.training.release.targets import HEAD, targets_of

INTENDED = (
    "Research use only; not a medical device. It sorts a worklist of brain MRI by the probability of a glioma and "
    "shows the reader where it looked. A radiologist reads every study: it may change the order, never what is read."
)
OUT_OF_SCOPE = (
    "A diagnosis without a reader; any decision on treatment; children; CT and other modalities; organs other than the "
    "brain; lesions other than the three tumours; follow-up after surgery, which it has not been judged on."
)


def model_card(card: Card) -> str:
    """Return the card as Markdown."""
    test = card.metrics["test"]
    parts = [
        f"# {card.name}",
        f"{card.architecture}. Made {card.created}; input {card.input_size} px; sha256 `{card.sha256}`.",
        "## Intended use",
        INTENDED,
        "## Out of scope",
        OUT_OF_SCOPE,
        "## Data",
        card.training["data"],
        f"{card.training['summary']} {card.training['images']:,} pictures.",
        "## Targets",
        "What the product was asked to reach, and what it reaches on patients that the judging network never saw; how "
        "each figure was got stands further down.",
        _table(HEAD, targets_of(card)),
        "## Figures",
        f"Of the trials, not of the network that ships: for it no patient of these data is new. {test['on']} On the "
        f"same slices, all of them seen in training, the accuracy of what ships is "
        f"{card.metrics['ships']['accuracy_on_pictures_seen']:.3f}: no evidence but that it works.",
        _table(
            ("figure", "value (95 % interval)"),
            [(name, format_figure(row)) for name, row in test["figures"].items()],
        ),
        "By source:",
        _table(
            ("source", "slices", "accuracy", *(f"recall {finding.value}" for finding in FINDINGS)),
            [
                (
                    source,
                    f"{row['slices']:,}",
                    format_figure(row["figures"]["accuracy"]),
                    *(format_figure(row["figures"][f"recall_{finding.value}"]) for finding in FINDINGS),
                )
                for source, row in test["by_source"].items()
            ],
        ),
        _operating(card),
        "## Masks and maps",
        f"{test['masks']['slices']:,} slices with an outline; Dice is 0 where the slice is called no tumour, since no "
        "mask is drawn there. The peak of the map of the answer lies inside the outline in the share given; where the "
        "slice is called no tumour there is none.",
        _table(
            ("figure", "value (95 % interval)"),
            [(n, format_figure(row)) for n, row in test["masks"]["figures"].items()],
        ),
        _sets(card),
        _gate(card),
        *_new_sources(card.metrics.get("new_sources")),
        *_volumes(card.metrics.get("volumes", [])),
        "## Known limits and shortcuts",
        "\n".join(f"* {limit}" for limit in card.training["limits"]),
        "## What it gets wrong, in words",
        "\n".join(f"* {failure}" for failure in card.training["failures"]),
        "## What was tried and failed",
        "Every run, the failures too, is in `docs/model-log.md`.",
    ]
    return "\n\n".join(parts) + "\n"


def _operating(card: Card) -> str:
    test, points = card.metrics["test"], card.operating_points
    at_point, tumour = test["glioma_operating_point"], test["tumour_against_none"]
    return (
        f"Glioma operating point (STAT) {points.glioma}; cross-fitted, its sensitivity is "
        f"{format_figure(at_point['sensitivity'])} and its specificity {format_figure(at_point['specificity'])}. "
        f"Tumour operating point (URGENT) {points.tumour}. Tumour against none, untyped tumours included "
        f"({tumour['slices']:,} slices): AUROC {format_figure(tumour['auroc'])}. {_unknown_type(test['unknown_type'])}"
    )


def _unknown_type(unknown: dict[str, Any]) -> str:
    called = ", ".join(f"{name} {count}" for name, count in unknown["called"].items())
    return (
        f"The {unknown['slices']} tumours without a type are called: {called}; "
        f"{unknown['at_glioma_operating_point']} reach the glioma operating point. What they are nobody noted."
    )


def _sets(card: Card) -> str:
    sets = card.metrics["test"]["prediction_sets"]
    covered = ", ".join(f"{name} {share:.3f}" for name, share in sets["coverage"].items())
    return (
        f"## Prediction sets\n\nClass-conditional conformal sets at {card.conformal.coverage:.0%}; cross-fitted "
        f"coverage: {covered}. {sets['classes_in_a_set']} classes in a set on average, one class only in "
        f"{sets['one_class_only']:.0%} of the slices. The guarantee is for slices like these, not for new sources."
    )


def _gate(card: Card) -> str:
    gate = card.metrics["gate"]
    refused = ", ".join(f"{source} {share:.2%}" for source, share in gate["refused"].items())
    strangers = ", ".join(f"{kind} {held} of {tried}" for kind, (held, tried) in gate["ood_images"].items())
    return (
        "## Gate\n\nChecks of gray values and outline, then the distance of the network's features to those of its "
        f"training slices: familiar up to {gate['familiar_within']}, chosen on the held-out slices so that no source "
        f"is turned away. AUROC of held-out MRI against other pictures {format_figure(gate['auroc'])}. Held-out slices "
        f"refused, by source: {refused}. Other pictures refused: {strangers}. Those are drawn, or "
        "photographs that ship with scikit-learn and Matplotlib; real CT and other organs on MRI were not tried."
    )


def _new_sources(new: dict[str, Any] | None) -> list[str]:
    if not new:
        return []
    names = list(new["figures"])
    return [
        "## Sources that a network knows nothing of",
        f"A trial of the same recipe on {', '.join(new['trained_on'])} alone, judged on "
        f"{' and '.join(new['judged_on'])}: tumour against none, {new['slices']:,} slices, {new['tumours']:,} with a "
        "tumour, one of each cluster; "
        f"{new['copies_left_out']:,} clusters with a likely copy among what it was trained on are left out. Operating "
        f"point, fusion and calibration come from its own sources; sensitivity and specificity are at that point. The "
        f"gate would refuse {new['unfamiliar']:.1%}.",
        _table(
            ("source", *(name.replace("_", " ") for name in names)),
            [
                (source, *(format_figure(figures[name]) for name in names))
                for source, figures in {"together": new["figures"], **new["by_source"]}.items()
            ],
        ),
    ]


def _volumes(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    flagged = sum(row["flagged"] for row in rows)
    called = sum(row["finding"] == row["label"] for row in rows)
    empty, alarms = (sum(row[name] for row in rows) for name in ("empty_stretches", "empty_stretches_flagged"))
    return [
        "## Volumes, judged as studies",
        f"Each by a network that was trained on none of its patient: {flagged} of {len(rows)} are flagged as glioma, "
        f"{called} are given their class; mean Dice in 3D {sum(row['dice'] for row in rows) / len(rows):.3f}. Of their "
        f"{empty} stretches of three or more slices without tumour, {alarms} would be flagged as studies. Other "
        "patients of the same source may stand in its training; the rule for studies was chosen with these volumes in "
        "view.",
        _table(
            (
                "trial",
                "volume",
                "finding",
                "P(glioma)",
                "Dice",
                "tumour slices called glioma",
                "empty ones called tumour",
            ),
            [
                (
                    "ships" if row["trial"] is None else f"fold {row['trial']}",
                    row["volume"],
                    row["finding"],
                    f"{row['malignancy']:.2f}",
                    f"{row['dice']:.2f}",
                    f"{row['tumour_slices_called_glioma']} of {row['tumour_slices']}",
                    f"{row['empty_slices_called_tumour']} of {row['empty_slices']}",
                )
                for row in rows
            ],
        ),
    ]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
