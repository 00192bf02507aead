"""What a run was made with: versions, machine, and the data by their hash."""

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

#: What oneDNN goes by in the choice of the type that it multiplies in.
PRODUCTS = "ONEDNN_DEFAULT_FPMATH_MODE"


def environment() -> dict[str, Any]:
    """Versions, processor and operating system; nothing that names the machine or its user."""
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "products": os.environ.get(PRODUCTS, "STRICT"),
    }


def file_hashes(dataset: Dataset) -> dict[str, str]:
    """Return the sha256 of every file of the items, by path."""
    paths = sorted({path for item in dataset.items for path in (item.path, item.mask) if path})
    hashes = in_threads(
        lambda path: hashlib.sha256(read_bytes(dataset.root, path)).hexdigest(), paths, "Hashing the data"
    )
    return dict(zip(paths, hashes, strict=True))


def data_hash(dataset: Dataset, hashes: Mapping[str, str]) -> str:
    """Return one sha256 over the files and over what is known of each item: the same if the data are the same."""
    digest = hashlib.sha256()
    for item in dataset.items:
        about = (item.name, item.label, item.split, item.cluster, item.fold, item.patient)
        digest.update(repr((*about, hashes[item.path], hashes.get(item.mask or ""))).encode())
        if item.outline is not None:
            digest.update(item.outline.tobytes())
    return digest.hexdigest()
