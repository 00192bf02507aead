"""Threads that write to one SQLite file, one after another, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

from triage.errors import StorageError
from triage.records.faults import BUSY


class Turns:
    """Turns of the threads of this process.

    Threads that wait for SQLite itself look for its lock again and again, and among many some are never lucky: they
    were refused after the whole timeout, though every transaction took milliseconds.

    Parameters
    ----------
    patience
        Seconds that a thread waits for its turn; None if nobody has to wait, since the database has a queue itself.
    """

    def __init__(self, patience: float | None) -> None:
        self._patience = patience
        self._lock = Lock()
        #: Of the thread whose turn it is, then of those that wait.
        self._line: deque[Event] = deque()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and keep it while the block runs.

        Raises
        ------
        StorageError
            If it did not come in time.
        """
        if self._patience is None:
            yield
            return
        mine = Event()
        with self._lock:
            self._line.append(mine)
            if self._line[0] is mine:
                mine.set()
        try:
            if not mine.wait(self._patience):
                raise StorageError(BUSY)
            yield
        finally:
            with self._lock:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()
