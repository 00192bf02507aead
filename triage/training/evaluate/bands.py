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

from triage.domain import Band, Finding
from triage.inference.bands import rank, rank_alone
from triage.inference.calibration import Calibration, prediction_set
from triage.inference.card import ONNX, read_card
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.inference.views import FRAME
from triage.scans.quality.gate import not_analysable
from triage.training.evaluate.metrics import BOOTSTRAPS, figures_to_json, mean_of, resampled
from triage.training.evaluate.scorer import resampling_groups
from triage.training.layouts import FINDINGS, Item, load_slice
from triage.training.layouts.loading import in_threads

#: Operating points for tumours that `trade_off` shows.
POINTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
UNFAMILIAR = "Unlike the training data"


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


@dataclass(frozen=True)
class Served:
    """A network with all that its answers depend on when it serves.

    Attributes
    ----------
    network, calibration
        The network in its serving form, and what was fitted for it.
    familiar_within
        Largest distance of the features at which a slice is analysable.
    """

    network: Network
    calibration: Calibration
    familiar_within: float

    def judge(self, root: Path, items: Sequence[Item]) -> list[Judged]:
        """Judge pictures, each as a study of one slice."""
        return list(in_threads(lambda item: self._judge(root, item), items, "Judging the pictures"))

    def _judge(self, root: Path, item: Item) -> Judged:
        slice_ = load_slice(root, item)
        nothing = np.full(len(FINDINGS), np.nan)
        if reason := not_analysable(slice_):
            return Judged(item, reason, nothing, None)
        first, second = self.network.look_twice(prepare(slice_.pixels, FRAME)[0])
        if first.distance > self.familiar_within:
            return Judged(item, UNFAMILIAR, nothing, None)
        answer = self.calibration.fusion.probabilities(first.log_probabilities[None], second.log_probabilities[None])[0]
        return Judged(item, None, answer, self.band_of(answer))

    def band_of(self, answer: NDArray[np.float64]) -> Band:
        """Return the band of a study of one slice with these probabilities."""
        by_class = dict(zip(FINDINGS, map(float, answer), strict=True))
        ranking = rank(by_class, self.calibration.points, prediction_set(by_class, self.calibration.conformal.least))
        if ranking.band is Band.ROUTINE:
            ranking = rank_alone(1 - by_class[Finding.NOTUMOR], "This slice") or ranking
        return ranking.band


def served(folder: Path) -> Served:
    """Return the network of a model folder.

    Raises
    ------
    ModelError
        If the folder fails the checks of `read_card`.
    """
    card = read_card(folder)
    calibration = Calibration(card.fusion, card.operating_points, {}, card.conformal)
    return Served(Network(folder / ONNX), calibration, card.familiar_within)


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
