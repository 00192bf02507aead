"""The door: everything that comes in is decoded behind it, in processes that may die without harm."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from triage.domain import Series, SeriesHeader, Slice
from triage.errors import RefusedError, TriageError
from triage.scans.formats.archives import Unpacked
from triage.scans.formats.attributes import Identity
from triage.scans.formats.inspect import Inspected
from triage.scans.isolation.child import DAMAGED, Child, Limits

#: CPU time for any job, and for each further 8 MB that it reads: seconds.
BASE_SECONDS, BYTES_A_SECOND = 8, 8 * 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _SliceHead:
    """A slice as the child announces it; the pixels follow as an array."""

    shape: tuple[int, int]
    dtype: Literal["uint8", "uint16"]
    colourfulness: float
    spacing: tuple[float, float] | None
    instance: int
    frame: int
    height: float | None = None


@dataclass(frozen=True, slots=True)
class _SeriesHead:
    header: SeriesHeader
    slices: list[_SliceHead]


# What comes from the child is checked as what comes from a stranger.
_INSPECTED, _UNPACKED, _DECODED = TypeAdapter(Inspected), TypeAdapter(Unpacked), TypeAdapter(list[_SeriesHead])
_IDENTITY, _METADATA = TypeAdapter(Identity), TypeAdapter(dict[str, Any])


class Door:
    """A few decoding processes that are reused, limited and replaced. Safe to call from many threads.

    Each starts at its first use or with `warm`, in about a second of CPU time, and ends with `close`, with the door, or
    with the process that opened it, however that ends.

    Parameters
    ----------
    processes
        How many files may be decoded at once; further callers wait.
    jobs
        Module that holds the jobs; see `triage.scans.isolation.sandbox`.
    limits
        What a job may take.
    """

    def __init__(
        self, processes: int = 2, jobs: str = "triage.scans.isolation.jobs", limits: Limits | None = None
    ) -> None:
        self._jobs, self._limits = jobs, limits or Limits()
        self._free: LifoQueue[Child | None] = LifoQueue()
        for _ in range(processes):
            self._free.put(None)
        self._children: set[Child] = set()
        self._lock, self._closed = Lock(), False
        self._finalizer = weakref.finalize(self, _end, self._children)

    def warm(self) -> None:
        """Start the processes that nobody uses, so that the next file does not wait for one.

        Raises
        ------
        TriageError
            If one does not start.
        """
        idle: list[Child | None] = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        try:
            for number, child in enumerate(idle):
                if child is None or not child.alive:
                    idle[number] = self._replaced(child)
        finally:
            for child in idle:
                self._free.put(child)

    def inspect(self, path: Path) -> Inspected:
        """Return what a file is and says of itself; all of its pixels were decoded.

        Raises
        ------
        RefusedError
            If it is damaged, of no known format, or goes beyond a limit.
        """
        said, _ = self._ask("inspect", [str(path.absolute())], path.stat().st_size)
        return _checked(_INSPECTED, said)

    def decode(self, paths: Sequence[Path]) -> tuple[Series, ...]:
        """Decode the files of one study: its series, their slices in order.

        Raises
        ------
        RefusedError
            If a file is damaged, or all of them together go beyond a limit.
        """
        size = sum(path.stat().st_size for path in paths)
        said, arrays = self._ask("decode", [[str(path.absolute()) for path in paths]], size)
        heads, left = _checked(_DECODED, said), iter(arrays)
        series = tuple(
            Series(head.header, tuple(_slice(one, next(left, None)) for one in head.slices)) for head in heads
        )
        if any(not 0 <= one.instance < len(paths) for head in heads for one in head.slices):
            raise RefusedError(DAMAGED)
        return series

    def unpack(self, path: Path, into: Path) -> Unpacked:
        """Unpack an archive into a folder, under names of our own.

        Raises
        ------
        RefusedError
            If the archive as a whole is damaged, or too large once inflated; single members that are refused are
            listed in the answer instead.
        StorageError
            If the disk is full.
        """
        said, _ = self._ask("unpack", [str(path.absolute()), str(into.absolute())], path.stat().st_size)
        return _checked(_UNPACKED, said)

    def identity(self, path: Path) -> Identity:
        """Return where a DICOM file says that it belongs; its pixels are not looked at.

        Raises
        ------
        RefusedError
            If it is no DICOM file, or damaged.
        """
        said, _ = self._ask("identity", [str(path.absolute())], path.stat().st_size)
        return _checked(_IDENTITY, said)

    def metadata(self, path: Path) -> dict[str, Any]:
        """Return a DICOM file's header in the DICOM JSON model, without bulk data.

        Raises
        ------
        RefusedError
            If it is no DICOM file, or damaged.
        """
        said, _ = self._ask("metadata", [str(path.absolute())], path.stat().st_size)
        return _checked(_METADATA, said)

    def close(self) -> None:
        """End all decoding; a job that is under way is refused."""
        with self._lock:
            self._closed = True
        self._finalizer()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, job: str, arguments: list[Any], size: int) -> tuple[Any, list[NDArray[np.uint8]]]:
        cpu = BASE_SECONDS + size // BYTES_A_SECOND
        child = self._free.get()
        try:
            if child is None or not child.alive:
                child = self._replaced(child)
            return child.ask(job, arguments, cpu)
        finally:
            self._free.put(child)

    def _replaced(self, dead: Child | None) -> Child:
        if dead is not None:
            dead.end()
            self._children.discard(dead)
        with self._lock:
            if self._closed:
                raise TriageError("The server is stopping. Repeat when it is back.")
            # Under the lock: one that `close` does not know of would never be ended.
            child = Child(self._jobs, self._limits)
            self._children.add(child)
        return child


def _end(children: set[Child]) -> None:
    while children:
        children.pop().end()


def _checked(adapter: TypeAdapter[T], said: Any) -> T:
    try:
        return adapter.validate_python(said)
    except ValidationError as error:
        raise RefusedError(DAMAGED) from error


def _slice(head: _SliceHead, pixels: NDArray[np.uint8] | None) -> Slice:
    dtype = np.dtype(head.dtype)
    if pixels is None or pixels.nbytes != head.shape[0] * head.shape[1] * dtype.itemsize:
        raise RefusedError(DAMAGED)
    return Slice(
        pixels.view(dtype).reshape(head.shape),
        head.colourfulness,
        head.spacing,
        head.instance,
        head.frame,
        head.height,
    )
