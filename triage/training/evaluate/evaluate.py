"""``python -m triage evaluate``: metrics of a model on a data set with intervals, as JSON and as an HTML report.

Tested in tests/training/fit/test_run.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from triage.domain import Finding
from triage.inference.card import CARD
from triage.inference.runtime import Runtime
from triage.inference.views import outlined
from triage.text import terminal
from triage.training.data.splits import Sample, has_mask
from triage.training.evaluate.bands import as_table, bands_by_group, judge_pictures, trade_off
from triage.training.evaluate.metrics import (
    BOOTSTRAPS,
    Figure,
    confusion_of,
    figures_to_json,
    mean_of,
    metrics_for,
    resampled,
    share_called,
    with_intervals,
)
from triage.training.evaluate.report import Mistake, write_report
from triage.training.evaluate.scorer import (
    Scorer,
    align_classes,
    evaluation_samples,
    open_model,
    resampling_groups,
    truth_for,
)
from triage.training.fit.checkpoints import write_json
from triage.training.fit.loop import predict
from triage.training.fit.losses import overlap
from triage.training.layouts import Dataset, Item, read_dataset
from triage.training.views.frames import Frames, load_frames_of

#: Pictures in the failure gallery.
GALLERY = 24


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes
    ----------
    summary
        Content of the JSON file.
    probabilities, truth
        ``(examples, classes)`` and ``(examples,)``.
    mistakes
        Wrong predictions, the most confident first.
    """

    summary: dict[str, Any]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.int64]
    mistakes: list[Mistake]


def evaluate(model: Path, data: Path, out: Path, console: Console, everything: bool = False) -> dict[str, Any]:
    """Evaluate a model folder or a run folder on a data set; write a JSON file, and an HTML report beside it.

    For a model folder, this includes what the worklist would do with each picture
    (`triage.training.evaluate.bands`).

    Parameters
    ----------
    model
        Model folder or run folder.
    data
        Data set in any supported layout.
    out
        JSON file to write.
    console
        Where skipped files are listed.
    everything
        Also use pictures that the model has seen in training.

    Returns
    -------
    dict
        Content of the JSON file.

    Raises
    ------
    TriageError
        If model or data cannot be read, or the model has seen all pictures.
    """
    scorer, dataset = open_model(model), read_dataset(data)
    for entry in dataset.skipped:
        console.print(terminal(f"Skipped {entry.path}: {entry.reason}"))
    samples, notes = evaluation_samples(scorer, dataset, everything)
    evaluation = evaluate_samples(scorer, dataset, samples, notes)
    if (model / CARD).is_file():
        judged = judge_pictures(
            Runtime(model), dataset.root, [*(sample.item for sample in samples), *dataset.strangers]
        )
        evaluation.summary["worklist"] = {"bands": bands_by_group(judged), "trade_off": trade_off(judged)}
    write_json(out, evaluation.summary)
    write_report(
        out.with_suffix(".html"), evaluation.summary, evaluation.probabilities, evaluation.truth, evaluation.mistakes
    )
    return evaluation.summary


