"""The parent's side of a decoding process: ask it, wait no longer than allowed, believe only what is well-formed."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import Pipe
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import RefusedError, StorageError, TriageError
from triage.settings import ROOT

logger = logging.getLogger(__name__)

#: Wall time for the start, which is nothing but imports: seconds.
START = 60
#: A job may wait for the processor this many times as long as it may use it.
PATIENCE = 4
#: Largest answer apart from arrays: bytes.
MAX_SAID = 32 * 2**20
DAMAGED = "The file is damaged: no decoder can read it. Export it again and upload the new file."


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may take.

    Attributes
    ----------
    memory
        Bytes on top of what the process takes when it starts.
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
        Name of the module that holds the jobs; see `triage.scans.isolation.sandbox`.
    limits
        What a job may take.

    Raises
    ------
    TriageError
        If the process does not start.
    """

    def __init__(self, jobs: str, limits: Limits) -> None:
        self._limits = limits
        self._channel, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [
                    sys.executable,
                    "-m",
                    "triage.scans.isolation.sandbox",
                    jobs,
                    str(theirs.fileno()),
                    str(limits.memory),
                ],
                stdin=subprocess.PIPE,  # held open for as long as we live
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders print what the file holds
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                env=_environment(),
            )
        try:
            if not self._channel.poll(START):
                raise EOFError
            self._channel.recv_bytes(MAX_SAID)
        except (EOFError, OSError) as error:
            self.end()
            raise TriageError("The decoding process does not start. Check the installation, then repeat.") from error

    @property
    def alive(self) -> bool:
        """Whether it can be asked again."""
        return self._process.poll() is None

    def ask(self, job: str, arguments: list[Any], cpu: int) -> tuple[Any, list[NDArray[np.uint8]]]:
        """Have a job done.

        Parameters
        ----------
        job, arguments
            A function of the jobs module, and what JSON can say.
        cpu
            Seconds of CPU time that it may take, and a quarter of the wall time.

        Returns
        -------
        object, list of ndarray
            What the job said, and the bytes of its arrays.

        Raises
        ------
        RefusedError
            If the job refuses, fails, or goes beyond a limit; the process is then no longer `alive`, unless it was
            the job itself that refused.
        StorageError
            If the disk is full.
        """
        deadline = Timer(PATIENCE * cpu, self._process.kill)
        deadline.start()
        try:
            self._channel.send_bytes(json.dumps({"job": job, "arguments": arguments, "cpu": cpu}).encode())
            head = json.loads(self._channel.recv_bytes(MAX_SAID))
            arrays = self._arrays(head.get("arrays", []))
        except (EOFError, OSError, ValueError) as error:
            raise RefusedError(self._died(cpu)) from error
        finally:
            deadline.cancel()
            deadline.join()
        if "said" in head:
            return head["said"], arrays
        if "refused" in head:
            raise RefusedError(head["refused"])
        if "disk" in head:
            raise StorageError(f"Not stored: {head['disk']}. Free disk space, then repeat.")
        if "memory" in head:
            self.end()  # what it still holds is not known
            raise RefusedError(self._too_large())
        logger.warning("a decoder failed: %s", head.get("failed"))
        raise RefusedError(DAMAGED)

    def end(self) -> None:
        """Kill it, if it still lives, and collect it."""
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
            # Straight into its place: the channel's own way copies each array twice more.
            left = array.data
            while left:
                read = os.readv(self._channel.fileno(), [left])
                if not read:
                    raise EOFError
                left = left[read:]
        return arrays

    def _died(self, cpu: int) -> str:
        """Collect the process, whatever state it is in, and say in words why it is gone."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            code = 0  # it lives, but what it said makes no sense
        self.end()
        logger.warning("a decoding process ended with %s", code)
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"Decoding takes longer than {cpu} s and was stopped. Export it uncompressed, or in smaller parts."
        return DAMAGED

    def _too_large(self) -> str:
        limit = self._limits.memory >> 20
        return f"Decoding takes more than the {limit} MB that are allowed. Export it in smaller parts."


def _environment() -> dict[str, str]:
    """Return what Python needs and nothing that is secret; one thread, since each has its own memory."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
