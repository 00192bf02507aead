"""Find copies among many pictures: an approximate index proposes candidates, and the alignment decides.

The index (HNSW, as Voyager implements it) holds one vector per picture. It is queried with each picture, its mirror
image, and the parts that a crop would leave. The few candidates are aligned, and those with a correlation of at least
`COPY` are copies. Time and memory do not grow with the square of the number of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from voyager import Index, Space

from triage.training.audit.alignment import similarity
from triage.training.audit.descriptors import SIDE, WINDOWS, Heads, describe
from triage.training.layouts.loading import in_threads

#: Least correlation of two copies.
COPY = 0.985
#: Neighbours that the whole picture is compared with; copies form clusters of up to 40.
WHOLE_NEIGHBOURS = 32
#: Neighbours that each part of the picture is compared with.
PART_NEIGHBOURS = 8
#: Least inner product of two vectors for a candidate.
MIN_NEARNESS = 0.85
#: A candidate at or above this inner product is always aligned.
SURE_NEARNESS = 0.97
#: Of the other candidates of a picture, this number of the nearest is aligned.
MAX_CANDIDATES = 10
#: Pictures per query of the index.
QUERY_BLOCK = 512
#: Pairs per alignment; more would not fit in the cache of the processor.
ALIGNMENT_BLOCK = 64


class Pairs(NamedTuple):
    """Copies in order: positions of the two pictures, first < second, and their correlation."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    similarity: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic]) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.first[chosen], self.second[chosen], self.similarity[chosen])


class _Candidates(NamedTuple):
    """Pairs to align: a window of the picture `first`, mirrored or not, resembles the whole of `second`."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    window: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    nearness: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic] | slice) -> _Candidates:
        return _Candidates(*(column[chosen] for column in self))  # type: ignore[arg-type]


def find_copies(heads: Heads, first: int | None = None) -> Pairs:
    """Find the pairs of pictures that differ by crop, size, compression and mirroring only.

    Parameters
    ----------
    heads
        All pictures.
    first
        Return only pairs with at least one of this number of pictures from the start; None for all pairs.
    """
    blocks = [slice(start, start + QUERY_BLOCK) for start in range(0, len(heads.pixels), QUERY_BLOCK)]
    index = _build(heads, blocks)
    if not len(index):
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
    proposed = list(in_threads(lambda block: _propose(index, heads, block), blocks, "Searching for copies"))
    candidates = _one_of_each(_join(proposed))
    if first is not None:
        candidates = candidates.take(np.minimum(candidates.first, candidates.second) < first)
    parts = [slice(start, start + ALIGNMENT_BLOCK) for start in range(0, len(candidates.first), ALIGNMENT_BLOCK)]
    values = [*in_threads(lambda part: _verify(heads, candidates.take(part)), parts, "Aligning candidates")]
    low, high = np.minimum(candidates.first, candidates.second), np.maximum(candidates.first, candidates.second)
    pairs = Pairs(low, high, np.concatenate([np.empty(0, np.float32), *values]))
    pairs = pairs.take(np.lexsort((high, low)))
    return pairs.take(pairs.similarity >= COPY)


def clusters(count: int, pairs: Pairs) -> NDArray[np.intp]:
    """Return the number of the cluster of each of `count` pictures; a chain of copies is one cluster."""
    links = coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)


def _build(heads: Heads, blocks: Sequence[slice]) -> Index:
    index = Index(Space.InnerProduct, SIDE * SIDE, M=12, ef_construction=100, max_elements=max(len(heads.pixels), 1))
    for block in blocks:
        vectors = describe(heads.take(block))
        contrast = np.flatnonzero(vectors.any(axis=1))
        if len(contrast):
            # One thread makes the graph, and so the audit, reproducible.
            index.add_items(vectors[contrast], ids=(contrast + block.start).tolist(), num_threads=1)
    return index


def _propose(index: Index, heads: Heads, block: slice) -> _Candidates:
    """Return the candidates of a block of pictures that are aligned."""
    found = _join(list(_query(index, heads.take(block))))
    found = found._replace(first=found.first + block.start)
    once = _one_of_each(found.take(found.first != found.second))
    ranked = once.take(np.lexsort((-once.nearness, once.first)))
    firsts = np.flatnonzero(_changes(ranked.first))
    rank = np.arange(len(ranked.first)) - np.repeat(firsts, np.diff(np.append(firsts, len(ranked.first))))
    return ranked.take((ranked.nearness > SURE_NEARNESS) | (rank < MAX_CANDIDATES))


def _query(index: Index, heads: Heads) -> Iterator[_Candidates]:
    """Query the index with every view of the pictures."""
    for number, window in enumerate(WINDOWS):
        wanted = min(PART_NEIGHBOURS if number else WHOLE_NEIGHBOURS, len(index))
        for mirrored in (False, True):
            vectors = describe(heads, window, mirrored)
            contrast = np.flatnonzero(vectors.any(axis=1))
            if not len(contrast):
                continue
            found, distance = index.query(vectors[contrast], k=wanted, num_threads=1, query_ef=max(64, wanted))
            nearness = 1 - distance.ravel()
            near = nearness > MIN_NEARNESS
            yield _Candidates(
                np.repeat(contrast, wanted)[near],
                found.ravel().astype(np.intp)[near],
                np.full(near.sum(), number),
                np.full(near.sum(), mirrored),
                nearness[near],
            )


def _verify(heads: Heads, candidates: _Candidates) -> NDArray[np.float32]:
    placed = np.array([(window.left, window.top, window.side) for window in WINDOWS], np.float32)
    first, second = heads.take(candidates.first), heads.take(candidates.second)
    return similarity(first, second, placed[candidates.window], candidates.mirrored)


def _one_of_each(candidates: _Candidates) -> _Candidates:
    """Keep the nearest view of each pair, in either direction."""
    low, high = np.minimum(candidates.first, candidates.second), np.maximum(candidates.first, candidates.second)
    order = np.lexsort((-candidates.nearness, high, low))
    return candidates.take(order[_changes(low[order], high[order])])


def _changes(*columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return where a row differs from the previous one."""
    return np.asarray(np.logical_or.reduce([np.diff(column, prepend=-1) != 0 for column in columns]))


def _join(parts: Sequence[_Candidates]) -> _Candidates:
    none = _Candidates(
        np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.bool_), np.empty(0, np.float32)
    )
    return _Candidates(*map(np.concatenate, zip(none, *parts, strict=True)))
