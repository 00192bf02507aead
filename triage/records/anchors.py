"""Heads of the chain, kept in files outside the database: whoever cuts off the end of the record contradicts them.

Tested in tests/records/test_seals.py.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Lock, Timer

from triage.records.chain import Link

logger = logging.getLogger(__name__)

#: Seconds after which an anchor is on disk at the latest; that of a signature is at once.
BEHIND = 1.0
#: A line: number and code of the seal, and when it was made.
LINE = re.compile(r"(\d+) ([0-9a-f]{64}) (\S+)\n")
#: Bytes that no line is longer than.
LONGEST = 256


class Anchors:
    """Append-only files, one a month.

    Parameters
    ----------
    folder
        Made at the first anchor.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._behind: Path | None = None

    def append(self, head: Link, at: datetime, *, durable: bool) -> None:
        """Keep a head; never raises, since its transaction is committed already.

        Parameters
        ----------
        head
            The last seal of the transaction.
        at
            When it was made.
        durable
            Whether it must be on disk when this returns; otherwise it is within `BEHIND` seconds.
        """
        path = self.folder / f"{at:%Y-%m}.txt"
        try:
            with self._lock:
                is_new = not path.exists()
                if is_new:
                    self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    _mend(descriptor)
                    os.write(descriptor, f"{head.number} {head.mac} {at.isoformat()}\n".encode())
                    if durable:
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                if is_new:
                    _sync(self.folder)
                if not durable and self._behind is None:
                    self._behind = path
                    timer = Timer(BEHIND, self.sync)
                    timer.daemon = True
                    timer.start()
        except OSError:
            logger.exception("the head of the record was not anchored; free disk space for TRIAGE_HOME")

    def sync(self) -> None:
        """Put on disk what is not there yet."""
        with self._lock:
            path, self._behind = self._behind, None
        if path is not None:
            try:
                _sync(path)
            except OSError:
                logger.exception("the anchors of the record are not on disk; free disk space for TRIAGE_HOME")

    def kept(self) -> Iterator[Link]:
        """Give every anchor, the oldest first; what is no anchor is left out.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        for _, _, line in self._lines():
            if found := LINE.fullmatch(line):
                yield Link(int(found[1]), found[2])

    def garbled(self) -> list[str]:
        """Return which lines are no anchors; the end of a file may be one that was not written whole.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        return [
            f"{name}, line {at}" for name, at, line in self._lines() if not LINE.fullmatch(line) and line[-1] == "\n"
        ]

    def _lines(self) -> Iterator[tuple[str, int, str]]:
        for path in sorted(self.folder.glob("*.txt")):
            with path.open(errors="replace", newline="\n") as file:
                for at, line in enumerate(file, start=1):
                    yield path.name, at, line


def _mend(descriptor: int) -> None:
    """Cut off a line that was not written whole, or the next one would be written behind it."""
    size = os.fstat(descriptor).st_size
    end = os.pread(descriptor, LONGEST, max(size - LONGEST, 0))
    if end and not end.endswith(b"\n"):
        os.ftruncate(descriptor, size - len(end) + end.rfind(b"\n") + 1)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
