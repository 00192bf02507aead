"""What several tests need and is no fixture."""

from __future__ import annotations

import io
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def encode(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """Encode an array as a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond `room` bytes: writing on fails as on a full disk, in the middle of the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
