"""What the worklist would do with each picture: refuse it, or put it into a band, by source and sequence.

Every picture is judged as a study of one slice, as it is served: quality gate, distance from the training data, both
looks, calibration, band. So the figures hold for the product, not for the network alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Band, Finding, Series, SeriesHeader
from triage.inference.runtime import Runtime
from triage.inference.study import judge
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.evaluate.metrics import BOOTSTRAPS, figures_to_json, mean_of, resampled
from triage.training.evaluate.scorer import resampling_groups
from triage.training.layouts import FINDINGS, Item, load_slice
from triage.training.layouts.loading import in_threads

#: Operating points for tumours that `trade_off` shows.
POINTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture, and what the worklist would do with it.

    Attributes
    ----------
    item
        The picture.
    refused
        Why it is not analysable; None if it is.
    probabilities
        ``(classes,)``; all nan if the picture was refused.
    band
        None if the picture was refused.
    """

    item: Item
    refused: str | None
    probabilities: NDArray[np.float64]
    band: Band | None


def judge_pictures(runtime: Runtime, root: Path, items: Sequence[Item]) -> list[Judged]:
    """Judge pictures as the product does, each as a study of one slice."""

    def judged(item: Item) -> Judged:
        study = judge((Series(SeriesHeader(), (load_slice(root, item),)),), runtime)
        if isinstance(study, str):
            return Judged(item, study, np.full(len(FINDINGS), np.nan), None)
        return Judged(item, None, np.array([study.probabilities[finding] for finding in FINDINGS]), study.ranking.band)

    return list(in_threads(judged, items, "Judging the pictures"))


def bands_by_group(judged: Sequence[Judged], draws: int = BOOTSTRAPS) -> list[dict[str, Any]]:
    """Return, for each label, source and sequence and for each label in all, what happened to the pictures.

    Returns
    -------
    list of dict
        ``label``, ``group`` (source and sequence, or "all"), ``pictures``, ``patients`` (or clusters), ``figures``:
        shares of all pictures that were ``refused`` or stand in ``stat``, ``urgent`` or ``routine``, and, for one of
        the four classes, ``called`` so, with intervals by patient.
    """
    groups: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for one in judged:
        groups[one.item.label, "all"].append(one)
        groups[one.item.label, one.item.group].append(one)
    return [_row(label, group, members, draws) for (label, group), members in sorted(groups.items())]


def trade_off(judged: Iterable[Judged], points: Sequence[float] = POINTS) -> list[dict[str, float]]:
    """Return what each operating point for tumours would cost, in pictures that were not refused.

    Returns
    -------
    list of dict
        ``point``; ``gliomas_below``: share of the gliomas with a lower P(tumour), which would be routine;
        ``tumour_free_above``: share of the pictures without tumour at or above it, which would be urgent.
    """
    scored = [one for one in judged if one.band is not None]
    tumour = {
        label: np.array([1 - one.probabilities[NOTUMOR] for one in scored if one.item.label == label])
        for label in (FINDINGS[GLIOMA], FINDINGS[NOTUMOR])
    }
    return [
        {
            "point": point,
            "gliomas_below": _share(tumour[FINDINGS[GLIOMA]] < point),
            "tumour_free_above": _share(tumour[FINDINGS[NOTUMOR]] >= point),
        }
        for point in points
    ]


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return `bands_by_group` as a Markdown table."""
    names = ("refused", "stat", "urgent", "routine", "called")
    lines = [
        "| label | source, sequence | pictures | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        values = (_written(row["figures"].get(name)) for name in names)
        lines.append(f"| {row['label']} | {row['group']} | {row['pictures']:,} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _row(label: str, group: str, members: Sequence[Judged], draws: int) -> dict[str, Any]:
    groups, _ = resampling_groups([one.item for one in members])
    picked = resampled(groups, 0, draws)
    values = {"refused": np.array([one.refused is not None for one in members], np.float64)}
    for band in Band:
        values[band.value.lower()] = np.array([one.band is band for one in members], np.float64)
    if label in FINDINGS:
        wanted = FINDINGS.index(Finding(label))
        values["called"] = np.array(
            [one.band is not None and one.probabilities.argmax() == wanted for one in members], np.float64
        )
    return {
        "label": label,
        "group": group,
        "pictures": len(members),
        "patients": len(set(groups)),
        "figures": figures_to_json({name: mean_of(row, picked) for name, row in values.items()}),
    }


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4) if hits.size else float("nan")


def _written(figure: dict[str, float | None] | None) -> str:
    if figure is None or figure["value"] is None:
        return ""
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
