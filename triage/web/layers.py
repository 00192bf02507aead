"""What is laid over a slice: the heat map of a class and the outline of the tumour, small, with their places.

Tested in tests/web/test_slices.py.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Placement, Score, Slice, likeliest
from triage.inference.explain import Method
from triage.inference.explain_process import ExplainProcess
from triage.pipeline.installation import Installation
from triage.web.opened import OpenStudies

#: Scores in memory; the browser keeps what it has been sent.
MAX_SCORES = 64


class Layers:
    """Makes the layers of slices. Safe to call from many threads.

    Parameters
    ----------
    installation
        Returns the installation; called for every slice.
    studies
        The decoded studies.
    """

    def __init__(self, installation: Callable[[], Installation], studies: OpenStudies) -> None:
        self._installation, self._studies = installation, studies
        self._explainer = ExplainProcess()
        self._score = lru_cache(MAX_SCORES)(self._scored)

    def of(
        self, study_id: str, version: str, series: int, at: int, finding: Finding | None, method: Method
    ) -> dict[str, Any]:
        """Return the layers of a slice as JSON values.

        Parameters
        ----------
        study_id, version, series, at
            The slice.
        finding
            The class to explain; None for the one that is the answer for this slice.
        method
            How the map is made.

        Raises
        ------
        NotFoundError, RefusedError, ModelError, StorageError
            If there is no such slice, or the map cannot be made.
        IndexError
            If the study has no such series or slice.
        """
        score = self._score(study_id, version, series, at)
        answer = likeliest(score.probabilities)
        explained = finding or answer
        if method is Method.CAM:
            values = score.cam[..., list(Finding).index(explained)]
        else:
            one = self._slice(study_id, version, series, at)
            model = self._installation().settings.model
            values = self._explainer.explain(model, one.pixels, score.look, explained, method)
        return {
            "answer": _named(answer, score),
            "explained": _named(explained, score),
            "method": method.value,
            "map": _field(_evidence(values), score.look),
            "peak": round(float(values.max()), 4),
            "outline": None if answer is Finding.NOTUMOR else _field(score.mask, score.placement),
        }

    def _scored(self, study_id: str, version: str, series: int, at: int) -> Score:
        return self._installation().runtime.score(self._slice(study_id, version, series, at).pixels)

    def _slice(self, study_id: str, version: str, series: int, at: int) -> Slice:
        return self._studies.slices(study_id, version)[series].slices[at]


def _named(finding: Finding, score: Score) -> dict[str, Any]:
    return {"finding": finding.value, "label": finding.label, "p": round(score.probabilities[finding], 4)}


def _evidence(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the evidence for the class, the strongest 1, as Grad-CAM shows it: what speaks against it is left out."""
    positive: NDArray[np.float32] = np.maximum(values, 0)
    return positive / max(float(positive.max()), 1e-6)


def _field(values: NDArray[np.float32], place: Placement) -> dict[str, Any]:
    """Return values from 0 to 1 as bytes, and the square of the slice that they cover, in its pixels."""
    data = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return {
        "rows": data.shape[0],
        "columns": data.shape[1],
        "left": place.left,
        "top": place.top,
        "width": place.side,
        "height": place.side,
        "values": base64.b64encode(data.tobytes()).decode(),
    }
