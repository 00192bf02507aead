"""What the worklist would do with pictures of sources that a network was not trained on, by source and sequence.

Each is judged as a study of one slice: calibrated probabilities, operating points, prediction set, and the distance
from the training data; then the pictures of each series together. The gate is not among it: its own figures are those
of gates fitted without each source.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Band, Finding
from triage.inference.bands import rank, rank_alone, rank_unusual
from triage.inference.calibration import Calibration, prediction_set
from triage.inference.study import judge_study
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.learning.measures import auroc, calibration_error
from triage.training.evaluate.bands import Judged, bands_by_group, trade_off
from triage.training.evaluate.metrics import (
    BOOTSTRAPS,
    Figure,
    figures_to_json,
    interval,
    mean_of,
    resampled,
    share_among,
)
from triage.training.evaluate.predictions import Predictions, concatenate
from triage.training.evaluate.scorer import resampling_groups
from triage.training.evaluate.series import label_of, series_of
from triage.training.layouts import FINDINGS, UNTYPED


def report_new_sources(
    folds: Sequence[tuple[Predictions, Calibration]], familiar_within: float, draws: int = BOOTSTRAPS
) -> dict[str, Any]:
    """Return all figures on sources that the networks were not trained on, with intervals by patient or cluster.

    Parameters
    ----------
    folds
        Predictions on such sources, with a calibration that was fitted without these sources and without the network
        that made the predictions.
    familiar_within
        Threshold of the distance from the training data.
    draws
        Number of bootstrap draws.

    Returns
    -------
    dict
        ``sources``; ``slices``; ``figures``: shares of the gliomas that stand in ``stat`` and ``routine`` and are
        ``called`` glioma, share of the heads without tumour in ``stat``, share of other lesions in ``routine``,
        ``dice_glioma``, AUROC of glioma and ``ece``; ``bands`` and ``trade_off``, see `triage.training.evaluate.bands`;
        ``series``: the bands of whole series, see `triage.training.evaluate.series`.
    """
    predictions = concatenate([one for one, _ in folds])
    judged = [one for part, calibration in folds for one in _judged(part, calibration, familiar_within)]
    groups, unit = resampling_groups(predictions.items)
    picked = resampled(groups, 0, draws)
    labels = predictions.labels
    glioma, free, other = labels == Finding.GLIOMA, labels == Finding.NOTUMOR, labels == UNTYPED
    probabilities = np.array([one.probabilities for one in judged])
    stat, routine = (np.array([one.band is band for one in judged]) for band in (Band.STAT, Band.ROUTINE))
    called = probabilities.argmax(axis=1) == GLIOMA
    dice = np.where(probabilities.argmax(axis=1) == NOTUMOR, 0.0, predictions.dice)
    figures = {
        "gliomas_stat": share_among(stat, glioma, picked),
        "gliomas_routine": share_among(routine, glioma, picked),
        "gliomas_called": share_among(called, glioma, picked),
        "tumour_free_stat": share_among(stat, free, picked),
        "other_lesions_routine": share_among(routine, other, picked),
        "dice_glioma": mean_of(np.where(glioma & ~np.isnan(predictions.dice), dice, np.nan), picked),
        "auroc_glioma": _over(lambda index: auroc(probabilities[index, GLIOMA], glioma[index]), len(labels), picked),
        "ece": _calibration(probabilities, labels, picked),
    }
    return {
        "on": f"{len(labels):,} slices of sources that the evaluating network was not trained on; intervals by {unit}.",
        "sources": sorted({item.source for item in predictions.items}),
        "slices": len(labels),
        "figures": figures_to_json(figures),
        "bands": bands_by_group(judged, draws),
        "trade_off": trade_off(judged),
        "series": bands_by_group(
            [one for part, calibration in folds for one in _judged_series(part, calibration, familiar_within)], draws
        ),
    }


def _judged(predictions: Predictions, calibration: Calibration, familiar_within: float) -> list[Judged]:
    rows = calibration.fusion.probabilities(predictions.first, predictions.second)
    return [
        Judged(item, None, row, _band(row, calibration, unusual=bool(distance > familiar_within)))
        for item, row, distance in zip(predictions.items, rows, predictions.distance, strict=True)
    ]


def _judged_series(predictions: Predictions, calibration: Calibration, familiar_within: float) -> list[Judged]:
    """Judge each series as `triage.inference.study.judge` does."""
    rows = calibration.fusion.probabilities(predictions.first, predictions.second)

    def judged(slices: NDArray[np.intp]) -> Judged:
        study = judge_study([rows[slices].tolist()], calibration.points, calibration.window_points)
        possible = prediction_set(study.probabilities, calibration.conformal.least)
        band = rank(study.probabilities, study.points, possible).band
        if band is Band.ROUTINE and rank_alone(float((1 - rows[slices, NOTUMOR]).max()), ""):
            band = Band.URGENT
        unusual = predictions.distance[slices[study.slice]] > familiar_within
        if band is Band.ROUTINE and unusual and rank_unusual(study.probabilities):
            band = Band.URGENT
        item = replace(predictions.items[slices[0]], label=label_of([predictions.items[at] for at in slices]))
        return Judged(item, None, np.array([study.probabilities[finding] for finding in FINDINGS]), band)

    return [judged(slices) for slices in series_of(predictions.items, predictions.folds.tolist())]


def _band(row: NDArray[np.float64], calibration: Calibration, *, unusual: bool) -> Band:
    probabilities = dict(zip(FINDINGS, map(float, row), strict=True))
    ranking = rank(probabilities, calibration.points, prediction_set(probabilities, calibration.conformal.least))
    if unusual and ranking.band is Band.ROUTINE:
        ranking = rank_unusual(probabilities) or ranking
    return ranking.band


def _calibration(
    probabilities: NDArray[np.float64], labels: NDArray[np.str_], picked: Sequence[NDArray[np.intp]]
) -> Figure:
    typed = np.isin(labels, FINDINGS)
    truth = np.array(
        [FINDINGS.index(Finding(label)) if known else 0 for label, known in zip(labels, typed, strict=True)]
    )

    def error(index: NDArray[np.intp]) -> float:
        index = index[typed[index]]
        return calibration_error(probabilities[index], truth[index]) if len(index) else float("nan")

    return _over(error, len(labels), picked)


def _over(metric: Callable[[NDArray[np.intp]], float], count: int, picked: Sequence[NDArray[np.intp]]) -> Figure:
    return Figure(metric(np.arange(count)), *interval([metric(index) for index in picked]))
