"""``seen.npz`` of a model folder: what tells the pictures that a model was trained or tested on, but shows none.

Of each picture it holds a digest of its pixels and a frame of the head of `SIDE` pixels: enough to find a copy that was
cropped, brightened or compressed, far too little to read. So an export of readings can say which of its slices the
model knew before, without the pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from triage.copies.descriptors import Heads, gather, head_of, shrink
from triage.copies.search import find_in
from triage.inference.arrays import Arrays, read_memory
from triage.inference.card import read_card

SEEN = "seen.npz"
#: Side of the frames that are kept: pixels.
SIDE = 32
#: Lowest bits of a gray value that are not kept: the file gets smaller, and copies are found as well.
DROPPED_BITS = 3
#: Bytes of a digest that are kept: two of a million pictures agree in them once in 10^27 times.
DIGEST_BYTES = 16
#: Least correlation of a frame that is kept with a copy; `docs/readings-export.md` says what it finds and what it takes
#: for a copy that is none.
SAME = 0.985


class Use(StrEnum):
    """What a model used a picture for; the first counts where it was both."""

    TRAINED = "trained"
    TESTED = "tested"


@dataclass(frozen=True, slots=True)
class Pictures:
    """What is compared of some pictures.

    Attributes
    ----------
    heads
        Their heads.
    digests
        ``(n, DIGEST_BYTES)`` uint8, of their pixels.
    """

    heads: Heads
    digests: NDArray[np.uint8]

    @classmethod
    def of(cls, pictures: Sequence[NDArray[np.generic]]) -> Self:
        """Return what is compared of pictures, each ``(height, width)`` gray values."""
        digests = np.frombuffer(b"".join(map(digest_of, pictures)), np.uint8).reshape(-1, DIGEST_BYTES)
        return cls(gather([head_of(pixels) for pixels in pictures]), digests)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Join sets of pictures."""
        none = np.empty((0, DIGEST_BYTES), np.uint8)
        return cls(gather([part.heads for part in parts]), np.concatenate([none, *(part.digests for part in parts)]))


@dataclass(frozen=True, slots=True)
class Seen:
    """The pictures that a model has seen.

    Attributes
    ----------
    heads
        As frames of `SIDE` pixels, gray values without their lowest `DROPPED_BITS`.
    digests
        As `Pictures.digests`.
    trained
        ``(n,)`` whether the model was trained on the picture; on the others it was tested.
    """

    heads: Heads
    digests: NDArray[np.uint8]
    trained: NDArray[np.bool_]

    @classmethod
    def of(cls, pictures: Pictures, trained: NDArray[np.bool_]) -> Self:
        """Return what is kept of the pictures that a model was trained or tested on."""
        return cls(_kept(pictures.heads), pictures.digests, trained)

    def joined(self, other: Self) -> Self:
        """Return what is kept of the pictures of both."""
        return type(self)(
            Heads(
                np.concatenate([self.heads.pixels, other.heads.pixels]),
                np.concatenate([self.heads.inside, other.heads.inside]),
            ),
            np.concatenate([self.digests, other.digests]),
            np.concatenate([self.trained, other.trained]),
        )

    def uses_of(self, pictures: Pictures) -> list[Use | None]:
        """Return what the model used each picture, or a copy of it, for; None for what it has not seen."""
        pairs = find_in(_kept(pictures.heads), self.heads, least=SAME)
        trained = self.trained[pairs.second]
        known = {bytes(digest): bool(trained) for digest, trained in zip(self.digests, self.trained, strict=True)}
        equal = [known.get(bytes(digest)) for digest in pictures.digests]
        in_training = {*pairs.first[trained].tolist(), *(at for at, use in enumerate(equal) if use)}
        in_tests = {*pairs.first.tolist(), *(at for at, use in enumerate(equal) if use is not None)}
        return [
            Use.TRAINED if at in in_training else Use.TESTED if at in in_tests else None for at in range(len(equal))
        ]

    def save(self, file: Path | BinaryIO) -> None:
        """Write the arrays, without pickles."""
        frames, inside = self.heads.pixels >> DROPPED_BITS, self.heads.inside.astype(np.float16)
        np.savez_compressed(file, frames=frames, inside=inside, digests=self.digests, trained=self.trained)


class SeenBy(NamedTuple):
    """A model, by name and digest of its network, and what it has seen."""

    name: str
    model_sha256: str
    pictures: Seen


def seen_by_model(folder: Path) -> SeenBy | None:
    """Read the model of a folder and what it has seen; None for a model of an earlier version, which does not say.

    Raises
    ------
    ModelError
        If the folder is damaged.
    """
    card = read_card(folder)
    pictures = read_seen(folder, card.files)
    return SeenBy(card.name, card.sha256, pictures) if pictures is not None else None


def read_seen(folder: Path, files: Collection[str]) -> Seen | None:
    """Read what the model of a folder has seen; None for a model of an earlier version, which does not say.

    Parameters
    ----------
    folder, files
        The model folder, and the files that its card names.

    Raises
    ------
    ModelError
        If the file is damaged.
    """
    return read_memory(folder, files, SEEN, _seen)


def _seen(arrays: Arrays) -> Seen:
    frames = (arrays["frames"].astype(np.uint8) << DROPPED_BITS).astype(np.uint8)
    heads = Heads(frames, arrays["inside"].astype(np.float32))
    return Seen(heads, arrays["digests"], arrays["trained"].astype(np.bool_))


def digest_of(pixels: NDArray[np.generic]) -> bytes:
    """Return a digest of gray values: the same for every file that holds them without loss."""
    said = f"{pixels.dtype.str} {pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()
    return hashlib.sha256(said).digest()[:DIGEST_BYTES]


def _kept(heads: Heads) -> Heads:
    """Return of heads what is kept in a file."""
    small = np.rint(shrink(heads.pixels, SIDE)).astype(np.uint8)
    return Heads(np.asarray(small >> DROPPED_BITS << DROPPED_BITS, np.uint8), heads.inside)
