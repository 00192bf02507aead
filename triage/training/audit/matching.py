"""Find copies among many pictures: an approximate index proposes candidates, and the alignment decides.

The index (HNSW, as Voyager implements it) holds one vector per picture. It is queried with each picture, its mirror
image, and the parts that a crop would leave. The few candidates are aligned, and those with a correlation of at least
`COPY` are copies. Time and memory do not grow with the square of the number of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from voyager import Index, Space

from triage.copies.candidates import (
    COPY,
    MIN_NEARNESS,
    Candidates,
    Pairs,
    blocks_of,
    changes,
    correlation,
    gather_candidates,
)
from triage.copies.descriptors import SIDE, WINDOWS, Heads, describe
from triage.training.layouts.loading import in_threads

#: Neighbours that the whole picture is compared with; copies form clusters of up to 40.
WHOLE_NEIGHBOURS = 32
#: Neighbours that each part of the picture is compared with.
PART_NEIGHBOURS = 8
#: Pictures per query of the index.
QUERY_BLOCK = 512


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
    candidates = _one_of_each(gather_candidates(proposed))
    if first is not None:
        candidates = candidates.take(np.minimum(candidates.first, candidates.second) < first)
    blocks_to_align = blocks_of(candidates)
    values = [*in_threads(lambda block: correlation(heads, heads, block), blocks_to_align, "Aligning candidates")]
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


def _propose(index: Index, heads: Heads, block: slice) -> Candidates:
    """Return the candidates of a block of pictures that are aligned."""
    found = gather_candidates(list(_query(index, heads.take(block))))
    found = found._replace(first=found.first + block.start)
    return _one_of_each(found.take(found.first != found.second)).most_likely()


def _query(index: Index, heads: Heads) -> Iterator[Candidates]:
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
            yield Candidates(
                np.repeat(contrast, wanted)[near],
                found.ravel().astype(np.intp)[near],
                np.full(near.sum(), number),
                np.full(near.sum(), mirrored),
                nearness[near],
            )


def _one_of_each(candidates: Candidates) -> Candidates:
    """Keep the nearest view of each pair, in either direction."""
    low, high = np.minimum(candidates.first, candidates.second), np.maximum(candidates.first, candidates.second)
    order = np.lexsort((-candidates.nearness, high, low))
    return candidates.take(order[changes(low[order], high[order])])
