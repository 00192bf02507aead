"""The child's side of the door: a process that decodes what strangers wrote, and may die of it.

Started by `triage.scans.isolation.child` as ``python -m triage.scans.isolation.sandbox JOBS CHANNEL MEMORY``. It writes
nothing but what a job is told to write, knows no secret (its environment is empty), and answers in JSON and raw arrays,
never in pickles.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import json
import os
import resource
import select
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from triage.errors import RefusedError

#: Files that a job holds open at once, with room for what the libraries load.
MAX_OPEN = 256


def main(jobs: str, channel: str, memory: str) -> None:
    """Answer requests until the parent goes.

    Parameters
    ----------
    jobs
        Module whose public functions are the jobs. Each takes the request's arguments and returns what JSON can say
        and a list of arrays.
    channel
        File descriptor of the socket to the parent.
    memory
        Bytes that decoding may take on top of what the imports take.
    """
    _die_with_the_parent()
    connection = Connection(int(channel))
    module = importlib.import_module(jobs)
    _limit(int(memory))
    connection.send_bytes(b"{}")
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        _limit_cpu(request["cpu"])
        head, arrays = _answer(module, request)
        connection.send_bytes(json.dumps(head, default=str).encode())
        for array in arrays:
            left = memoryview(array.reshape(-1).view("u1"))
            while left:
                left = left[os.write(connection.fileno(), left) :]


def _answer(module: Any, request: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    try:
        said, arrays = getattr(module, request["job"])(*request["arguments"])
    except RefusedError as error:
        return {"refused": str(error)}, []
    except MemoryError:
        return {"memory": True}, []
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return {"disk": error.strerror}, []
        return {"failed": _where(error)}, []
    except BaseException as error:  # whatever a decoder makes of hostile bytes; a panic in Rust is no Exception
        return {"failed": _where(error)}, []
    return {"said": said, "arrays": [array.nbytes for array in arrays]}, arrays


def _where(error: BaseException) -> str:
    """Say what failed without the error's text, which may quote the file."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _die_with_the_parent() -> None:
    """Let the kernel end this process when the other end of stdin is closed, also while a decoder spins.

    PR_SET_PDEATHSIG would fire when the *thread* that started us ends, and a web server's threads come and go.
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO, which ends us
    if select.select([0], [], [], 0)[0]:
        sys.exit()


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN, MAX_OPEN))
    size = Path("/proc/self/statm")
    if size.exists():  # Linux; elsewhere address space cannot be limited
        taken = int(size.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))


def _limit_cpu(seconds: int) -> None:
    """Give this job so many seconds of CPU time; then SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(*sys.argv[1:])
