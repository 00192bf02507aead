"""What the trials have learnt, as it comes back: weights of 16 bits in parts, and one record of all finished trials.

Any number of the parts may be brought back at a time; `unpack` takes the trials whose parts are all there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESULTS_FILE = "results.json"
#: Largest size of a part in bytes.
MAX_PART = 16_000_000

Weights = list[NDArray[np.float16]]


def file_name(name: str) -> str:
    """Return the name of a recipe or trial as the name of a file."""
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)


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
        #: The last part of each recipe and its number.
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def add(self, name: str, recipe: str, weights: Weights, record: dict[str, Any]) -> None:
        """Write what a trial has learnt, from where its recipe's last part still has room, and then its record."""
        number = len(self.record["trials"])
        parts: list[str] = []
        last, part = self._last.get(recipe, (0, {}))
        for index, array in enumerate(weights):
            named = {f"{number}-{index}": array}
            if part and _size(part | named) > MAX_PART:
                if index:
                    parts.append(self._write(recipe, last, part))
                last, part = last + 1, {}
            part = part | named
        parts.append(self._write(recipe, last, part))
        self._last[recipe] = last, part
        self.record["trials"][name] = record | {"number": number, "parts": parts}
        text = json.dumps(self.record, indent=1) + "\n"
        _replace(self.folder / RESULTS_FILE, lambda path: path.write_text(text))

    def _write(self, recipe: str, number: int, part: dict[str, Any]) -> str:
        name = f"{file_name(recipe)}-{number}.npz"
        _replace(self.folder / name, lambda path: np.savez(path, **part))
        return name


def read_weights(folder: Path, record: dict[str, Any]) -> Weights:
    """Return the weights of a trial by its record."""
    weights: Weights = []
    for name in record["parts"]:
        with (folder / name).open("rb") as stored, np.load(stored) as part:  # NumPy leaves what is no archive open
            weights += [part[own] for own in part.files if own.startswith(f"{record['number']}-")]
    return weights


def _size(arrays: dict[str, Any]) -> int:
    """Return about how many bytes a file of these arrays has; each has a header of its own."""
    return sum(int(array.nbytes) + 512 for array in arrays.values())


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(f"part-{path.name}")
    write(part)
    part.replace(path)
