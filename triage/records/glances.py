"""What a reader sees of a study before its files are decoded again, on disk beside them: its slices without their
pixels, and the pictures at which the viewer opens.

All of it can be made anew from the files: one that is missing, of an earlier release, or without a code made with the
key of the record counts as none.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import logging
import os
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from triage import __version__
from triage.domain import Meaning, Origin, Series, SeriesHeader, Slice
from triage.records.files import UNFINISHED
from triage.records.keys import Key
from triage.records.views import Study
from triage.scans.windows import window_presets

logger = logging.getLogger(__name__)

#: Centre and width of each preset of a series, by name; none for a series without slices.
Windows = dict[str, tuple[float, float]]
#: Series and slice.
Place = tuple[int, int]
#: Changes whenever other slices are made of the same files within one version: browsers keep what they have.
FORM = 3
#: Bytes of pixels below which a study is decoded so quickly that nothing is kept.
WORTH_KEEPING = 4 * 2**20
#: Characters of the code before the data of a glance.
CODE = 64
#: Seconds after which a glance that nobody asked for is removed: 30 days.
UNUSED = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class _SliceHead:
    shape: tuple[int, int]
    dtype: Literal["uint8", "uint16"]
    spacing: tuple[float, float] | None
    instance: int
    frame: int
    height: float | None
    origin: Origin | None
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class _SeriesHead:
    header: SeriesHeader
    windows: Windows
    slices: list[_SliceHead]


_HEADS = TypeAdapter(list[_SeriesHead])


@dataclass(frozen=True, slots=True)
class Glance:
    """A study at a glance.

    Attributes
    ----------
    series
        All series; the pixels of most slices are zeros that take no memory.
    windows
        Of each series.
    pictures
        Slices with their pixels.
    """

    series: tuple[Series, ...]
    windows: tuple[Windows, ...]
    pictures: dict[Place, Slice] = field(default_factory=dict)


def version_of(study: Study) -> str:
    """Return the digest of what the slices of a study depend on."""
    return hashlib.sha256(f"{FORM} {__version__} {study.study_id} {study.contents}".encode()).hexdigest()[:32]


def windows_of(series: Sequence[Series]) -> tuple[Windows, ...]:
    """Return the windows of each series."""
    return tuple(window_presets(one) if one.slices else {} for one in series)


def middle(series: Sequence[Series]) -> Place | None:
    """Return the slice at which a study opens that the AI knows nothing of; None if there is no slice."""
    return next(((number, len(one.slices) // 2) for number, one in enumerate(series) if one.slices), None)


class Glances:
    """The glances of all studies.

    Parameters
    ----------
    folder
        Made when it is needed; what is being written lies beside it.
    key
        Makes the code of each, so that nobody shows readers another picture.
    """

    def __init__(self, folder: Path, key: Key) -> None:
        self.folder, self._key = folder, key

    def find(self, study: Study) -> Glance | None:
        """Return the glance of a study; None if there is none that holds. One that was altered is removed."""
        path = self._path(study)
        try:
            code, data = (kept := path.read_bytes())[:CODE], kept[CODE:]
            if not hmac.compare_digest(code, self._code(path, data)):
                path.unlink(missing_ok=True)
                return None
            os.utime(path)
            with np.load(io.BytesIO(data), allow_pickle=False) as found:
                heads = _HEADS.validate_json(found["heads"].tobytes())
                pictures = {(int(at[0]), int(at[1])): found[_name(*at)] for at in found["places"]}
            series = tuple(Series(one.header, tuple(map(_blank, one.slices))) for one in heads)
            shown = {at: _filled(series[at[0]].slices[at[1]], pixels) for at, pixels in pictures.items()}
        except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return Glance(series, tuple(one.windows for one in heads), shown)

    def keep(self, study: Study, series: Sequence[Series], windows: Sequence[Windows] | None = None) -> None:
        """Keep a study at a glance; without room on the disk nothing is kept.

        Parameters
        ----------
        study
            As it is on the record, with its result.
        series
            Its series as they were decoded.
        windows
            If they are known.
        """
        if sum(one.pixels.nbytes for stack in series for one in stack.slices) < WORTH_KEEPING:
            return
        heads = [
            _SeriesHead(stack.header, known, [_head(one) for one in stack.slices])
            for stack, known in zip(series, windows or windows_of(series), strict=True)
        ]
        scores = study.result.slices if study.result else None
        # A blind reader opens it in the middle.
        places = {at for at in (middle(series), (scores.series, scores.slice) if scores else None) if at is not None}
        pixels = {_name(*at): series[at[0]].slices[at[1]].pixels for at in places}
        path = self._path(study)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=UNFINISHED) as folder:
                part = Path(folder) / path.name
                data = _packed(_HEADS.dump_json(heads), sorted(places), pixels)
                part.write_bytes(self._code(path, data) + data)
                part.replace(path)
        except OSError:
            logger.warning("no glance of study %s was kept; it opens more slowly", study.study_id, exc_info=True)

    def sweep(self, age: float = UNUSED) -> int:
        """Remove what nobody has asked for within so many seconds, and return how many that were."""
        old = [path for path in self.folder.glob("*/*.npz") if time.time() - path.stat().st_mtime > age]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _code(self, path: Path, data: bytes) -> bytes:
        return self._key.mac(f"glance {path.name}\n".encode() + data).encode()

    def _path(self, study: Study) -> Path:
        version = version_of(study)
        return self.folder / version[:2] / f"{version}.npz"


def _name(series: int, at: int) -> str:
    return f"{series}-{at}"


def _packed(heads: bytes, places: list[Place], pixels: Mapping[str, NDArray[Any]]) -> bytes:
    arrays: dict[str, Any] = {"heads": np.frombuffer(heads, np.uint8), **pixels}
    into = io.BytesIO()
    np.savez_compressed(into, places=np.array(places, np.int64).reshape(-1, 2), **arrays)
    return into.getvalue()


def _head(one: Slice) -> _SliceHead:
    rows, columns = one.pixels.shape
    dtype: Literal["uint8", "uint16"] = "uint8" if one.pixels.dtype.itemsize == 1 else "uint16"
    return _SliceHead((rows, columns), dtype, one.spacing, one.instance, one.frame, one.height, one.origin, one.meaning)


def _blank(head: _SliceHead) -> Slice:
    pixels = np.broadcast_to(np.zeros((), head.dtype), head.shape)
    return Slice(pixels, 0.0, head.spacing, head.instance, head.frame, head.height, head.origin, head.meaning)


def _filled(blank: Slice, pixels: NDArray[Any]) -> Slice:
    if (pixels.shape, pixels.dtype) != (blank.pixels.shape, blank.pixels.dtype):
        raise ValueError("other pixels than were described")
    return replace(blank, pixels=pixels)
