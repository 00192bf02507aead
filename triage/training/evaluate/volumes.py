"""What a network makes of whole volumes of a source that it never saw: the study's verdict, and the mask in 3D."""

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
from triage.inference.study import WINDOW, judge_study
from triage.inference.two_look import NOTUMOR, log_probabilities
from triage.inference.views import FRAME, lay_back, outlined
from triage.training.data.splits import Sample
from triage.training.layouts import EDGE, read_dataset
from triage.training.views.frames import load_frames_of


def judge_volumes(
    network: Network, calibration: Calibration, root: Path, seen: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Judge every volume in a folder, as a study of one series.

    Parameters
    ----------
    network
        As it serves.
    calibration
        Its fusion and its operating points.
    root
        The folder.
    seen
        Volumes that the network was trained on: they are left out.

    Returns
    -------
    list of dict
        Of each volume: ``volume``, ``label``, ``finding`` and ``malignancy`` of the study, ``flagged`` (glioma at the
        operating point), ``dice`` in 3D, the slices that show the tumour and those that do not: how many, and how many
        are called a tumour; and the `stretches_without` tumour: how many, and how many would be flagged as a study.
    """
    dataset = read_dataset(root)
    volumes: dict[str, list[Sample]] = defaultdict(list)
    for item in dataset.items:
        if item.path not in seen:
            volumes[item.path].append(Sample(item))
    return [_judge(network, calibration, root, name, samples) for name, samples in sorted(volumes.items())]


def _judge(
    network: Network, calibration: Calibration, root: Path, name: str, samples: Sequence[Sample]
) -> dict[str, Any]:
    frames = load_frames_of(root, samples, FRAME, masks=True)
    assert frames.masks is not None
    looks = network.look_at_all(frames.pixels)
    probabilities = calibration.fusion.probabilities(*log_probabilities(looks))
    point = calibration.points.glioma
    verdict = judge_study([probabilities.tolist()], point)
    called = probabilities.argmax(axis=1) != NOTUMOR
    drawn = np.stack([outlined(lay_back(two.mask, two.box)) for _, two in looks]) & called[:, None, None]
    shown = frames.masks.mean(axis=(1, 2))
    tumour, none = shown >= EDGE, shown == 0
    empty = [judge_study([probabilities[part].tolist()], point) for part in stretches_without(shown)]
    alarms = [study.probabilities[Finding.GLIOMA] >= point for study in empty]
    return {
        "volume": name,
        "label": max((sample.item.label for sample in samples), key=lambda label: label != Finding.NOTUMOR),
        "finding": likeliest(verdict.probabilities).value,
        "malignancy": round(verdict.probabilities[Finding.GLIOMA], 4),
        "flagged": verdict.probabilities[Finding.GLIOMA] >= point,
        "dice": round(_dice(drawn, frames.masks), 4),
        "tumour_slices": int(tumour.sum()),
        "tumour_slices_called_glioma": int((probabilities[tumour].argmax(axis=1) == 0).sum()),
        "empty_slices": int(none.sum()),
        "empty_slices_called_tumour": int(called[none].sum()),
        "empty_stretches": len(alarms),
        "empty_stretches_flagged": sum(alarms),
    }


def stretches_without(shown: NDArray[np.floating]) -> list[slice]:
    """Return the stretches of a volume that would do as a study without tumour, the slice next to the tumour left out.

    Parameters
    ----------
    shown
        ``(slices,)``: how much of each slice is tumour.
    """
    pieces, _ = ndimage.label(~ndimage.binary_dilation(shown > 0))
    return [part for (part,) in ndimage.find_objects(pieces) if part.stop - part.start >= WINDOW]


def _dice(drawn: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    total = int(drawn.sum()) + int(mask.sum())
    return 2 * int((drawn & mask).sum()) / total if total else 1.0
