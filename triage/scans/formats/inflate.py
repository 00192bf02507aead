"""Read parts of a file that may be packed by gzip, without inflating all of it into memory.

Tested in tests/scans/formats/test_nifti.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from triage.errors import RefusedError
from triage.scans.formats.identify import GZIP_SIGNATURE, READ_BLOCK

#: Accepted bytes after the part that is read (padding).
MAX_EXTRA = 2**20
CUT = "The header promises more voxels than the file holds. Export it again."


def read_part(path: Path, start: int, size: int, end: int) -> bytearray:
    """Read `size` bytes from `start` of the inflated file; refuse a file that does not end about at `end`."""
    kept = bytearray()
    at = 0
    for block in blocks(path):
        kept += block[max(start - at, 0) : max(start + size - at, 0)]
        at += len(block)
        if at > end + MAX_EXTRA:
            raise RefusedError("The file is longer than its header says. Export it again.")
    if at < end:
        raise RefusedError(CUT)
    return kept


def blocks(path: Path) -> Iterator[bytes]:
    """Read a file in blocks, inflated if it is packed."""
    with path.open("rb") as file:
        first = file.read(READ_BLOCK)
        if first.startswith(GZIP_SIGNATURE):
            yield from _inflated(file, first)
            return
        while first:
            yield first
            first = file.read(READ_BLOCK)


def _inflated(file: BinaryIO, packed: bytes) -> Iterator[bytes]:
    """Inflate all members of a gzip file; what follows them and is none is left out, as transfers append bytes."""
    while packed.startswith(GZIP_SIGNATURE):
        inflater = zlib.decompressobj(zlib.MAX_WBITS + 16)  # with the header and checksum of gzip
        while not inflater.eof:
            block = inflater.decompress(packed, READ_BLOCK)
            yield block
            packed = inflater.unconsumed_tail or file.read(READ_BLOCK)
            if not (block or packed or inflater.eof):
                raise RefusedError(CUT)
        packed = inflater.unused_data + packed
        if len(packed) < len(GZIP_SIGNATURE):
            packed += file.read(READ_BLOCK)
