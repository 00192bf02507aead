"""Evaluation of a network on whole volumes: the result as a study, and the mask in 3D."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from triage.domain import Finding, likeliest
from triage.inference.calibration import Calibration
from triage.inference.network import Network
from triage.inference.study import WINDOW, StudyScore, judge_study
from triage.inference.two_look import NOTUMOR, log_probabilities
from triage.inference.views import FRAME, lay_back, outlined
from triage.training.data.splits import Sample
from triage.training.layouts import EDGE, read_dataset
from triage.training.views.frames import load_frames_of


def evaluate_volumes(
    network: Network, calibration: Calibration, root: Path, seen: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Evaluate every volume in a folder, as a study of one series.

    Parameters
    ----------
    network
        The network in its serving form.
    calibration
        Its fusion and its operating points.
    root
        Folder of volumes with masks.
    seen
        Volumes that the network was trained on; they are left out.

    Returns
    -------
    list of dict
        For each volume: ``volume``; ``label``; ``finding`` and ``malignancy`` of the study; ``flagged``, whether it
        reaches the glioma operating point; ``dice`` in 3D; ``tumour_slices`` and ``tumour_slices_called_glioma``;
        ``empty_slices`` and ``empty_slices_called_tumour``; ``empty_stretches`` (see `stretches_without`) and
        ``empty_stretches_flagged``, the number of them that would be flagged as studies.
    """
    dataset = read_dataset(root)
    volumes: dict[str, list[Sample]] = defaultdict(list)
    for item in dataset.items:
        if item.path not in seen:
            volumes[item.path].append(Sample(item))
    return [_evaluate(network, calibration, root, name, samples) for name, samples in sorted(volumes.items())]


def _evaluate(
    network: Network, calibration: Calibration, root: Path, name: str, samples: Sequence[Sample]
) -> dict[str, Any]:
    frames = load_frames_of(root, samples, FRAME, masks=True)
    assert frames.masks is not None
    looks = network.look_at_all(frames.pixels)
    probabilities = calibration.fusion.probabilities(*log_probabilities(looks))
    points = calibration.points, calibration.window_points
    result = judge_study([probabilities.tolist()], *points)
    called = probabilities.argmax(axis=1) != NOTUMOR
    drawn = np.stack([outlined(lay_back(two.mask, two.box)) for _, two in looks]) & called[:, None, None]
    shown = frames.masks.mean(axis=(1, 2))
    tumour, none = shown >= EDGE, shown == 0
    empty = [judge_study([probabilities[part].tolist()], *points) for part in stretches_without(shown)]
    alarms = [_flagged(study) for study in empty]
    return {
        "volume": name,
        "label": max((sample.item.label for sample in samples), key=lambda label: label != Finding.NOTUMOR),
        "finding": likeliest(result.probabilities).value,
        "malignancy": round(result.probabilities[Finding.GLIOMA], 4),
        "flagged": _flagged(result),
        "dice": round(_dice(drawn, frames.masks), 4),
        "tumour_slices": int(tumour.sum()),
        "tumour_slices_called_glioma": int((probabilities[tumour].argmax(axis=1) == 0).sum()),
        "empty_slices": int(none.sum()),
        "empty_slices_called_tumour": int(called[none].sum()),
        "empty_stretches": len(alarms),
        "empty_stretches_flagged": sum(alarms),
    }


def _flagged(study: StudyScore) -> bool:
    return study.probabilities[Finding.GLIOMA] >= study.points.glioma


def stretches_without(shown: NDArray[np.floating]) -> list[slice]:
    """Return the stretches of a volume that are long enough for a study without tumour.

    The slices next to the tumour are left out.

    Parameters
    ----------
    shown
        ``(slices,)``: share of each slice that is tumour.
    """
    pieces, _ = ndimage.label(~ndimage.binary_dilation(shown > 0))
    return [part for (part,) in ndimage.find_objects(pieces) if part.stop - part.start >= WINDOW]


def _dice(drawn: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    total = int(drawn.sum()) + int(mask.sum())
    return 2 * int((drawn & mask).sum()) / total if total else 1.0
