"""The door: all received files are decoded behind it, in child processes that can fail without harm."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from triage.domain import Meaning, Origin, Series, SeriesHeader, Slice
from triage.errors import RefusedError, TriageError
from triage.scans.formats.archives import Unpacked
from triage.scans.formats.attributes import Identity
from triage.scans.formats.inspect import Inspected
from triage.scans.isolation.child import DAMAGED, Child, Limits

#: CPU time of every job: seconds.
BASE_SECONDS = 8
#: A job gets one more second for so many bytes that it reads.
BYTES_PER_SECOND = 8 * 2**20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _SliceHead:
    """A slice as the child process describes it; the pixels follow as an array."""

    shape: tuple[int, int]
    dtype: Literal["uint8", "uint16"]
    colourfulness: float
    spacing: tuple[float, float] | None
    instance: int
    frame: int
    height: float | None = None
    origin: Origin | None = None
    meaning: Meaning = field(default_factory=Meaning)


@dataclass(frozen=True, slots=True)
class _SeriesHead:
    header: SeriesHeader
    slices: list[_SliceHead]
    base: int | None = None


# A hostile file may have taken over the child process, so its answers are validated.
_INSPECTED = TypeAdapter(Inspected)
_UNPACKED = TypeAdapter(Unpacked)
_DECODED = TypeAdapter(list[_SeriesHead])
_IDENTITY = TypeAdapter(Identity)
_METADATA = TypeAdapter(dict[str, Any])


class Door:
    """A pool of decoding processes with limits, reused and replaced as needed. Safe to call from many threads.

    Each process starts at its first use or with `warm`, in about a second of CPU time. It ends with `close`, with the
    door, or with the process that opened it, however that ends.

    Parameters
    ----------
    processes
        Number of files that are decoded at the same time; further callers wait.
    jobs
        Module with the jobs; see `triage.scans.isolation.sandbox`.
    limits
        Limits of each job.
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
        """Start the idle processes, so that the next file does not wait for one.

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
        """Return the kind and the metadata of a file, after decoding all of its pixels.

        Raises
        ------
        RefusedError
            If it is damaged, of an unknown format, or exceeds a limit.
        """
        answer, _ = self._ask("inspect", [str(path.absolute())], path.stat().st_size)
        return _checked(_INSPECTED, answer)

    def decode(self, paths: Sequence[Path]) -> tuple[Series, ...]:
        """Decode the files of one study to its series, with the slices in order.

        Raises
        ------
        RefusedError
            If a file is damaged, or the files together exceed a limit.
        """
        return self._decoded("decode", paths)

    def decode_aside(self, paths: Sequence[Path], shown: Iterable[tuple[int, int]]) -> tuple[Series, ...]:
        """Decode what is not scored of one study, to be looked at; see `triage.scans.formats.aside`.

        Raises
        ------
        RefusedError
            If the files together exceed a limit.
        """
        return self._decoded("decode_aside", paths, sorted(shown))

    def _decoded(self, job: str, paths: Sequence[Path], *more: Any) -> tuple[Series, ...]:
        size = sum(path.stat().st_size for path in paths)
        answer, arrays = self._ask(job, [[str(path.absolute()) for path in paths], *more], size)
        heads, left = _checked(_DECODED, answer), iter(arrays)
        series = tuple(
            Series(head.header, tuple(_slice(one, next(left, None)) for one in head.slices), head.base)
            for head in heads
        )
        if any(head.base is not None and not 0 <= head.base < len(heads) for head in heads):
            raise RefusedError(DAMAGED)
        if any(not 0 <= one.instance < len(paths) for head in heads for one in head.slices):
            raise RefusedError(DAMAGED)
        return series

    def unpack(self, path: Path, into: Path) -> Unpacked:
        """Unpack an archive into a folder, under generated names.

        Raises
        ------
        RefusedError
            If the archive as a whole is damaged, or too large once inflated. Single members that are refused are
            listed in the result.
        StorageError
            If the disk is full.
        """
        answer, _ = self._ask("unpack", [str(path.absolute()), str(into.absolute())], path.stat().st_size)
        return _checked(_UNPACKED, answer)

    def identity(self, path: Path) -> Identity:
        """Return the UIDs of a DICOM file without decoding its pixels.

        Raises
        ------
        RefusedError
            If it is not a DICOM file, or damaged.
        """
        answer, _ = self._ask("identity", [str(path.absolute())], path.stat().st_size)
        return _checked(_IDENTITY, answer)

    def metadata(self, path: Path) -> dict[str, Any]:
        """Return the header of a DICOM file in the DICOM JSON model, without bulk data.

        Raises
        ------
        RefusedError
            If it is not a DICOM file, or damaged.
        """
        answer, _ = self._ask("metadata", [str(path.absolute())], path.stat().st_size)
        return _checked(_METADATA, answer)

    def close(self) -> None:
        """End all processes; a job in progress raises `RefusedError`."""
        with self._lock:
            self._closed = True
        self._finalizer()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, job: str, arguments: list[Any], size: int) -> tuple[Any, list[NDArray[np.uint8]]]:
        cpu = BASE_SECONDS + size // BYTES_PER_SECOND
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
            # Under the lock: `close` would never end a process that it does not know.
            child = Child(self._jobs, self._limits)
            self._children.add(child)
        return child


def _end(children: set[Child]) -> None:
    while children:
        children.pop().end()


def _checked(adapter: TypeAdapter[T], answer: Any) -> T:
    try:
        return adapter.validate_python(answer)
    except ValidationError as error:
        raise RefusedError(DAMAGED) from error


def _slice(head: _SliceHead, pixels: NDArray[np.uint8] | None) -> Slice:
    dtype = np.dtype(head.dtype)
    if head.origin is not None and not all(map(math.isfinite, _numbers(head.origin))):
        raise RefusedError(DAMAGED)
    meaning = head.meaning
    if not all(map(math.isfinite, (meaning.slope, meaning.intercept, *(meaning.window or ())))) or not meaning.slope:
        raise RefusedError(DAMAGED)
    if pixels is None or pixels.nbytes != head.shape[0] * head.shape[1] * dtype.itemsize:
        raise RefusedError(DAMAGED)
    return Slice(
        pixels.view(dtype).reshape(head.shape),
        head.colourfulness,
        head.spacing,
        head.instance,
        head.frame,
        head.height,
        head.origin,
        meaning,
    )


def _numbers(origin: Origin) -> Iterable[float]:
    stated = origin.orientation, origin.position, origin.pixel_size, origin.timing, (origin.thickness, origin.location)
    return (number for numbers in stated for number in numbers or () if number is not None)
