"""Pairs of pictures that may be copies: proposed by their vectors, decided by the alignment.

Tested in tests/copies/test_search.py and tests/training/audit/test_matching.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triage.copies.alignment import similarity
from triage.copies.descriptors import WINDOWS, Heads

#: Least correlation of two copies.
COPY = 0.985
#: Least inner product of two vectors for a candidate.
MIN_NEARNESS = 0.85
#: A candidate at or above this inner product is always aligned.
SURE_NEARNESS = 0.97
#: Of the other candidates of a picture, this number of the nearest is aligned.
MAX_CANDIDATES = 10
#: Pairs per alignment; more would not fit in the cache of the processor.
ALIGNMENT_BLOCK = 64


class Pairs(NamedTuple):
    """Copies in order: positions of the two pictures and their correlation."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    similarity: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic]) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.first[chosen], self.second[chosen], self.similarity[chosen])


class Candidates(NamedTuple):
    """Pairs to align: a window of the picture `first`, mirrored or not, resembles the whole of `second`."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    window: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    nearness: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic] | slice) -> Candidates:
        """Return some of the candidates."""
        return Candidates(*(column[chosen] for column in self))  # type: ignore[arg-type]

    def most_likely(self) -> Candidates:
        """Return the candidates of each first picture that are worth an alignment: the sure ones and the nearest."""
        ranked = self.take(np.lexsort((-self.nearness, self.first)))
        firsts = np.flatnonzero(changes(ranked.first))
        rank = np.arange(len(ranked.first)) - np.repeat(firsts, np.diff(np.append(firsts, len(ranked.first))))
        return ranked.take((ranked.nearness > SURE_NEARNESS) | (rank < MAX_CANDIDATES))


def gather_candidates(parts: Sequence[Candidates]) -> Candidates:
    """Join sets of candidates."""
    none = Candidates(
        np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.bool_), np.empty(0, np.float32)
    )
    return Candidates(*map(np.concatenate, zip(none, *parts, strict=True)))


def blocks_of(candidates: Candidates) -> list[Candidates]:
    """Return the candidates in parts that are aligned at once."""
    starts = range(0, len(candidates.first), ALIGNMENT_BLOCK)
    return [candidates.take(slice(start, start + ALIGNMENT_BLOCK)) for start in starts]


def correlation(first: Heads, second: Heads, candidates: Candidates) -> NDArray[np.float32]:
    """Return the best correlation of each candidate after its alignment; positions count in `first` and `second`."""
    placed = np.array([(window.left, window.top, window.side) for window in WINDOWS], np.float32)
    one, other = first.take(candidates.first).enlarged(), second.take(candidates.second).enlarged()
    return similarity(one, other, placed[candidates.window], candidates.mirrored)


def changes(*columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where a row differs from the previous one."""
    return np.asarray(np.logical_or.reduce([np.diff(column, prepend=-1) != 0 for column in columns]))
