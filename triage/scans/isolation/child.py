"""The parent's side of a decoding process: send a job, enforce its limits, accept only a well-formed answer.

Tested in tests/scans/isolation/test_door.py.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pipe
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import RefusedError, StorageError, TriageError
from triage.settings import ROOT
from triage.text import visible

logger = logging.getLogger(__name__)

#: Wall time for the start of a process, mostly imports: seconds.
START_SECONDS = 60
#: Wall time of a job as a multiple of its CPU time.
WALL_PER_CPU = 4
#: Largest answer, arrays excluded: bytes.
MAX_ANSWER = 32 * 2**20
#: Characters of a message from the process in the log.
MAX_LOGGED = 200
DAMAGED = "The file is damaged: no decoder can read it. Export it again and upload the new file."


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one job.

    Attributes
    ----------
    memory
        Bytes in addition to those that the process takes at its start.
    output
        Bytes of all arrays of one answer.
    """

    memory: int = 768 * 2**20
    output: int = 384 * 2**20


class Child:
    """One decoding process.

    Parameters
    ----------
    jobs
        Name of the module with the jobs; see `triage.scans.isolation.sandbox`.
    limits
        Limits of each job.

    Raises
    ------
    TriageError
        If the process does not start.
    """

    def __init__(self, jobs: str, limits: Limits) -> None:
        self._limits = limits
        self._channel, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our module
                [
                    sys.executable,
                    "-m",
                    "triage.scans.isolation.sandbox",
                    jobs,
                    str(theirs.fileno()),
                    str(limits.memory),
                ],
                stdin=subprocess.PIPE,  # stays open as long as the parent lives
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders print contents of the file
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=_environment(),
            )
        try:
            if not self._channel.poll(START_SECONDS):
                raise EOFError
            begun = json.loads(self._channel.recv_bytes(MAX_ANSWER))
        except (EOFError, OSError, ValueError) as error:
            self.end()
            raise TriageError("The decoding process does not start. Check the installation, then repeat.") from error
        if not begun.get("offline"):
            _warn_once()

    @property
    def alive(self) -> bool:
        """Whether the process can take another job."""
        return self._process.poll() is None

    def ask(self, job: str, arguments: list[Any], cpu: int) -> tuple[Any, list[NDArray[np.uint8]]]:
        """Run a job.

        Parameters
        ----------
        job, arguments
            A function of the jobs module, and its arguments as JSON values.
        cpu
            Limit of its CPU time in seconds; its wall time is limited to `WALL_PER_CPU` times that.

        Returns
        -------
        object, list of ndarray
            The result of the job, and the bytes of its arrays.

        Raises
        ------
        RefusedError
            If the job refuses, fails, or exceeds a limit. Beyond a limit, the process is no longer `alive`.
        StorageError
            If the disk is full.
        """
        deadline = Timer(WALL_PER_CPU * cpu, self._process.kill)
        deadline.start()
        try:
            self._channel.send_bytes(json.dumps({"job": job, "arguments": arguments, "cpu": cpu}).encode())
            head = json.loads(self._channel.recv_bytes(MAX_ANSWER))
            arrays = self._arrays(head.get("arrays", []))
        except (EOFError, OSError, ValueError) as error:
            raise RefusedError(self._died(cpu)) from error
        finally:
            deadline.cancel()
            deadline.join()
        if "result" in head:
            return head["result"], arrays
        if "refused" in head:
            raise RefusedError(head["refused"])
        if "disk" in head:
            raise StorageError(f"Not stored: {head['disk']}. Free disk space, then repeat.")
        if "memory" in head:
            self.end()  # it may still hold much of that memory
            raise RefusedError(self._too_large())
        logger.warning("a decoder failed: %s", visible(str(head.get("failed")), MAX_LOGGED))
        raise RefusedError(DAMAGED)

    def end(self) -> None:
        """Kill the process if it is still running, and reap it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._channel.close()

    def _arrays(self, sizes: list[int]) -> list[NDArray[np.uint8]]:
        if sum(sizes) > self._limits.output:
            self.end()
            raise RefusedError(self._too_large())
        arrays = [np.empty(size, np.uint8) for size in sizes]
        for array in arrays:
            # Straight into the array: Connection.recv_bytes would copy it twice more.
            left = array.data
            while left:
                read = os.readv(self._channel.fileno(), [left])
                if not read:
                    raise EOFError
                left = left[read:]
        return arrays

    def _died(self, cpu: int) -> str:
        """End the process, whatever state it is in, and return the reason as a message."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            code = 0  # it is running, but its answer is malformed
        self.end()
        logger.warning("a decoding process ended with %s", code)
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return (
                f"Decoding took longer than {cpu} s and was stopped. Export the file uncompressed, or in smaller parts."
            )
        return DAMAGED

    def _too_large(self) -> str:
        limit = self._limits.memory >> 20
        return f"Decoding needs more than the limit of {limit} MB. Export the file in smaller parts."


@cache
def _warn_once() -> None:
    logger.warning("this system does not let decoders give up the network; block it from outside")


def _environment() -> dict[str, str]:
    """Return the variables that Python needs, without secrets; a single thread, since each takes memory of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
