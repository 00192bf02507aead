"""Look-up tables from stored pixels to gray values: modality LUT and gray palette (PS3.3 C.11.1, C.7.6.3.1.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from triage.errors import RefusedError
from triage.scans.formats.gray_scale import Stored
from triage.scans.formats.pixel_module import as_signed, photometric


@dataclass(frozen=True, slots=True)
class Table:
    """A look-up table: the first mapped value, and the outputs; values on either side take its ends."""

    first: int
    outputs: NDArray[np.integer]

    def of(self, stored: Stored) -> NDArray[np.integer]:
        """Return the outputs for stored values."""
        return self.outputs[np.clip(stored.astype(np.int64) - self.first, 0, len(self.outputs) - 1)]


def modality(item: Dataset, header: Dataset, signed: bool) -> Table:
    """Return the table of an item of the Modality LUT Sequence.

    Raises
    ------
    RefusedError
        If it has no outputs.
    """
    # Not by pydicom, which takes the first mapped value as it is written, often unsigned where signed is meant.
    entries, first, _ = (int(value) for value in item.LUTDescriptor)
    entries = entries % 2**16 or 2**16
    data = item.get("LUTData")
    if isinstance(data, bytes):
        order = "<" if header.original_encoding[1] is not False else ">"
        # Some writers pack outputs of 8 bits into bytes.
        data = np.frombuffer(data, "u1" if len(data) < 2 * entries and len(data) >= entries else order + "u2")
    outputs = np.atleast_1d(data)[:entries]
    if not outputs.size or outputs.dtype.kind not in "iu":
        raise RefusedError("LUT Data (0028,3006) of the modality LUT cannot be read. Export it again without this LUT.")
    return Table(as_signed(first, signed), outputs.astype(np.uint16))


def gray_palette(header: Dataset, signed: bool) -> Table | None:
    """Return the palette of an object if all of its entries are gray; None if it has colours or is unusable."""
    try:
        descriptor = [int(value) for value in header.RedPaletteColorLookupTableDescriptor]
        first = as_signed(descriptor[1], signed)
        mapped = np.arange(descriptor[1], descriptor[1] + (descriptor[0] % 2**16 or 2**16))
        colours = apply_color_lut(mapped, header)
    except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError, struct.error):
        return None
    return Table(first, colours[:, 0]) if (colours == colours[:, :1]).all() else None


def is_coloured(header: Dataset) -> bool:
    """Return whether the palette of an object shows colours, as on a map of perfusion."""
    if photometric(header) != "PALETTE COLOR":
        return False
    return gray_palette(header, signed=header.get("PixelRepresentation") == 1) is None
