"""The child's side of the door: a process that decodes untrusted bytes, and may crash on them.

`triage.scans.isolation.child` starts it as ``python -m triage.scans.isolation.sandbox JOBS CHANNEL MEMORY``. It writes
only the files that a job asks for, has no secrets in its environment and no network, and answers in JSON and raw
arrays, never in pickles. Tested in tests/scans/isolation/test_door.py.
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
from triage.scans.isolation.offline import go_offline

#: Open files of the process, including those of the libraries.
MAX_OPEN = 256


def main(jobs: str, channel: str, memory: str) -> None:
    """Answer requests until the parent closes the channel.

    Parameters
    ----------
    jobs
        Module whose public functions are the jobs. Each takes the arguments of the request and returns a JSON value and
        a list of arrays.
    channel
        File descriptor of the socket to the parent.
    memory
        Bytes that decoding may take in addition to the imports.
    """
    _die_with_the_parent()
    is_offline = go_offline()
    connection = Connection(int(channel))
    module = importlib.import_module(jobs)
    _limit(int(memory))
    connection.send_bytes(json.dumps({"offline": is_offline}).encode())
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
        result, arrays = getattr(module, request["job"])(*request["arguments"])
    except RefusedError as error:
        return {"refused": str(error)}, []
    except MemoryError:
        return {"memory": True}, []
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return {"disk": error.strerror}, []
        return {"failed": _where(error)}, []
    except BaseException as error:  # hostile bytes can raise anything; a panic in Rust is not an Exception
        return {"failed": _where(error)}, []
    return {"result": result, "arrays": [array.nbytes for array in arrays]}, arrays


def _where(error: BaseException) -> str:
    """Return type and place of an error without its text, which may quote the file."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _die_with_the_parent() -> None:
    """Let the kernel end this process when the other end of stdin is closed, even while a decoder is busy.

    PR_SET_PDEATHSIG would fire when the *thread* that started this process ends, as threads of a web server do.
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO, which ends the process
    if select.select([0], [], [], 0)[0]:
        sys.exit()


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN, MAX_OPEN))
    size = Path("/proc/self/statm")
    if size.exists():  # Linux; other systems cannot limit the address space
        taken = int(size.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))


def _limit_cpu(seconds: int) -> None:
    """Limit the CPU time of this job; SIGXCPU ends the process after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(*sys.argv[1:])
