"""What is laid over a slice: the heat map of a class and the outline of the tumour, small, with their places.

Tested in tests/web/test_slices.py.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Placement, Score, Slice, likeliest
from triage.inference.explain import Method
from triage.inference.explain_process import ExplainProcess
from triage.inference.runtime import Runtime

#: Scores in memory; the browser keeps what it has been sent.
MAX_SCORES = 64


class Layers:
    """Makes the layers of slices. Safe to call from many threads."""

    def __init__(self) -> None:
        self._explainer = ExplainProcess()
        self._scores: OrderedDict[Hashable, Score] = OrderedDict()
        self._lock = Lock()

    def of(
        self, runtime: Runtime, key: Hashable, one: Slice, finding: Finding | None, method: Method
    ) -> dict[str, Any]:
        """Return the layers of a slice as JSON values.

        Parameters
        ----------
        runtime
            The model that made the result of the study.
        key
            What the slice is known by: its score is kept under it.
        one
            The slice.
        finding
            The class to explain; None for the one that is the answer for this slice.
        method
            How the map is made.

        Raises
        ------
        ModelError
            If the map cannot be made.
        """
        score = self._score(runtime, key, one)
        answer = likeliest(score.probabilities)
        explained = finding or answer
        if method is Method.CAM:
            values = score.cam[..., list(Finding).index(explained)]
        else:
            values = self._explainer.explain(runtime.folder, one.pixels, score.look, explained, method)
        return {
            "answer": _named(answer, score),
            "explained": _named(explained, score),
            "method": method.value,
            "map": _field(_evidence(values), score.look),
            "peak": round(float(values.max()), 4),
            "outline": None if answer is Finding.NOTUMOR else _field(score.mask, score.placement),
        }

    def _score(self, runtime: Runtime, place: Hashable, one: Slice) -> Score:
        key = runtime.card.sha256, place
        with self._lock:
            if key in self._scores:
                self._scores.move_to_end(key)
                return self._scores[key]
        score = runtime.score(one.pixels)
        with self._lock:
            self._scores[key] = score
            while len(self._scores) > MAX_SCORES:
                self._scores.popitem(last=False)
        return score


def _named(finding: Finding, score: Score) -> dict[str, Any]:
    return {"finding": finding.value, "label": finding.label, "p": score.probabilities[finding]}


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
