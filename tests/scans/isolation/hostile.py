"""Jobs that do to the decoding process what hostile bytes may make a decoder do."""

from __future__ import annotations

import errno
import os
import sys
import time
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
