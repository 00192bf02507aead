"""What becomes of the values of the drawn slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from drawn_dicom import drawn, write
from numpy.typing import NDArray
from pydicom import Dataset

from triage.scans.formats.decode import decode_study

#: The three stored values of the drawn slice.
DARK, HALF, FULL = 0, 1000, 2000


def seen(folder: Path, *instances: Dataset) -> list[NDArray[Any]]:
    """The slices of one series, bottom first."""
    for height, made in enumerate(instances):
        made.ImagePositionPatient = [0, 0, height]
    (series,) = decode_study([write(folder / str(index), made) for index, made in enumerate(instances)])
    return [item.pixels for item in series.slices]


def shades(pixels: NDArray[Any], stored: NDArray[Any] | None = None) -> list[int]:
    """What became of the drawn slice's values."""
    stored = drawn() if stored is None else stored
    return [int(pixels[stored == value][0]) for value in (DARK, HALF, FULL)]


def lut(outputs: Any, bits: int, first: int = 0) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(outputs), first, bits])
    item.LUTData = np.array(outputs, "<u2").tobytes()
    item.ModalityLUTType = "US"
    return [item]
