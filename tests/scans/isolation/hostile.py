"""Jobs that do to the decoding process what hostile bytes may make a decoder do."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Answer = tuple[Any, list[np.ndarray]]


def inspect(path: str) -> Answer:
    """Misbehave as the file says."""
    with open(path) as file:  # noqa: PTH123
        word = file.read()
    return {"spin": spin, "sleep": sleep, "eat": eat, "crash": crash, "flood": flood, "fail": fail, "full": full}[
        word
    ]()


def decode(paths: list[str]) -> Answer:
    """Announce a slice of a file that was not handed over, and fewer bytes than it has."""
    head = {"colourfulness": 0.0, "spacing": None, "frame": 0, "dtype": "uint8", "shape": (4, 4)}
    word = paths[0].rsplit("/", 1)[-1]
    slices = [head | {"instance": 7 if word == "instance" else 0}]
    return [{"header": {}, "slices": slices}], [np.zeros(3 if word == "short" else 16, np.uint8)]


def unpack(path: str, into: str) -> Answer:
    """Say what its environment and its modules are."""
    return {"members": [{"name": name, "path": "."} for name in os.environ | sys.modules], "refused": []}, []


def spin() -> Answer:
    while True:
        pass


def sleep() -> Answer:
    time.sleep(600)
    return None, []


def eat() -> Answer:
    return None, [np.ones(2**30, np.uint8)]


def flood() -> Answer:
    return None, [np.zeros(2**20, np.uint8)] * 1000


def crash() -> Answer:
    os.abort()


def fail() -> Answer:
    raise KeyError("Doe^Jane")


def full() -> Answer:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def reach(how: str) -> Answer:
    """Try to reach out of the process in one of some ways; return the number of the error, 0 if it went well."""
    return WAYS[how](), []


def _numbered(act: Callable[[], object]) -> int:
    try:
        act()
    except OSError as error:
        return error.errno or -1
    return 0


def _by_a_program() -> int:
    code = "import socket, sys\ntry: socket.socket()\nexcept OSError as e: sys.exit(e.errno)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return ctypes.get_errno() if libc.syscall(number, *arguments) < 0 else 0


WAYS: dict[str, Callable[[], int]] = {
    "internet": lambda: _numbered(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
    "datagrams": lambda: _numbered(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)),
    "local": lambda: _numbered(lambda: socket.socket(socket.AF_UNIX)),
    "look-up": lambda: _numbered(lambda: socket.create_connection(("127.0.0.1", 9))),
    "thread": lambda: ThreadPoolExecutor(1).submit(lambda: _numbered(socket.socket)).result(),
    "program": _by_a_program,
    "ring": lambda: _call(425, 1, ctypes.create_string_buffer(256)),
    "parent": lambda: _call(438, 0, 0, 0),
}
