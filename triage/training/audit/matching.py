"""Copies among many pictures: an approximate index proposes, alignment decides.

Voyager (Spotify's HNSW) holds one vector per picture. Every picture then asks for the neighbours of itself, of its
mirror, and of the parts that a crop would have left; the few candidates are aligned and kept above `COPY`. Nothing here
grows with the square of the number of pictures.
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

#: Correlation from which two pictures are one.
COPY = 0.985
#: Neighbours asked for the whole picture (copies come in clusters of 40) and for each of its parts.
WHOLE_NEIGHBOURS, PART_NEIGHBOURS = 32, 8
#: A candidate is aligned when its vector is this near, or is among the nearest few of a picture above the floor.
NEAR, FEW, FLOOR = 0.97, 10, 0.85
#: Pictures that ask at a time, and pairs that are aligned at a time (what fits in the processor's cache).
BLOCK, CHUNK = 512, 64


class Pairs(NamedTuple):
    """Copies, in order: positions of the two pictures, first < second, and their correlation."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    similarity: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic]) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.first[chosen], self.second[chosen], self.similarity[chosen])


class _Candidates(NamedTuple):
    """A window of the picture `first`, perhaps mirrored, looks like the whole of `second`."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    window: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    nearness: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic] | slice) -> _Candidates:
        return _Candidates(*(column[chosen] for column in self))  # type: ignore[arg-type]


def find_copies(heads: Heads, judged: int | None = None) -> Pairs:
    """Find the pairs of pictures that are the same up to crop, size, compression and mirror.

    Parameters
    ----------
    heads
        All pictures.
    judged
        Only pairs with one of the first so many pictures; of all of them without it.
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, len(heads.pixels), BLOCK)]
    index = _build(heads, blocks)
    if not len(index):
        return Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
    proposed = list(in_threads(lambda block: _propose(index, heads, block), blocks, "Looking for copies"))
    candidates = _one_of_each(_join(proposed))
    if judged is not None:
        candidates = candidates.take(np.minimum(candidates.first, candidates.second) < judged)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(candidates.first), CHUNK)]
    values = [*in_threads(lambda chunk: _verify(heads, candidates.take(chunk)), chunks, "Laying them over each other")]
    low, high = np.minimum(candidates.first, candidates.second), np.maximum(candidates.first, candidates.second)
    pairs = Pairs(low, high, np.concatenate([np.empty(0, np.float32), *values]))
    pairs = pairs.take(np.lexsort((high, low)))
    return pairs.take(pairs.similarity >= COPY)


def clusters(count: int, pairs: Pairs) -> NDArray[np.intp]:
    """Return the number of the cluster of each of `count` pictures: whoever is linked by a chain of copies."""
    links = coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.intp)


def _build(heads: Heads, blocks: Sequence[slice]) -> Index:
    index = Index(Space.InnerProduct, SIDE * SIDE, M=12, ef_construction=100, max_elements=max(len(heads.pixels), 1))
    for block in blocks:
        vectors = describe(heads.take(block))
        contrast = np.flatnonzero(vectors.any(axis=1))
        if len(contrast):
            # One thread: the graph, and so the audit, is the same each time.
            index.add_items(vectors[contrast], ids=(contrast + block.start).tolist(), num_threads=1)
    return index


def _propose(index: Index, heads: Heads, block: slice) -> _Candidates:
    """Return the candidates of a block of pictures that are worth aligning."""
    found = _join(list(_ask(index, heads.take(block))))
    found = found._replace(first=found.first + block.start)
    once = _one_of_each(found.take(found.first != found.second))
    ranked = once.take(np.lexsort((-once.nearness, once.first)))
    firsts = np.flatnonzero(_changes(ranked.first))
    rank = np.arange(len(ranked.first)) - np.repeat(firsts, np.diff(np.append(firsts, len(ranked.first))))
    return ranked.take((ranked.nearness > NEAR) | (rank < FEW))


def _ask(index: Index, heads: Heads) -> Iterator[_Candidates]:
    """Ask for the neighbours of every view of the pictures."""
    for number, window in enumerate(WINDOWS):
        wanted = min(PART_NEIGHBOURS if number else WHOLE_NEIGHBOURS, len(index))
        for mirrored in (False, True):
            vectors = describe(heads, window, mirrored)
            contrast = np.flatnonzero(vectors.any(axis=1))
            if not len(contrast):
                continue
            found, distance = index.query(vectors[contrast], k=wanted, num_threads=1, query_ef=max(64, wanted))
            nearness = 1 - distance.ravel()
            near = nearness > FLOOR
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
    """Keep the nearest view of each pair, whichever of the two it was found from."""
    low, high = np.minimum(candidates.first, candidates.second), np.maximum(candidates.first, candidates.second)
    order = np.lexsort((-candidates.nearness, high, low))
    return candidates.take(order[_changes(low[order], high[order])])


def _changes(*columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell where a row differs from the one before it."""
    return np.asarray(np.logical_or.reduce([np.diff(column, prepend=-1) != 0 for column in columns]))


def _join(parts: Sequence[_Candidates]) -> _Candidates:
    nothing = _Candidates(
        np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.bool_), np.empty(0, np.float32)
    )
    return _Candidates(*map(np.concatenate, zip(nothing, *parts, strict=True)))
