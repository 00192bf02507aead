"""The jobs of a decoding process: the only code that calls the decoders on untrusted bytes.

Tested in tests/scans/isolation/test_door.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Series
from triage.scans.formats import aside, attributes
from triage.scans.formats.archives import unpack as unpack_archive
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect as inspect_file

Answer = tuple[Any, list[NDArray[np.generic]]]


def inspect(path: str) -> Answer:
    """Inspect one file; see `triage.scans.formats.inspect`."""
    return asdict(inspect_file(Path(path))), []


def decode(paths: list[str]) -> Answer:
    """Decode the files of one study, see `triage.scans.formats.decode`; the arrays are the pixels of the slices."""
    return _described(decode_study([Path(path) for path in paths]))


def decode_aside(paths: list[str], shown: list[tuple[int, int]]) -> Answer:
    """Decode what is not scored, see `triage.scans.formats.aside`; the arrays are the pixels of the slices."""
    return _described(aside.decode_aside(list(map(Path, paths)), {(at, number) for at, number in shown}))


def _described(decoded: Iterable[Series]) -> Answer:
    described, arrays = [], []
    for series in decoded:
        slices = []
        for one in series.slices:
            pixels = np.ascontiguousarray(one.pixels, one.pixels.dtype.newbyteorder("<"))
            arrays.append(pixels)
            slices.append(
                {
                    "shape": pixels.shape,
                    "dtype": pixels.dtype.name,
                    "colourfulness": one.colourfulness,
                    "spacing": one.spacing,
                    "instance": one.instance,
                    "frame": one.frame,
                    "height": one.height,
                    "origin": one.origin and asdict(one.origin),
                    "meaning": asdict(one.meaning),
                }
            )
        described.append({"header": asdict(series.header), "slices": slices, "base": series.base})
    return described, arrays


def unpack(path: str, into: str) -> Answer:
    """Unpack an archive; see `triage.scans.formats.archives`."""
    return asdict(unpack_archive(Path(path), Path(into))), []


def identity(path: str) -> Answer:
    """Read a DICOM file's identifiers; see `triage.scans.formats.attributes`."""
    return asdict(attributes.identity(Path(path))), []


def metadata(path: str) -> Answer:
    """Read a DICOM file's header; see `triage.scans.formats.attributes`."""
    return attributes.metadata(Path(path)), []
