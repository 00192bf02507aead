"""The pictures of a pack in one file: frames as lossy WebP, lesions as PNG of one bit, and what is known of each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.errors import TriageError
from triage.training.views.two_look_views import Picture

PICTURES_FILE = "pictures.npz"
#: Qualities of WebP to choose from; with the last one, gray values are off by about 4 on average.
QUALITIES = range(90, 4, -5)
#: One frame in this many is encoded to estimate the size of all.
SAMPLED = 60
#: The estimate may be wrong by this share.
MARGIN = 0.04


class PackError(TriageError):
    """The pack cannot be written or read, or its training cannot go on."""


@dataclass(frozen=True)
class Packed:
    """The pictures of a pack.

    Attributes
    ----------
    pictures
        Each is made of its own number.
    weights
        Probability of each picture.
    allowed
        ``(trials, pictures)``: which pictures each trial may be trained on.
    """

    pictures: list[Picture]
    weights: NDArray[np.float64]
    allowed: NDArray[np.bool_]


def write_pictures(path: Path, packed: Packed, budget: int) -> int:
    """Write the pictures in at most `budget` bytes; return the quality of the frames.

    Raises
    ------
    PackError
        If the budget is too small for them.
    """
    lesions = [_lesion_bytes(picture.lesion) for picture in packed.pictures]
    located = [picture.located or (np.nan,) * 3 for picture in packed.pictures]
    targets = np.stack([picture.target for picture in packed.pictures])
    known = sum(map(len, lesions)) + packed.allowed.nbytes + len(lesions) * 64
    frames = [picture.frame for picture in packed.pictures]
    quality = _quality_within(frames, int((budget - known) * (1 - MARGIN)))
    with ThreadPoolExecutor() as pool:
        encoded = list(pool.map(lambda frame: _frame_bytes(frame, quality), frames))
    np.savez(
        path,
        frames=_joined(encoded),
        frame_sizes=_sizes(encoded),
        lesions=_joined(lesions),
        lesion_sizes=_sizes(lesions),
        located=np.array(located, np.float32),
        targets=targets,
        weights=packed.weights,
        allowed=packed.allowed,
    )
    return quality


def read_pictures(path: Path) -> Packed:
    """Read what `write_pictures` wrote."""
    with np.load(path) as stored:
        arrays = dict(stored)
    frames, lesions = (
        np.split(arrays[f"{kind}s"], np.cumsum(arrays[f"{kind}_sizes"])[:-1]) for kind in ("frame", "lesion")
    )

    def read(number: int) -> Picture:
        located = arrays["located"][number]
        return Picture(
            np.asarray(_opened(frames[number]).convert("L")),
            arrays["targets"][number],
            np.asarray(_opened(lesions[number]).convert("L")) if lesions[number].size else None,
            None if np.isnan(located).any() else (float(located[0]), float(located[1]), float(located[2])),
            made_of=(number,),
        )

    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(read, range(len(frames))))
    return Packed(pictures, arrays["weights"], arrays["allowed"])


def _quality_within(frames: Sequence[NDArray[np.uint8]], budget: int) -> int:
    some = frames[::SAMPLED]
    for quality in QUALITIES:
        size = sum(len(_frame_bytes(frame, quality)) for frame in some) / len(some)
        if size * len(frames) <= budget:
            return quality
    raise PackError(
        f"{len(frames):,} pictures do not fit in {max(budget, 0) / 1e6:.0f} MB. Allow more --megabytes, or leave out "
        "a source with --without."
    )


def _frame_bytes(frame: NDArray[np.uint8], quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def _lesion_bytes(lesion: NDArray[np.uint8] | None) -> bytes:
    """Return no bytes for a lesion that is not known."""
    buffer = io.BytesIO()
    if lesion is not None:
        Image.fromarray(lesion > 127).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _joined(parts: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), np.uint8)


def _sizes(parts: Sequence[bytes]) -> NDArray[np.int64]:
    return np.array([len(part) for part in parts], np.int64)


def _opened(data: NDArray[np.uint8]) -> Image.Image:
    return Image.open(io.BytesIO(data.tobytes()))
