"""Pictures that are slices of one series, in their order: what stands in for volumes where only pictures are kept."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding
from triage.inference.study import WINDOW
from triage.inference.two_look import GLIOMA, NOTUMOR
from triage.training.layouts import Item

#: A file named by the number of its slice, and perhaps by its sequence after it.
NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>(_(t1c?|t2|flair|pd))?\.\w+)")


def series_of(items: Sequence[Item], parts: Sequence[Hashable]) -> list[NDArray[np.intp]]:
    """Return the pictures of each series of `WINDOW` slices or more, from one end to the other.

    Few of these series are whole: there may be slices between two neighbours.

    Parameters
    ----------
    items
        Items of the pictures. Slices of one scan are a series, in the order of the items; elsewhere pictures of one
        patient whose names differ in the number of the slice alone, whatever folder they are in.
    parts
        By picture: what no series spans, such as the network that answered.
    """
    series: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for at, (item, part) in enumerate(zip(items, parts, strict=True)):
        if item.scan is not None:
            series[part, item.source, item.scan].append((at, at))
        elif item.patient is not None and (name := NUMBERED.fullmatch(PurePosixPath(item.path).name)):
            series[part, item.source, item.patient, name["before"], name["after"]].append((int(name["number"]), at))
    return [np.array([at for _, at in sorted(slices)]) for slices in series.values() if len(slices) >= WINDOW]


def label_of(slices: Sequence[Item]) -> str:
    """Return the label of a series: that of its tumour, if one of its slices shows one."""
    tumours = {item.label for item in slices} - {Finding.NOTUMOR.value}
    return min(tumours, default=Finding.NOTUMOR.value)


def windows_of(probabilities: NDArray[np.floating], series: Sequence[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Return P(glioma) and P(tumour) of the most suspicious window of each series, ``(series, 2)``.

    Parameters
    ----------
    probabilities
        ``(pictures, classes)``.
    series
        See `series_of`.
    """

    def highest(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.lib.stride_tricks.sliding_window_view(rows, WINDOW, axis=0).mean(axis=-1).max(axis=0)  # type: ignore[no-any-return]

    both = np.column_stack([probabilities[:, GLIOMA], 1 - probabilities[:, NOTUMOR]])
    return np.array([highest(both[slices]) for slices in series]).reshape(-1, 2)
