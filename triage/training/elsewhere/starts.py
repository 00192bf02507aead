"""The starting weights of each encoder in a pack. Tested in tests/training/elsewhere/test_train.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = list[NDArray[np.float16]]


def write_starts(path: Path, starts: Mapping[str, Weights]) -> None:
    """Write the starting weights by encoder, each in the order of its network's."""
    arrays: dict[str, Any] = {}
    for encoder, start in starts.items():
        arrays |= {f"{encoder}/{index}": array for index, array in enumerate(start)}
    np.savez(path, **arrays)


def read_start(path: Path, encoder: str) -> Weights:
    """Return the starting weights of an encoder."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files if name.startswith(f"{encoder}/")]
