"""What the trials have learnt, as it comes back: weights in parts of 16 bits, and one record of all finished trials."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESULTS_FILE = "results.json"
#: Largest size of a part in bytes.
MAX_PART = 16_000_000
#: Largest size of all parts in bytes.
MAX_PARTS = 60_000_000

Weights = list[NDArray[np.float16]]


class Learnt:
    """The folder that the trials' results are written to; each trial is written whole as soon as it is finished.

    Parameters
    ----------
    folder
        An existing folder.
    about
        What is the same for all trials: the pack and the machine.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder, self.record = folder, about | {"trials": {}}
        self._part: dict[str, Any] = {}
        self._parts = 0

    def add(self, name: str, weights: Weights, record: dict[str, Any]) -> None:
        """Write what a trial has learnt, in the last part if it still has room, and then its record."""
        number = len(self.record["trials"])
        arrays = {f"{number}-{index}": array for index, array in enumerate(weights)}
        if self._part and _size(self._part | arrays) > MAX_PART:
            self._part, self._parts = {}, self._parts + 1
        self._part |= arrays
        part = f"weights-{self._parts}.npz"
        _replace(self.folder / part, lambda path: np.savez(path, **self._part))
        self.record["trials"][name] = record | {"number": number, "part": part}
        text = json.dumps(self.record, indent=1) + "\n"
        _replace(self.folder / RESULTS_FILE, lambda path: path.write_text(text))


def read_weights(folder: Path, record: dict[str, Any]) -> Weights:
    """Return the weights of a trial by its record."""
    with (
        (folder / record["part"]).open("rb") as stored,
        np.load(stored) as part,
    ):  # NumPy leaves what is no archive open
        return [part[name] for name in part.files if name.startswith(f"{record['number']}-")]


def _size(arrays: dict[str, Any]) -> int:
    """Return about how many bytes a file of these arrays has; each has a header of its own."""
    return sum(int(array.nbytes) + 512 for array in arrays.values())


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f"part-{path.name}")
    write(part)
    part.replace(path)
