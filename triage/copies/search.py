"""Find which of some pictures are copies of known ones: all pairs are compared, so that none is missed.

The audit of a data set compares every picture with every other and needs an index for it
(`triage.training.audit.matching`). Here a few pictures are compared with some ten thousand, which a product of two
matrices does as fast, and needs nothing that is only installed for training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.copies.candidates import COPY, MIN_NEARNESS, Candidates, Pairs, blocks_of, correlation
from triage.copies.descriptors import SIDE, WINDOWS, Heads, Vectors, describe

#: Pictures that are compared at once.
QUERY_BLOCK = 512
#: Frames that become vectors at once.
VECTOR_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class _Nearest:
    """For some pictures and all known ones: the nearness of their nearest views, and which views these are."""

    value: NDArray[np.float32]
    view: NDArray[np.int16]

    def update(self, nearness: NDArray[np.float32], view: int) -> None:
        better = nearness > self.value
        np.copyto(self.value, nearness, where=better)
        self.view[better] = view


def find_in(
    pictures: Heads,
    known: Heads,
    *,
    least: float = COPY,
    groups: tuple[NDArray[np.generic], NDArray[np.generic]] | None = None,
) -> Pairs:
    """Find the pictures that differ from a known one by crop, size, brightness, compression and mirroring only.

    Parameters
    ----------
    pictures
        What is searched for.
    known
        What it is searched among.
    least
        Least correlation of two copies.
    groups
        The scan or study of each picture and of each known one; pictures of one group are not compared.

    Returns
    -------
    Pairs
        Positions in `pictures` and in `known`, in order.
    """
    found = [Pairs(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32))]
    if len(known.pixels):
        for start in range(0, len(pictures.pixels), QUERY_BLOCK):
            block = slice(start, start + QUERY_BLOCK)
            nearest = _nearest(pictures.take(block), known)
            if groups is not None:
                nearest.value[groups[0][block, None] == groups[1][None]] = -1
            found += [
                pairs._replace(first=pairs.first + start)
                for pairs in _aligned(pictures.take(block), known, nearest, least)
            ]
    pairs = Pairs(*map(np.concatenate, zip(*found, strict=True)))
    return pairs.take(np.lexsort((pairs.second, pairs.first)))


def _nearest(pictures: Heads, known: Heads) -> _Nearest:
    """Compare every view of each picture with the whole of every known one, and the other way round."""
    shape = (len(pictures.pixels), len(known.pixels))
    nearest = _Nearest(np.full(shape, -1, np.float32), np.zeros(shape, np.int16))
    whole, known_whole = describe(pictures), _vectors(known, 0)
    for number, window in enumerate(WINDOWS):
        for mirrored in (False, True):
            view = 2 * number + mirrored
            nearest.update(describe(pictures, window, mirrored) @ known_whole.T, view)
            if number:
                # Mirrored here is the whole picture: that costs less than to mirror all known ones.
                nearest.update((_mirrored(whole) if mirrored else whole) @ _vectors(known, number).T, -view)
    return nearest


def _aligned(pictures: Heads, known: Heads, nearest: _Nearest, least: float) -> Iterator[Pairs]:
    """Align the likely candidates, those where the picture is cropped more and those where the known one is."""
    first, second = np.nonzero(nearest.value > MIN_NEARNESS)
    window, mirrored = np.divmod(np.abs(nearest.view[first, second]).astype(np.intp), 2)
    likely = Candidates(first, second, window, mirrored == 1, nearest.value[first, second]).most_likely()
    cropped = nearest.view[likely.first, likely.second] >= 0
    for candidates in blocks_of(likely.take(cropped)):
        yield _copies(candidates, correlation(pictures, known, candidates), least)
    for candidates in blocks_of(likely.take(~cropped)):
        turned = candidates._replace(first=candidates.second, second=candidates.first)
        yield _copies(candidates, correlation(known, pictures, turned), least)


def _copies(candidates: Candidates, similarity: NDArray[np.float32], least: float) -> Pairs:
    return Pairs(candidates.first, candidates.second, similarity).take(similarity >= least)


def _vectors(heads: Heads, window: int) -> Vectors:
    starts = range(0, len(heads.pixels), VECTOR_BLOCK)
    return np.concatenate([describe(heads.take(slice(at, at + VECTOR_BLOCK)), WINDOWS[window]) for at in starts])


def _mirrored(vectors: Vectors) -> Vectors:
    return vectors.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(vectors), -1)
