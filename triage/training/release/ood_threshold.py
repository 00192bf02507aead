"""The threshold of the out-of-distribution distance, and the evaluation of the gate.

Tested in tests/training/release/test_release.py.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from triage.domain import Slice
from triage.inference.network import Network
from triage.inference.preprocess import prepare
from triage.inference.views import FRAME
from triage.scans.formats import raster
from triage.scans.quality.gate import not_analysable
from triage.training.evaluate.metrics import Figure, auroc, figures_to_json, interval, resampled
from triage.training.evaluate.predictions import Predictions
from triage.training.layouts import load_slice
from triage.training.release.ood_images import ood_images

#: Smallest share of the held-out pictures of each source within the threshold.
ACCEPTED_SHARE = 0.99
#: Sources with fewer pictures are ignored: their share would depend on single pictures.
MIN_PICTURES = 100
OOD_IMAGES_PER_NETWORK = 200


def familiar_within(predictions: Predictions) -> float:
    """Return the threshold of the distance that accepts `ACCEPTED_SHARE` of every source with enough pictures."""
    limits = [
        np.quantile(distances, ACCEPTED_SHARE, method="higher")
        for distances in (predictions.distance[_of(predictions, source)] for source in _sources(predictions))
        if len(distances) >= MIN_PICTURES
    ]
    return float(
        np.ceil(max(limits or [np.quantile(predictions.distance, ACCEPTED_SHARE, method="higher")]) * 1000) / 1000
    )


def gate_report(root: Path, predictions: Predictions, networks: Sequence[Network], limit: float) -> dict[str, Any]:
    """Evaluate the whole gate (image checks and distance) on held-out MRI and on out-of-distribution images.

    Parameters
    ----------
    root
        The data set of the predictions.
    predictions
        On pictures that the networks were not trained on.
    networks
        Networks in their serving form; each gets the same out-of-distribution images.
    limit
        From `familiar_within`.

    Returns
    -------
    dict
        ``familiar_within``: the threshold; ``auroc`` with its interval; ``refused``: the refused share of each source;
        ``ood_images``: the numbers refused and tested of each kind, over all networks.
    """
    slices = (load_slice(root, item) for item in predictions.items)
    real = np.array(
        [
            _ood_score(slice_, distance)
            for slice_, distance in zip(
                track(slices, "Evaluating the gate", total=len(predictions.items)), predictions.distance, strict=True
            )
        ]
    )
    kinds, others = [], []
    for network in networks:
        for kind, pixels in ood_images(OOD_IMAGES_PER_NETWORK):
            slice_ = decoded(pixels)
            kinds.append(kind)
            others.append(_ood_score(slice_, network.look_twice(prepare(slice_.pixels, FRAME)[0])[0].distance))
    refused = np.array(others) > limit
    scores, is_other = np.concatenate([real, others]), np.repeat([False, True], [len(real), len(others)])
    groups = [item.cluster or item.path for item in predictions.items] + [
        str(n % OOD_IMAGES_PER_NETWORK) for n in range(len(others))
    ]
    values = [auroc(scores[picked], is_other[picked]) for picked in resampled(groups, 0, 200)]
    return {
        "familiar_within": limit,
        **figures_to_json({"auroc": Figure(auroc(scores, is_other), *interval(values))}),
        "refused": {
            source: round(float((real[_of(predictions, source)] > limit).mean()), 4) for source in _sources(predictions)
        },
        "ood_images": {
            kind: [int(refused[np.array(kinds) == kind].sum()), kinds.count(kind)] for kind in dict.fromkeys(kinds)
        },
    }


def decoded(pixels: NDArray[np.uint8]) -> Slice:
    """Return a picture as it is after decoding in the isolated process."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return raster.decode(file.getvalue())


def _ood_score(slice_: Slice, distance: float) -> float:
    """Return the distance, or a value beyond all distances for a picture that fails the image checks."""
    return 1e6 if not_analysable(slice_) else float(distance)


def _sources(predictions: Predictions) -> list[str]:
    return sorted({item.source for item in predictions.items})


def _of(predictions: Predictions, source: str) -> NDArray[np.bool_]:
    return np.array([item.source == source for item in predictions.items])
