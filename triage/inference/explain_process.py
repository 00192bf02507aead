"""Maps on demand in a process of their own, so that TensorFlow never enters the process of the pages.

There it would hold up everybody: Streamlit clears the session of Keras after every run of a page once Keras is loaded,
which takes up to a second, and a map takes one core for many.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Placement
from triage.errors import ModelError, TriageError
from triage.inference.explain import Method, explain
from triage.settings import ROOT

#: How often a process that may have died is looked at while a map is made: seconds.
POLL = 1.0
#: How long it may take to end by itself: seconds.
PATIENCE = 2.0
DIED = "The process that makes the map ended; it may have run out of memory. Try again, or choose HiResCAM."


class ExplainProcess:
    """Makes one map at a time; the process starts with the first and ends with this one. Safe to call from threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self._end: Callable[[], object] = lambda: None  # nothing has started yet

    def explain(
        self, folder: Path, pixels: NDArray[np.generic], look: Placement, finding: Finding, method: Method
    ) -> NDArray[np.float32]:
        """Return what `triage.inference.explain.explain` returns.

        Raises
        ------
        ModelError
            If the map cannot be made, or the process died.
        """
        with self._lock:
            try:
                channel = self._opened()
                channel.send((folder, pixels, look, finding, method))
                while not channel.poll(POLL):
                    if self._process is None or self._process.poll() is not None:
                        raise EOFError
                made, answer = channel.recv()
            except (EOFError, OSError) as error:
                self.close()
                raise ModelError(DIED) from error
        if not made:
            raise ModelError(answer)
        values: NDArray[np.float32] = answer
        return values

    def close(self) -> None:
        """End the process; the next map starts another one."""
        self._end()
        self._process = self._channel = None

    def _opened(self) -> Connection:
        if self._channel is None:
            ours, theirs = socket.socketpair()
            environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - ourselves
                    [sys.executable, "-m", __name__, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    cwd=ROOT,
                    env=environment,
                )
            self._channel = Connection(ours.detach())
            # Also at the end of this process, or when nobody holds this object any more.
            self._end = weakref.finalize(self, _end, self._process, self._channel)
        return self._channel


def _end(process: subprocess.Popen[bytes], channel: Connection) -> None:
    channel.close()  # the process waits for the next question, and finds that there is none
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:  # it makes a map that nobody waits for
        process.kill()
        process.wait()


def main(descriptor: int) -> None:
    """Make maps until the other side is gone."""
    channel = Connection(descriptor)
    while True:
        try:
            asked = channel.recv()
        except EOFError:
            return
        try:
            channel.send((True, explain(*asked)))
        except TriageError as error:
            channel.send((False, str(error)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
