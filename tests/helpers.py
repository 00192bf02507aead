"""What several tests need and is no fixture."""

from __future__ import annotations

import io
import resource
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from triage.domain import Receipt
from triage.pipeline import Incoming, Pipeline
from triage.settings import Settings


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


def receive(pipeline: Pipeline, files: Mapping[str, bytes]) -> list[Receipt]:
    """Hand files over, wait until what was accepted is judged, and return the receipts."""
    receipts = pipeline.receive([Incoming(name, data=data) for name, data in files.items()], actor="test")
    assert pipeline.wait({receipt.study_id for receipt in receipts if receipt.study_id}) == []
    return receipts


def take_in(pipeline: Pipeline, files: Mapping[str, bytes]) -> list[str]:
    """Hand files over, wait until they are judged, and return the study of each."""
    return [str(receipt.study_id) for receipt in receive(pipeline, files)]


def run_queue(home: Path) -> None:
    """Run an installation's queue until the process is killed."""
    pipeline = Pipeline(Settings(home=home, threads=1))
    pipeline.work.start()
    threading.Event().wait()


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond `room` bytes: writing on fails as on a full disk, in the middle of the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
