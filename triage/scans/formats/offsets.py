"""Offset tables of compressed pixels (PS3.5 A.4): by a wrong one, decoders lose frames without a word."""

from __future__ import annotations

import struct

from pydicom import Dataset
from pydicom.encaps import parse_fragments

EXTENDED = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
#: Length of the tag and the length of an item: bytes.
ITEM = 8


def without_wrong_offsets(header: Dataset, frames: int) -> None:
    """Remove a basic offset table that does not fit the fragments, and the extended one.

    Without them, frames are found by their number, or by the end marks of their codestreams. The extended table comes
    only with one fragment for each frame, so that it is never needed.
    """
    for keyword in EXTENDED:
        if keyword in header:
            del header[keyword]
    pixels = header["PixelData"]
    _, items = parse_fragments(pixels.value)
    if len(items) < 2 or items[1] == ITEM:
        return
    table, begins = pixels.value[ITEM : items[1]], [at - items[1] for at in items[1:]]
    if len(table) == 4 * frames:
        stated = list(struct.unpack(f"<{frames}I", table))
        if stated == (begins if len(begins) == frames else sorted({0, *stated} & set(begins))):
            return
    pixels.value = pixels.value[: ITEM - 4] + bytes(4) + pixels.value[items[1] :]
