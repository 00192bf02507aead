"""Copies among many pictures: an approximate index proposes, alignment decides.

Voyager (Spotify's HNSW) holds one vector per picture. Every picture then asks for the neighbours of itself, of its
mirror, and of the parts that a crop would have left; the few candidates are aligned and kept above `COPY`. Nothing here
grows with the square of the number of pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from voyager import Index, Space

from triage.training.audit.alignment import similarity
from triage.training.audit.descriptors import WINDOWS, Frames, describe

#: Correlation from which two pictures are one, as the reference clusters of the data README have it.
COPY = 0.985
#: Neighbours asked for the whole picture (copies come in clusters of 40) and for each of its parts.
WHOLE_NEIGHBOURS, PART_NEIGHBOURS = 32, 8
#: A candidate is aligned when its vector is this near, or is among the nearest few of a picture above the floor.
NEAR, FEW, FLOOR = 0.93, 4, 0.85
#: Pictures per task: bounds the memory that candidates take.
BLOCK = 512
#: Most candidates aligned at once: bounds the memory that alignment takes.
CHUNK = 512


class Pairs(NamedTuple):
    """Copies: positions of the two pictures, first < second within one set, and their correlation."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    similarity: NDArray[np.float32]


class _Candidates(NamedTuple):
    query: NDArray[np.intp]
    found: NDArray[np.intp]
    window: NDArray[np.intp]
    mirrored: NDArray[np.bool_]
    nearness: NDArray[np.float32]

    def take(self, chosen: NDArray[np.generic]) -> _Candidates:
        return _Candidates(*(column[chosen] for column in self))


def copies_within(frames: Frames) -> Pairs:
    """Find the pairs of copies in one set of frames ``(n, FRAME, FRAME)``."""
    pairs = _search(frames, frames, within=True)
    ordered = Pairs(np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second), pairs.similarity)
    return _best(ordered)


def copies_between(frames: Frames, others: Frames) -> Pairs:
    """Find the copies of one set in another; `second` counts in `others`."""
    asked = _search(others, frames, within=False)
    # A crop is found from the larger picture, so both sets have to ask.
    answered = _search(frames, others, within=False)
    return _best(Pairs(*map(np.concatenate, zip(asked, Pairs(answered[1], answered[0], answered[2]), strict=True))))


def clusters(count: int, pairs: Pairs) -> NDArray[np.intp]:
    """Return the cluster's number of each of `count` pictures: whoever is linked by a chain of copies."""
    links = coo_matrix((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(count, count))
    _, numbers = connected_components(links, directed=False)
    return np.asarray(numbers, np.intp)


def _search(indexed: Frames, asking: Frames, within: bool) -> Pairs:
    nothing = Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))
    index = _build(indexed)
    if not len(index):
        return nothing

    def search_block(start: int) -> Pairs:
        block = asking[start : start + BLOCK]
        found = list(_ask(index, block))
        candidates = _Candidates(*map(np.concatenate, zip(*found, strict=True)))
        if within:
            candidates = candidates.take(candidates.query + start != candidates.found)
        candidates = _choose(candidates)
        values = _verify(block, indexed, candidates)
        copies = values >= COPY
        return Pairs(candidates.query[copies] + start, candidates.found[copies], values[copies])

    starts = range(0, len(asking), BLOCK)
    console = Console(stderr=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = track(
            pool.map(search_block, starts),
            "Looking for copies",
            total=len(starts),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        return Pairs(*map(np.concatenate, zip(nothing, *blocks, strict=True)))


def _build(frames: Frames) -> Index:
    vectors = describe(frames[:1])
    index = Index(Space.InnerProduct, vectors.shape[1], M=12, ef_construction=100, max_elements=max(len(frames), 1))
    for start in range(0, len(frames), BLOCK):
        vectors = describe(frames[start : start + BLOCK])
        contrast = np.flatnonzero(vectors.any(axis=1))
        if len(contrast):
            # One thread: the graph, and so the audit, is the same each time.
            index.add_items(vectors[contrast], ids=(contrast + start).tolist(), num_threads=1)
    return index


def _ask(index: Index, block: Frames) -> Iterator[_Candidates]:
    """Ask for the neighbours of every view of the block's pictures."""
    for number, window in enumerate(WINDOWS):
        wanted = min(PART_NEIGHBOURS if number else WHOLE_NEIGHBOURS, len(index))
        for mirrored in (False, True):
            vectors = describe(block, window, mirrored)
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


def _choose(candidates: _Candidates) -> _Candidates:
    """Keep each pair's nearest view, and of those the ones that are worth aligning."""
    nearest = candidates.take(np.lexsort((-candidates.nearness, candidates.found, candidates.query)))
    once = nearest.take(_changes(nearest.query, nearest.found))
    ranked = once.take(np.lexsort((-once.nearness, once.query)))
    firsts = np.flatnonzero(_changes(ranked.query))
    rank = np.arange(len(ranked.query)) - np.repeat(firsts, np.diff(np.append(firsts, len(ranked.query))))
    return ranked.take((ranked.nearness > NEAR) | (rank < FEW))


def _verify(block: Frames, indexed: Frames, candidates: _Candidates) -> NDArray[np.float32]:
    placed = np.array([(window.left, window.top, window.side) for window in WINDOWS], np.float32)
    values = np.empty(len(candidates.query), np.float32)
    for start in range(0, len(values), CHUNK):
        some = candidates.take(np.arange(start, min(start + CHUNK, len(values))))
        values[start : start + CHUNK] = similarity(
            block[some.query], indexed[some.found], placed[some.window], some.mirrored
        )
    return values


def _best(pairs: Pairs) -> Pairs:
    """Keep the higher correlation of pairs that were found from both sides, in order."""
    order = np.lexsort((-pairs.similarity, pairs.second, pairs.first))
    ranked = Pairs(*(column[order] for column in pairs))
    once = _changes(ranked.first, ranked.second)
    return Pairs(*(column[once] for column in ranked))


def _changes(*columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell where a row differs from the one before it."""
    return np.logical_or.reduce([np.diff(column, prepend=-1) != 0 for column in columns])
