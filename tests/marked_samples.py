"""Marks as a browser sends them, for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def length(marker: str, mm: float = 12.5, name: str = "a1") -> dict[str, Any]:
    """A horizontal line."""
    points = [[10.0, 20.5], [10.0 + mm, 20.5]]
    return {"id": name, "kind": "length", "marker": marker, "points": points, "values": {"mm": mm}, "unit": ""}


def mask(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """An outline in runs, written without the code of the product."""
    runs, inside, count = [], False, 0
    for pixel in pixels.ravel():
        if bool(pixel) != inside:
            runs.append(count)
            inside, count = not inside, 0
        count += 1
    return {"rows": pixels.shape[0], "columns": pixels.shape[1], "runs": [*runs, count]}


def marks(
    *measurements: dict[str, Any], masks: dict[str, Any] | None = None, keys: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {"format": 1, "measurements": list(measurements), "masks": masks or {}, "keys": list(keys)}