def evaluate_samples(
    scorer: Scorer, dataset: Dataset, samples: Sequence[Sample], notes: Sequence[str], draws: int = BOOTSTRAPS
) -> Evaluation:
    """Score samples and compute all metrics.

    Parameters
    ----------
    scorer
        The model.
    dataset
        Data set of the samples.
    samples, notes
        From `triage.training.evaluate.scorer.evaluation_samples`.
    draws
        Number of bootstrap draws.
    """
    frames = load_frames_of(dataset.root, samples, scorer.size)
    items = [sample.item for sample in samples]
    predictions = scorer.probabilities(frames.pixels)
    probabilities, classes, kept, class_notes = align_classes(predictions, scorer, items)
    scored = [items[index] for index in kept]
    truth = truth_for(scored, classes)
    groups, unit = resampling_groups(scored)
    figures = with_intervals(metrics_for(classes), probabilities, truth, groups, draws=draws)
    if Finding.GLIOMA in classes:
        figures |= {
            f"{kind}_malignancy": figures[f"{kind}_{Finding.GLIOMA}"]
            for kind in ("auroc", "sensitivity_at_95_specificity")
        }
    summary = {
        "model": scorer.name,
        "data": {"layout": dataset.layout, "judged": len(scored), "notes": [*notes, *class_notes]},
        "skipped": [{"path": entry.path, "reason": entry.reason} for entry in dataset.skipped],
        "classes": list(classes),
        "counts": {name: int((truth == index).sum()) for index, name in enumerate(classes)},
        "intervals": f"95 %, {draws} bootstrap draws by {unit}",
        "groups": len(set(groups)),
        "confusion": confusion_of(probabilities, truth).tolist(),
        "confusion_shares": _shares(probabilities, truth, groups, classes, draws),
        "figures": figures_to_json(figures),
        "masks": _evaluate_masks(scorer, dataset, samples, predictions, draws),
    }
    return Evaluation(summary, probabilities, truth, _mistakes(probabilities, truth, scored, classes, frames, kept))


def describe(summary: dict[str, Any]) -> str:
    """Return the figures as text, one per line."""
    rows = summary["figures"] | ((summary["masks"] or {}).get("figures", {}))
    figures = "\n".join(
        f"{name:42} " + ("not measurable here" if row["value"] is None else str(Figure(**row)))
        for name, row in rows.items()
    )
    return f"{figures}\n\n{as_table(summary['worklist']['bands'])}" if "worklist" in summary else figures


def _shares(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    groups: Sequence[str],
    classes: Sequence[str],
    draws: int,
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return, by true and predicted class, the share of the true class that is predicted so, with its interval."""
    cells = {
        f"{true} {called}": share_called(row, column)
        for row, true in enumerate(classes)
        for column, called in enumerate(classes)
    }
    found = figures_to_json(with_intervals(cells, probabilities, truth, groups, draws=draws))
    return {true: {called: found[f"{true} {called}"] for called in classes} for true in classes}


def _evaluate_masks(
    scorer: Scorer, dataset: Dataset, samples: Sequence[Sample], predictions: NDArray[np.float64], draws: int
) -> dict[str, Any] | None:
    """Evaluate the masks of pictures with an outline; a picture that is called no tumour has an empty mask."""
    chosen = [index for index, sample in enumerate(samples) if has_mask([sample])]
    if not chosen or (scorer.segmenter is None and not scorer.looks_twice):
        return None
    masked = [samples[index] for index in chosen]
    side = scorer.size if scorer.segmenter is None else scorer.segmenter.input_shape[1]
    frames = load_frames_of(dataset.root, masked, side, masks=True)
    assert frames.masks is not None
    if scorer.segmenter is None:
        called = predictions[chosen].argmax(axis=1) != scorer.classes.index(Finding.NOTUMOR)
        drawn = outlined(scorer.masks(frames.pixels)) & called[:, None, None]
    else:
        called = predictions[chosen].argmax(axis=1) == 0
        drawn = (predict(scorer.segmenter, frames.pixels, batch=8)[..., 0] > 0) & called[:, None, None]
    dice, iou = overlap(drawn, frames.masks)
    groups, unit = resampling_groups([sample.item for sample in masked])
    values = {"dice": dice, "iou": iou, "dice_where_called": np.where(called, dice, np.nan)}
    picked = resampled(groups, 0, draws)
    return {
        "pictures": len(masked),
        "called_tumour": int(called.sum()),
        "intervals": f"95 %, {draws} bootstrap draws by {unit}",
        "figures": figures_to_json({name: mean_of(row, picked) for name, row in values.items()}),
    }


def _mistakes(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    items: Sequence[Item],
    classes: tuple[str, ...],
    frames: Frames,
    kept: NDArray[np.intp],
) -> list[Mistake]:
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != truth)
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:GALLERY]
    return [
        Mistake(
            items[index].name,
            classes[truth[index]],
            classes[predicted[index]],
            float(probabilities[index].max()),
            frames.pixels[kept[index]],
        )
        for index in order
    ]
