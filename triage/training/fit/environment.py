"""Software versions, machine, and hash of the data of a run. Tested in tests/training/fit/test_run.py."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from triage.training.layouts import Dataset
from triage.training.layouts.loading import in_threads, read_bytes

PACKAGES = ("keras", "tensorflow-cpu", "numpy", "opencv-python-headless", "pillow", "scikit-learn", "keras-tuner")

#: The environment variable by which oneDNN chooses the number type of its multiplications.
ONEDNN_MATH_MODE = "ONEDNN_DEFAULT_FPMATH_MODE"


def environment() -> dict[str, Any]:
    """Return versions, processor and operating system; nothing that identifies the machine or its user."""
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "products": os.environ.get(ONEDNN_MATH_MODE, "STRICT"),
    }


def file_hashes(dataset: Dataset) -> dict[str, str]:
    """Return the SHA-256 of every picture and mask file, by path."""
    paths = sorted({path for item in dataset.items for path in (item.path, item.mask) if path})
    hashes = in_threads(
        lambda path: hashlib.sha256(read_bytes(dataset.root, path)).hexdigest(), paths, "Hashing the data"
    )
    return dict(zip(paths, hashes, strict=True))


def data_hash(dataset: Dataset, hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 over all files and the attributes of all items; it identifies the data."""
    digest = hashlib.sha256()
    for item in dataset.items:
        about = (item.name, item.label, item.split, item.cluster, item.fold, item.patient)
        digest.update(repr((*about, hashes[item.path], hashes.get(item.mask or ""))).encode())
        if item.outline is not None:
            digest.update(item.outline.tobytes())
    return digest.hexdigest()
